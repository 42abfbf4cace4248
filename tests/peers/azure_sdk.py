#!/usr/bin/env python3
"""Drives an Azure-compatible twin service with Microsoft's own Python packages, unmodified.

azure-iot-device (device side, MQTT 3.1.1 over TLS, port 8883 fixed in the package) and azure-iot-hub
(back-end side, HTTPS). Exit code 0 if every check passed. See run_azure_sdk.sh, which starts the service.
"""

import argparse
import asyncio
import os
import sys
import uuid

KEY = "c2VjcmV0IGtleSBvZiBhIHRlc3Q="
failed = 0


def check(name, holds, detail=""):
    global failed
    print(("ok   " if holds else "FAIL ") + name + ("" if holds else f": {detail}"))
    failed += 0 if holds else 1


async def device_side(arguments, registry, device):
    from azure.iot.device.aio import IoTHubDeviceClient

    with open(arguments.ca, encoding="ascii") as file:
        ca = file.read()
    client = IoTHubDeviceClient.create_from_connection_string(
        f"HostName=localhost;DeviceId={device};SharedAccessKey={KEY}",
        server_verification_cert=ca,
        # The package takes a model for the product.
        product_info="dtmi:example:Thermostat;1",
    )
    patches = asyncio.Queue()
    await asyncio.wait_for(client.connect(), 20)

    async def take(patch):
        await patches.put(patch)

    client.on_twin_desired_properties_patch_received = take
    twin = await asyncio.wait_for(client.get_twin(), 20)
    check("a new twin is empty, at version 1", twin == {
        "desired": {"$version": 1}, "reported": {"$version": 1}}, twin)

    await asyncio.wait_for(client.patch_twin_reported_properties({"battery": 81, "gone": None}), 20)
    await asyncio.wait_for(
        client.patch_twin_reported_properties({"nested": {"a": [1, {"b": 2}], "name": "Tür \U0001f6aa"}}), 20)
    twin = await asyncio.wait_for(client.get_twin(), 20)
    check("reports are merged and counted", twin["reported"] == {
        "battery": 81, "nested": {"a": [1, {"b": 2}], "name": "Tür \U0001f6aa"}, "$version": 3}, twin)

    for name, patch in {
        "null in an array": {"a": [{"b": None}]},
        "a key with a dot": {"a.b": 1},
        "a number that is too large": {"a": 2**52},
        "a section that is too large": {f"k{i}": "x" * 4000 for i in range(9)},
    }.items():
        try:
            await asyncio.wait_for(client.patch_twin_reported_properties(patch), 20)
            check(f"{name} is refused", False, "accepted")
        except Exception as error:  # The package has its own for each status.
            check(f"{name} is refused", "Timeout" not in type(error).__name__, repr(error))

    # The back-end's side, in another package.
    from azure.iot.hub.models import Twin, TwinProperties

    def ask(function, *values):
        return asyncio.get_running_loop().run_in_executor(None, lambda: function(*values))

    seen = await ask(registry.get_twin, device)
    check("a back-end sees what was reported", seen.properties.reported["battery"] == 81, seen)
    check("metadata says when", "$lastUpdated" in seen.properties.reported["$metadata"]["battery"],
          seen.properties.reported)
    check("and that it is connected", seen.connection_state == "Connected", seen.connection_state)
    check("and its model", getattr(seen, "model_id", None) in (None, "dtmi:example:Thermostat;1"), seen)

    change = Twin(tags={"room": "kitchen"},
                  properties=TwinProperties(desired={"target": 21.5, "fan": {"speed": 3}}))
    changed = await ask(registry.update_twin, device, change, seen.etag)
    check("desired is merged under its etag", changed.properties.desired["target"] == 21.5, changed)
    check("and has a new etag", changed.etag != seen.etag, changed.etag)
    patch = await asyncio.wait_for(patches.get(), 20)
    check("the device hears of it", patch == {
        "target": 21.5, "fan": {"speed": 3}, "$version": 2}, patch)

    try:
        await ask(registry.update_twin, device, change, seen.etag)
        check("an old etag is refused", False, "accepted")
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        check("an old etag is refused", status == 412, repr(error))
    replaced = Twin(tags={}, properties=TwinProperties(desired={"target": 22}))
    await ask(registry.replace_twin, device, replaced)
    patch = await asyncio.wait_for(patches.get(), 20)
    check("a replace reaches it with nulls", patch == {
        "target": 22, "fan": None, "$version": 3}, patch)
    try:
        await ask(registry.get_twin, "nobody-" + uuid.uuid4().hex)
        check("an unknown device is not found", False, "found")
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        check("an unknown device is not found", status == 404, repr(error))

    # A second device hears nothing of this one.
    other = IoTHubDeviceClient.create_from_connection_string(
        f"HostName=localhost;DeviceId={device}-2;SharedAccessKey={KEY}",
        server_verification_cert=ca,
    )
    strangers = asyncio.Queue()

    async def take_other(patch):
        await strangers.put(patch)

    await asyncio.wait_for(other.connect(), 20)
    other.on_twin_desired_properties_patch_received = take_other
    twin = await asyncio.wait_for(other.get_twin(), 20)
    check("another device has a twin of its own", twin["reported"] == {"$version": 1}, twin)
    await queries(ask, registry, device)
    await ask(registry.update_twin, device, Twin(properties=TwinProperties(desired={"secret": 1})), "*")
    await asyncio.wait_for(patches.get(), 20)
    await asyncio.sleep(1)
    check("and hears nothing of the first", strangers.empty())
    await other.shutdown()
    await client.shutdown()


