#!/usr/bin/env python3
"""Drives a Device Shadow service with the unmodified AWS IoT Device SDK for Python (pip install awsiotsdk).

It connects to a broker with mutual TLS, as a device connects to AWS IoT, and walks one thing's shadows through
their life: update, get, delta, documents, version conflict, named shadow, clear, delete, 404. One line per check:
`ok NAME` or `FAIL NAME: what came instead`. Exit code 0 if every check passed, 1 otherwise.

    aws_sdk.py --port 8883 --ca ca.pem --cert client.pem --key client.key --client v2 --mqtt 5

`--client v1` uses IotShadowClient (publish and subscribe separately), `v2` IotShadowClientV2 (request and response,
matched by clientToken); `--mqtt 3` is MQTT 3.1.1. The thing's shadows must not exist yet.
"""

import argparse
import os
import queue
import sys
import threading
import time
import uuid

import awscrt.mqtt
import awscrt.mqtt5
import awscrt.mqtt_request_response
import awsiot
from awsiot import iotshadow, mqtt5_client_builder, mqtt_connection_builder

QOS = awscrt.mqtt.QoS.AT_LEAST_ONCE


class Rejected(Exception):
    """The service answered with an error document."""

    def __init__(self, error):
        super().__init__(f"{error.code} {error.message}")
        self.code = error.code
        self.message = error.message
        self.client_token = error.client_token


class Checks:
    """Counts and prints the checks."""

    def __init__(self):
        self.failed = 0
        self.passed = 0

    def equal(self, name, got, expected):
        if got == expected:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}: got {got!r}, expected {expected!r}", flush=True)

    def rejected(self, name, code, message, call):
        try:
            got = call()
        except Rejected as error:
            self.equal(name, (error.code, error.message), (code, message))
        else:
            self.equal(name, got, f"rejected with {code}")


# ---- connections ---------------------------------------------------------------------------------------------------


def connect_mqtt3(args):
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=args.host, port=args.port, ca_filepath=args.ca, cert_filepath=args.cert, pri_key_filepath=args.key,
        client_id=f"aws-sdk-{uuid.uuid4()}", clean_session=True, keep_alive_secs=30)
    connection.connect().result(args.timeout)
    return connection, lambda: connection.disconnect().result(args.timeout)


def connect_mqtt5(args):
    connected, stopped = threading.Event(), threading.Event()
    failure = []
    client = mqtt5_client_builder.mtls_from_path(
        endpoint=args.host, port=args.port, ca_filepath=args.ca, cert_filepath=args.cert, pri_key_filepath=args.key,
        client_id=f"aws-sdk-{uuid.uuid4()}",
        on_lifecycle_connection_success=lambda _: connected.set(),
        on_lifecycle_connection_failure=lambda data: failure.append(data.exception),
        on_lifecycle_stopped=lambda _: stopped.set())
    client.start()
    if not connected.wait(args.timeout):
        raise RuntimeError(f"no connection: {failure[-1:]}")

    def stop():
        client.stop()
        stopped.wait(args.timeout)

    return client, stop


# ---- one face for both generations of the shadow client --------------------------------------------------------------


