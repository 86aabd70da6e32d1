"""A stranger needs pyzmq, msgpack and docs/protocol.md, nothing of ours."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.transport.conftest import ROOT

PLAIN_CLIENT = ROOT / "tests" / "plain_client.py"


async def run(*arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", PLAIN_CLIENT, *arguments, cwd="/", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    return [(kind, json.loads(body)) for kind, _, body in (line.partition(" ") for line in output.decode().splitlines())]


async def test_it_asks(echo):
    assert await run(echo.address, "t.echo", '{"text": "tea"}') == [("reply", {"text": "tea"})]


async def test_it_reads_a_stream_longer_than_its_first_credit(echo):
    *parts, end = await run(echo.address, "t.count", '{"n": 500}')

    assert parts == [("part", {"i": i}) for i in range(500)]
    assert end == ("reply", {})


async def test_it_is_told_of_errors(echo):
    [(kind, body)] = await run(echo.address, "t.fail", "{}")

    assert (kind, body["code"], body["retryable"]) == ("error", "conflict", False)


def test_it_has_at_most_forty_lines_and_imports_nothing_of_ours():
    lines = PLAIN_CLIENT.read_text().splitlines()

    assert len(lines) <= 40
    assert [line.split()[1] for line in lines if line.startswith(("import ", "from "))] == [
        "json",
        "sys",
        "uuid",
        "msgpack",
        "zmq",
    ]
