#!/usr/bin/env python3
"""Drives a CoAP twin service with the unmodified aiocoap (pip install aiocoap).

It walks one twin through its life: put, get in JSON and CBOR, etag, conditions, merge patch, fetch, observation, a twin
of many blocks both ways, errors with problem details, delete. One line per check: `ok NAME` or `FAIL NAME: what came
instead`. Exit code 0 if every check passed, 1 otherwise.

    coap_aiocoap.py coap://127.0.0.1:5683/twins/heater

The twin must not exist yet.
"""

import asyncio
import json
import sys

import aiocoap
from aiocoap import Code, Message

JSON, MERGE_PATCH, CBOR, PROBLEM = 50, 52, 60, 257
TIMEOUT = 20


class Checks:
    """Counts and prints the checks."""

    def __init__(self):
        self.failed = 0

    def equal(self, name, got, expected):
        if got == expected:
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {name}: got {got!r}, expected {expected!r}", flush=True)


async def ask(context, code, uri, payload=b"", **options):
    request = Message(code=code, uri=uri, payload=payload)
    for name, value in options.items():
        setattr(request.opt, name, value)
    return await asyncio.wait_for(context.request(request).response, TIMEOUT)


async def walk(base, checks):
    context = await aiocoap.Context.create_client_context()
    desired, reported = f"{base}/desired", f"{base}/reported"

    answer = await ask(context, Code.GET, base)
    checks.equal("a twin that is not there", answer.code, Code.NOT_FOUND)
    checks.equal("it says why", answer.payload, b"no such twin")

    answer = await ask(context, Code.PUT, desired, b'{"target":21.5,"on":true}', content_format=JSON)
    checks.equal("put makes it", answer.code, Code.CREATED)
    answer = await ask(context, Code.GET, base)
    checks.equal("get", json.loads(answer.payload), {"desired": {"target": 21.5, "on": True}})
    checks.equal("content format", int(answer.opt.content_format), JSON)
    answer = await ask(context, Code.GET, desired, accept=CBOR)
    checks.equal("cbor", answer.payload, bytes.fromhex("a2626f6ef566746172676574c4822018d7"))
    checks.equal("its format", int(answer.opt.content_format), CBOR)

    etag = answer.opt.etag
    answer = await ask(context, Code.GET, desired, etags=[b"other", etag])
    checks.equal("etag that is still the one", (answer.code, answer.opt.etag), (Code.VALID, etag))

    patch = {"payload": b'{"on":null}', "content_format": MERGE_PATCH}
    answer = await ask(context, Code.iPATCH, desired, if_match=[etag], **patch)
    checks.equal("if-match", answer.code, Code.CHANGED)
    answer = await ask(context, Code.iPATCH, desired, if_match=[etag], **patch)
    checks.equal("late if-match", answer.code, Code.PRECONDITION_FAILED)
    answer = await ask(context, Code.PUT, desired, b"{}", if_none_match=True)
    checks.equal("if-none-match", answer.code, Code.PRECONDITION_FAILED)
    answer = await ask(context, Code.PATCH, desired, bytes.fromhex("a1626f6ef4"), content_format=CBOR)
    checks.equal("patch in cbor", answer.code, Code.CHANGED)
    answer = await ask(context, Code.FETCH, base, b'["/desired/on"]', content_format=JSON)
    checks.equal("fetch", json.loads(answer.payload), {"desired": {"on": False}})

    answer = await ask(context, Code.PUT, desired, b"7", content_format=JSON, accept=PROBLEM)
    checks.equal("a section that is no map", answer.code, Code.UNPROCESSABLE_ENTITY)
    checks.equal("problem details", int(answer.opt.content_format), PROBLEM)
    for name, answer, code in [
        ("no json", await ask(context, Code.PUT, desired, b"{", content_format=JSON), Code.BAD_REQUEST),
        ("unknown format", await ask(context, Code.PUT, desired, b"{}", content_format=0), Code.UNSUPPORTED_CONTENT_FORMAT),
        ("not acceptable", await ask(context, Code.GET, desired, accept=40), Code.NOT_ACCEPTABLE),
        ("no such method", await ask(context, Code.POST, desired, b"{}"), Code.METHOD_NOT_ALLOWED),
        ("no such resource", await ask(context, Code.GET, base + "/a/b"), Code.NOT_FOUND),
    ]:
        checks.equal(name, answer.code, code)

    large = {f"key{number:04}": f"value {number}" for number in range(400)}
    body = json.dumps(large, separators=(",", ":")).encode()
    answer = await ask(context, Code.PUT, reported, body, content_format=JSON)
    checks.equal(f"{len(body)} bytes up", answer.code, Code.CHANGED)
    answer = await ask(context, Code.GET, reported)
    checks.equal("and down", json.loads(answer.payload), large)
    answer = await ask(context, Code.FETCH, base, b'["/reported"]', content_format=JSON)
    checks.equal("fetched in blocks", json.loads(answer.payload), {"reported": large})

    for name, uri, first in [("observation", desired, None), ("observation of many blocks", reported, large)]:
        request = context.request(Message(code=Code.GET, uri=uri, observe=0))
        answer = await asyncio.wait_for(request.response, TIMEOUT)
        if first is not None:
            checks.equal(f"{name}: at first", json.loads(answer.payload), first)
        told = request.observation.__aiter__()
        for count in (1, 2):
            await ask(context, Code.iPATCH, uri, b'{"round":%d}' % count, content_format=MERGE_PATCH)
            while True:
                answer = await asyncio.wait_for(told.__anext__(), TIMEOUT)
                if json.loads(answer.payload).get("round") == count:
                    break
            checks.equal(f"{name}: {count}", len(json.loads(answer.payload)) > 1, True)
        request.observation.cancel()

    answer = await ask(context, Code.DELETE, base)
    checks.equal("delete", answer.code, Code.DELETED)
    answer = await ask(context, Code.GET, base)
    checks.equal("it is gone", answer.code, Code.NOT_FOUND)
    await context.shutdown()


def main():
    checks = Checks()
    asyncio.run(walk(sys.argv[1], checks))
    print(f"{checks.failed} failed", flush=True)
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