class V2:
    """IotShadowClientV2: each call returns its own answer."""

    def __init__(self, connection, args):
        self.args = args
        self.client = iotshadow.IotShadowClientV2(connection, awscrt.mqtt_request_response.ClientOptions(
            max_request_response_subscriptions=8, max_streaming_subscriptions=8,
            operation_timeout_in_seconds=int(args.timeout)))
        self.streams = []

    def _result(self, future):
        try:
            return future.result(self.args.timeout)
        except awsiot.V2ServiceException as error:
            if error.modeled_error is None:
                raise
            raise Rejected(error.modeled_error) from error

    def get(self, shadow=None):
        if shadow:
            return self._result(self.client.get_named_shadow(
                iotshadow.GetNamedShadowRequest(thing_name=self.args.thing, shadow_name=shadow)))
        return self._result(self.client.get_shadow(iotshadow.GetShadowRequest(thing_name=self.args.thing)))

    def update(self, state, version=None, shadow=None):
        if shadow:
            return self._result(self.client.update_named_shadow(iotshadow.UpdateNamedShadowRequest(
                thing_name=self.args.thing, shadow_name=shadow, state=state, version=version)))
        return self._result(self.client.update_shadow(iotshadow.UpdateShadowRequest(
            thing_name=self.args.thing, state=state, version=version)))

    def delete(self, shadow=None):
        if shadow:
            return self._result(self.client.delete_named_shadow(
                iotshadow.DeleteNamedShadowRequest(thing_name=self.args.thing, shadow_name=shadow)))
        return self._result(self.client.delete_shadow(iotshadow.DeleteShadowRequest(thing_name=self.args.thing)))

    def listen(self, on_delta, on_documents, shadow=None):
        """Opens both event streams and waits until their subscriptions stand."""
        named = {"thing_name": self.args.thing, **({"shadow_name": shadow} if shadow else {})}
        if shadow:
            plan = [(self.client.create_named_shadow_delta_updated_stream,
                     iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(**named), on_delta),
                    (self.client.create_named_shadow_updated_stream,
                     iotshadow.NamedShadowUpdatedSubscriptionRequest(**named), on_documents)]
        else:
            plan = [(self.client.create_shadow_delta_updated_stream,
                     iotshadow.ShadowDeltaUpdatedSubscriptionRequest(**named), on_delta),
                    (self.client.create_shadow_updated_stream,
                     iotshadow.ShadowUpdatedSubscriptionRequest(**named), on_documents)]
        for create, request, callback in plan:
            standing = threading.Event()
            established = awscrt.mqtt_request_response.SubscriptionStatusEventType.SUBSCRIPTION_ESTABLISHED
            stream = create(request, awsiot.ServiceStreamOptions(
                incoming_event_listener=callback,
                subscription_status_listener=lambda event, standing=standing:
                    standing.set() if event.type == established else None))
            stream.open()
            self.streams.append(stream)
            if not standing.wait(self.args.timeout):
                raise RuntimeError("event stream was not established")


class V1:
    """IotShadowClient: subscribe to the answers once, publish, and match them by clientToken ourselves."""

    def __init__(self, connection, args):
        self.args = args
        self.client = iotshadow.IotShadowClient(connection)
        self.answers = queue.Queue()
        self.ready = set()

    def _request_class(self, verb, shadow, kind):
        name = f"{verb}{'Named' if shadow else ''}Shadow{kind}"
        return getattr(iotshadow, name)

    def _prepare(self, verb, shadow):
        """Subscribes to the accepted and rejected topics of `verb` before its first use."""
        if (verb, shadow) in self.ready:
            return
        middle = "named_shadow" if shadow else "shadow"
        request = self._request_class(verb, shadow, "SubscriptionRequest")(**self._names(shadow))
        for outcome in ("accepted", "rejected"):
            subscribe = getattr(self.client, f"subscribe_to_{verb.lower()}_{middle}_{outcome}")
            future, _ = subscribe(request, QOS, lambda answer, outcome=outcome: self.answers.put((outcome, answer)))
            future.result(self.args.timeout)
        self.ready.add((verb, shadow))

    def _names(self, shadow):
        return {"thing_name": self.args.thing, **({"shadow_name": shadow} if shadow else {})}

    def _call(self, verb, shadow, **fields):
        self._prepare(verb, shadow)
        token = str(uuid.uuid4())
        request = self._request_class(verb, shadow, "Request")(client_token=token, **self._names(shadow), **fields)
        middle = "named_shadow" if shadow else "shadow"
        getattr(self.client, f"publish_{verb.lower()}_{middle}")(request, QOS).result(self.args.timeout)
        end = time.monotonic() + self.args.timeout
        while True:
            outcome, answer = self.answers.get(timeout=max(0.01, end - time.monotonic()))
            if answer.client_token == token:
                break
        if outcome == "rejected":
            raise Rejected(answer)
        return answer

    def get(self, shadow=None):
        return self._call("Get", shadow)

    def update(self, state, version=None, shadow=None):
        return self._call("Update", shadow, state=state, version=version)

    def delete(self, shadow=None):
        return self._call("Delete", shadow)

    def listen(self, on_delta, on_documents, shadow=None):
        names = self._names(shadow)
        if shadow:
            plan = [(self.client.subscribe_to_named_shadow_delta_updated_events,
                     iotshadow.NamedShadowDeltaUpdatedSubscriptionRequest(**names), on_delta),
                    (self.client.subscribe_to_named_shadow_updated_events,
                     iotshadow.NamedShadowUpdatedSubscriptionRequest(**names), on_documents)]
        else:
            plan = [(self.client.subscribe_to_shadow_delta_updated_events,
                     iotshadow.ShadowDeltaUpdatedSubscriptionRequest(**names), on_delta),
                    (self.client.subscribe_to_shadow_updated_events,
                     iotshadow.ShadowUpdatedSubscriptionRequest(**names), on_documents)]
        for subscribe, request, callback in plan:
            future, _ = subscribe(request, QOS, callback)
            future.result(self.args.timeout)