async def queries(ask, registry, device):
    from azure.iot.hub.models import QuerySpecification

    def query(text, size=None, continuation=None):
        return ask(registry.query_iot_hub, QuerySpecification(query=text), continuation, size)

    found = await query("SELECT * FROM devices WHERE properties.desired.target = 22 "
                        "AND properties.reported.battery > 80")
    check("a query finds the twin", [twin.device_id for twin in found.items] == [device], found.items)
    check("whole, with its metadata",
          "$metadata" in found.items[0].properties.reported and found.items[0].etag, found.items[0])
    found = await query("SELECT * FROM devices WHERE properties.reported.battery > 81")
    check("and not one that does not match", found.items == [], found.items)
    found = await query("SELECT deviceId, properties.reported.battery AS battery FROM devices "
                        f"WHERE deviceId = '{device}'")
    # The package has fields for the columns of a twin, and keeps all others aside.
    rows = [(item.device_id, item.additional_properties) for item in found.items]
    check("a projection gives its columns", rows == [(device, {"battery": 81})], rows)
    seen, token = [], None
    for _page in range(2):
        found = await query("SELECT * FROM devices", 1, token)
        seen, token = seen + [twin.device_id for twin in found.items], found.continuation_token
    check("pages of one give each twin once", seen == [device, device + "-2"] and not token, (seen, token))
    try:
        await query("SELECT * FORM devices")
        check("a malformed query is refused", False, "accepted")
    except Exception as error:
        response = getattr(error, "response", None)
        check("a malformed query is refused, with the column",
              getattr(response, "status_code", None) == 400 and "column 10" in response.text, repr(error))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ca", required=True)
    parser.add_argument("--http", required=True, help="host:port of the back-ends' side")
    arguments = parser.parse_args()
    os.environ["REQUESTS_CA_BUNDLE"] = arguments.ca
    from azure.iot.hub import IoTHubRegistryManager

    registry = IoTHubRegistryManager.from_connection_string(
        f"HostName={arguments.http};SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}")
    device = "peer-" + uuid.uuid4().hex[:8]
    asyncio.run(device_side(arguments, registry, device))
    print(f"{failed} failed")
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
