"""Bytes that are no request: answered in JSON, a line in the log, and no stack that anyone could fill it with."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.house import House, house
from tests.model_server import SyncModelServer

POST = b"POST /v1/memories HTTP/1.1\r\nHost: 127.0.0.1\r\n"
GET = b"GET /healthz HTTP/1.1\r\n"
NO_REQUESTS = [
    POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
    POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    POST + b"Content-Length: five\r\n\r\nabcde",
    GET + b"\r\n",
    GET + b"Host: a\r\nHost: b\r\n\r\n",
    GET + b"Host: a\r\nX-Secret: s3cret\0\r\n\r\n",
    GET + b"Host: a\r\nX-Secret: " + b"s3cret" * 2000 + b"\r\n\r\n",
    b"GET /" + b"s3cret" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n",
    b"FOO /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    bytes(range(256)),
]


async def exchange(house: House, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to these bytes."""
    reader, writer = await asyncio.open_connection(*house.gateway.address)
    writer.write(sent)
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


async def exchange_to_the_end(house: House, sent: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to these bytes, behind which nothing comes."""
    reader, writer = await asyncio.open_connection(*house.gateway.address)
    writer.write(sent)
    writer.write_eof()
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head, body


@pytest.mark.parametrize("sent", NO_REQUESTS)
async def test_what_is_no_request_is_told_so_in_json(bare: House, logged: list[dict[str, Any]], sent: bytes) -> None:
    head, body = await exchange(bare, sent)

    assert head.split(b" ")[1] == b"400"
    assert b"application/json" in head
    assert json.loads(body)["error"]["code"] == "invalid"
    assert b"s3cret" not in body
    assert [record["level"].name for record in logged if record["exception"] or record["level"].no > 20] == []
    assert "s3cret" not in str([(record["message"], record["extra"]) for record in logged])
    assert (await bare.get("/healthz")) == {"status": "ok"}


@pytest.mark.parametrize("version", [b"2.0", b"0.9"])
async def test_another_version_is_refused_and_the_connection_ends(
    bare: House, logged: list[dict[str, Any]], version: bytes
) -> None:
    head, body = await exchange(bare, b"GET /healthz HTTP/%b\r\nHost: a\r\n\r\n" % version)

    assert head.split(b" ")[1] == b"505"
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert [record for record in logged if record["exception"] or record["level"].no > 20] == []


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("coding", [b"", b"gzip, chunked", b"identity, chunked"])
async def test_a_body_whose_end_a_proxy_may_see_elsewhere_ends_the_connection(
    bare: House, version: bytes, coding: bytes
) -> None:
    head = b"POST /v1/memories HTTP/%b\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nTransfer-Encoding: %b\r\n\r\n"
    behind = b"0\r\n\r\n" + GET + b"Host: 127.0.0.1\r\n\r\n"
    head, rest = await exchange(bare, head % (version, coding) + behind)

    assert head.split(b" ")[1] in {b"400", b"501"}
    assert json.loads(rest)["error"]["code"] == "invalid"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_encoded_as_it_says(bare: House, logged: list[dict[str, Any]], encoding: str) -> None:
    headers = f"Connection: close\r\nContent-Encoding: {encoding}\r\nContent-Length: 14\r\n\r\n"
    head, body = await exchange(bare, POST + headers.encode() + b'{"text": "abc"')

    assert head.split(b" ")[1] == b"400"
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert [record for record in logged if record["exception"]] == []


async def test_an_unknown_expectation_is_passed_over(bare: House) -> None:
    head, _ = await exchange(bare, GET + b"Host: 127.0.0.1\r\nExpect: miracles\r\nConnection: close\r\n\r\n")
    assert head.split(b" ")[1] == b"200"


async def test_who_asks_first_is_not_told_to_send_a_body_that_is_too_large(bare: House) -> None:
    reader, writer = await asyncio.open_connection(*bare.gateway.address)
    writer.write(POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert head.split(b" ")[1] == b"413"


async def test_an_unknown_expectation_at_no_path_is_answered(bare: House, logged: list[dict[str, Any]]) -> None:
    head, _ = await exchange(bare, b"GET /no HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: miracles\r\nConnection: close\r\n\r\n")
    assert head.split(b" ")[1] in {b"404", b"417"}
    assert [record for record in logged if record["exception"]] == []


async def test_a_load_balancer_may_ask_with_head(bare: House) -> None:
    async with bare.http.head(f"{bare.url}/healthz") as response:
        assert response.status == 200
        assert await response.read() == b""


async def test_more_connections_than_there_may_be_cost_those_that_say_nothing(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.actor.most_connections", lambda: 20)
    async with house(short_dir, parts=()) as crowded:
        silent = [await asyncio.open_connection(*crowded.gateway.address) for _ in range(50)]
        for _ in range(5):
            head, _ = await exchange(crowded, GET + b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert head.split(b" ")[1] == b"200"

        async with asyncio.timeout(5):
            told = [await reader.read() for reader, _ in silent[:25]]
        assert all(answer.startswith(b"HTTP/1.1 503 ") and b'"overloaded"' in answer for answer in told)
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize("path", ["/metrics", "/v1/memories/export", "/v1/events", "/v1/memories?limit=1"])
async def test_what_can_be_read_can_be_asked_for_its_head(short_dir: Path, path: str) -> None:
    async with house(short_dir, parts=("memory", "llm", "daemon")) as whole, asyncio.timeout(20):
        async with whole.http.head(whole.url + path) as response:
            assert response.status == 200
            assert await response.read() == b""

        # Over one connection: nothing of a body comes before the next answer's head.
        asked = f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        answers = await exchange(whole, asked + GET + b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n")
        head, rest = answers
        assert head.startswith(b"HTTP/1.1 200 ")
        assert rest.startswith(b"HTTP/1.1 200 ")


async def test_a_client_that_ends_its_side_is_answered_all_that_it_asked(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory",)) as lattice:
        body = b'{"text": "Half a connection.", "kind": "fact"}'
        writes = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
        reader, writer = await asyncio.open_connection(*lattice.gateway.address)
        mine = writer.get_extra_info("sockname")
        writer.write(writes * 2 + GET + b"Host: 127.0.0.1\r\n\r\n")
        writer.write_eof()
        async with asyncio.timeout(10):
            answered = await reader.read()
        writer.close()
        assert [part.split(b" ")[0] for part in answered.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"200"]
        async with asyncio.timeout(10):
            while any(one.peername == mine for one in lattice.gateway.runner.server.connections):
                await lattice.get("/healthz")


@pytest.mark.parametrize("requests", [1, 5])
@pytest.mark.parametrize(
    "garbage", [b"\0\1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", POST + b"Content-Length: five\r\n\r\n"], ids=range(3)
)
async def test_what_is_no_request_takes_none_with_it_that_stood_before_it(
    short_dir: Path, requests: int, garbage: bytes
) -> None:
    async with house(short_dir, parts=("memory",)) as lattice:
        body = b'{"text": "Before it.", "kind": "fact"}'
        writes = (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body) * requests
        reader, writer = await asyncio.open_connection(*lattice.gateway.address)
        writer.write(writes + garbage)
        async with asyncio.timeout(10):
            answered = await reader.read()
        writer.close()
        assert re.findall(rb"HTTP/1\.[01] (\d+) ", answered) == [b"201"] * requests + [b"400"], answered
        assert (await lattice.get("/v1/memories/stats"))["count"] == requests


async def test_requests_that_come_in_any_pieces_are_all_answered(bare: House) -> None:
    asked = (POST + b"Content-Length: 2\r\n\r\n{}" + GET + b"Host: localhost\r\n\r\n") * 40
    for size in (1, 7, 100, 1000, len(asked)):
        reader, writer = await asyncio.open_connection(*bare.gateway.address)
        for at in range(0, len(asked), size):
            writer.write(asked[at : at + size])
            await asyncio.sleep(0)
        told = b""
        async with asyncio.timeout(20):
            while told.count(b"HTTP/1.1 200 ") < 40:
                told += await reader.read(1 << 16)
        writer.close()
        assert told.count(b"HTTP/1.1 400 ") == 40


@pytest.mark.parametrize("upgrades", [1, 2])
async def test_requests_behind_an_upgrade_that_is_declined_are_all_answered(bare: House, upgrades: int) -> None:
    upgrade = GET + b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    plain = GET + b"Host: localhost\r\n\r\n"
    asked = (upgrade + plain * 3) * upgrades + plain + GET + b"Host: localhost\r\nConnection: close\r\n\r\n"
    head, told = await exchange(bare, asked)
    assert (head + told).count(b"HTTP/1.1 200 ") == 4 * upgrades + 2


async def test_garbage_behind_an_upgrade_that_is_declined_is_told_so_once(bare: House) -> None:
    upgrade = GET + b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    for between in (b"", GET + b"Host: localhost\r\n\r\n"):
        head, told = await exchange(bare, upgrade + between + b"\0\1\r\n\r\n")
        assert re.findall(rb"HTTP/1\.[01] (\d+) ", head + told)[-1:] == [b"400"]
        assert (head + told).count(b"HTTP/1.1 200 ") == (2 if between else 1)


async def test_http_2_is_told_what_is_spoken(bare: House) -> None:
    head, body = await exchange(bare, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert head.split(b" ")[1] == b"505"
    assert json.loads(body)["error"]["message"] == "HTTP/1.1 and HTTP/1.0 are spoken here"


@pytest.mark.parametrize("requests", [1, 2])
async def test_a_client_that_ends_its_side_at_once_is_answered(short_dir: Path, requests: int) -> None:
    async with house(short_dir, parts=("memory",)) as lattice:
        body = b'{"text": "At once.", "kind": "fact"}'
        head, told = await exchange_to_the_end(lattice, (POST + b"Content-Length: %d\r\n\r\n" % len(body) + body) * requests)
        assert head.split(b" ")[1] == b"201"
        assert told.count(b'"created":true') == requests


@asynccontextmanager
async def half_closed(house: House, asked: bytes, high: int) -> AsyncIterator[tuple[Any, asyncio.StreamReader]]:
    """A client that has ended its side and takes little at once, and the gateway's end, which has gone by that.

    `high`: bytes that the gateway's end has waiting before whoever writes more has to wait.
    """
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, house.gateway.address)
    reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
    mine = writer.get_extra_info("sockname")
    try:
        async with asyncio.timeout(10):
            while not (found := [one for one in house.gateway.runner.server.connections if one.peername == mine]):
                await house.get("/healthz")
            theirs = found[0].transport
            theirs.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            theirs.set_write_buffer_limits(high=high)
            writer.write(asked)
            writer.write_eof()
            while not (theirs.is_closing() or found[0]._close):
                await house.get("/healthz")
        yield theirs, reader
    finally:
        writer.close()


@pytest.mark.parametrize("high", [1 << 10, 1 << 20])
async def test_an_answer_that_is_made_in_time_is_sent_whole_to_a_client_that_ended_its_side(
    bare: House, monkeypatch: pytest.MonkeyPatch, high: int
) -> None:
    # Made once, so that it is there at once.
    async with bare.http.get(f"{bare.url}/openapi.json") as response:
        whole = await response.read()
    monkeypatch.setattr("gateway.connection.HALF_CLOSED_S", 1.0)
    async with half_closed(bare, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", high) as (theirs, reader):
        assert theirs.get_write_buffer_size() > 0
        async with asyncio.timeout(20):
            assert (await reader.read()).partition(b"\r\n\r\n")[2] == whole


@pytest.mark.parametrize("high", [1 << 10, 1 << 20])
async def test_a_client_that_ended_its_side_and_takes_nothing_is_gone_in_the_end(
    bare: House, monkeypatch: pytest.MonkeyPatch, high: int
) -> None:
    await exchange(bare, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    monkeypatch.setattr("gateway.connection.HALF_CLOSED_S", 1.0)
    monkeypatch.setattr("gateway.connection.TAKEN_S", 0.1)
    async with half_closed(bare, b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", high) as (theirs, _):
        async with asyncio.timeout(10):
            while theirs.get_write_buffer_size():
                await bare.get("/healthz")


async def test_a_client_that_ends_its_side_in_the_middle_of_a_request_is_gone(bare: House) -> None:
    head, body = await exchange_to_the_end(bare, POST + b"Content-Length: 50\r\n\r\n{")
    assert (head, body) == (b"", b"")


async def test_a_client_that_is_gone_ends_its_model_call(short_dir: Path, model: SyncModelServer) -> None:
    model.next({"fault": "hang"})
    async with house(short_dir, model=model.base_url) as lattice:
        chat = json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode()
        _, writer = await asyncio.open_connection(*lattice.gateway.address)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(chat) + chat)
        await asyncio.to_thread(model.log, holding=1)
        writer.close()
        await asyncio.to_thread(model.log, hung_up=1)