# ---- the checks ------------------------------------------------------------------------------------------------------


def state(desired=None, reported=None, **nullable):
    return iotshadow.ShadowState(desired=desired, reported=reported, **nullable)


def sections(shadow_state):
    return (shadow_state.desired, shadow_state.reported)


def run(client, checks, args, shadow):
    """The life of one shadow: classic if `shadow` is None."""
    kind = "named" if shadow else "classic"
    name = shadow or args.thing
    deltas, documents = queue.Queue(), queue.Queue()
    client.listen(deltas.put, documents.put, shadow)
    missing = f"No shadow exists with name: '{name}'"

    def check(what, got, expected):
        checks.equal(f"{kind}: {what}", got, expected)

    def rejected(what, code, message, call):
        checks.rejected(f"{kind}: {what}", code, message, call)

    rejected("get of a shadow that does not exist is 404", 404, missing, lambda: client.get(shadow))
    rejected("delete of a shadow that does not exist is 404", 404, missing, lambda: client.delete(shadow))

    answer = client.update(state(desired={"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}), shadow=shadow)
    first = answer.version
    check("first version is 1", first, 1)
    check("update answers with the request's state", sections(answer.state),
          ({"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}, None))
    check("time of the answer is near", abs(answer.timestamp.timestamp() - time.time()) < 60, True)
    stamp = (answer.metadata.desired or {}).get("fan", {}).get("speed", {}).get("timestamp")
    check("each leaf has its time in whole seconds", isinstance(stamp, int), True)

    delta = deltas.get(timeout=args.timeout)
    check("desired without reported is all delta", (delta.state, delta.version),
          ({"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}, first))
    check("delta carries the requester's token", delta.client_token, answer.client_token)
    check("delta's metadata are the desired leaves' times", delta.metadata["target"], {"timestamp": stamp})
    event = documents.get(timeout=args.timeout)
    check("documents event of a new shadow has no previous state",
          event.previous is None or event.previous.state is None or sections(event.previous.state) == (None, None), True)
    check("documents event has the current state", (sections(event.current.state), event.current.version),
          (({"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}, None), first))

    answer = client.update(state(reported={"target": 21.5, "fan": {"speed": 1}}), shadow=shadow)
    check("version counts up", answer.version, first + 1)
    delta = deltas.get(timeout=args.timeout)
    check("delta is what still differs", (delta.state, delta.version),
          ({"fan": {"speed": 2, "mode": "auto"}}, first + 1))
    event = documents.get(timeout=args.timeout)
    check("documents event has both states",
          (sections(event.previous.state), event.previous.version, sections(event.current.state)),
          (({"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}, None), first,
           ({"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}, {"target": 21.5, "fan": {"speed": 1}})))

    answer = client.get(shadow)
    check("get has the sections and the delta",
          (answer.state.desired, answer.state.reported, answer.state.delta, answer.version),
          ({"target": 21.5, "fan": {"speed": 2, "mode": "auto"}}, {"target": 21.5, "fan": {"speed": 1}},
           {"fan": {"speed": 2, "mode": "auto"}}, first + 1))
    check("get has metadata of both sections",
          (sorted(answer.metadata.desired), sorted(answer.metadata.reported)), (["fan", "target"], ["fan", "target"]))

    rejected("an old version is a conflict", 409, "Version conflict",
             lambda: client.update(state(desired={"target": 5}), version=first, shadow=shadow))
    check("a conflict changed nothing", client.get(shadow).version, first + 1)
    answer = client.update(state(desired={"target": 20}), version=first + 1, shadow=shadow)
    check("the right version is accepted", answer.version, first + 2)
    delta = deltas.get(timeout=args.timeout)
    check("delta after the version check", delta.state, {"target": 20, "fan": {"speed": 2, "mode": "auto"}})
    documents.get(timeout=args.timeout)

    answer = client.update(state(desired={"fan": None}, reported={"target": 20}), shadow=shadow)
    check("an update answers with its nulls", sections(answer.state), ({"fan": None}, {"target": 20}))
    documents.get(timeout=args.timeout)
    answer = client.get(shadow)
    check("null removed the subtree and nothing differs",
          (answer.state.desired, answer.state.delta, answer.version), ({"target": 20}, None, first + 3))
    check("no delta event without a difference", deltas.empty(), True)

    answer = client.update(state(desired_is_nullable=True), shadow=shadow)
    check("desired null answers null", sections(answer.state), (None, None))
    documents.get(timeout=args.timeout)
    answer = client.get(shadow)
    check("a removed section is gone from state and metadata", (answer.state.desired, answer.metadata.desired),
          (None, None))

    large = {"text": "x" * 9000}
    try:
        got = client.update(state(reported=large), shadow=shadow)
    except Rejected as error:
        check("a document over 8 KB is rejected with 413", error.code, 413)
    else:
        check("a document over 8 KB is rejected with 413", got, "413")

    answer = client.delete(shadow)
    check("delete answers with the deleted version", answer.version, first + 4)
    rejected("get after delete is 404", 404, missing, lambda: client.get(shadow))
    answer = client.update(state(desired={"a": 1}), shadow=shadow)
    check("a shadow made again continues its versions", answer.version > first + 4, True)
    client.delete(shadow)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--cert", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--thing", default=f"thing-{uuid.uuid4().hex[:8]}")
    parser.add_argument("--client", choices=("v1", "v2"), default="v2")
    parser.add_argument("--mqtt", choices=("3", "5"), default="5")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for each answer")
    args = parser.parse_args()

    connect = connect_mqtt3 if args.mqtt == "3" else connect_mqtt5
    connection, stop = connect(args)
    checks = Checks()
    client = (V1 if args.client == "v1" else V2)(connection, args)
    for shadow in (None, "settings"):
        try:
            run(client, checks, args, shadow)
        except Exception as error:  # a missing answer ends this shadow's checks, not the other's
            checks.equal(f"{'named' if shadow else 'classic'}: finished", repr(error), "no exception")
    stop()
    print(f"{args.client} over MQTT {args.mqtt}: {checks.passed} passed, {checks.failed} failed", flush=True)
    # Leave without the interpreter's teardown: awscrt's native threads sometimes abort in it (seen with 0.36.1).
    sys.stdout.flush()
    os._exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
