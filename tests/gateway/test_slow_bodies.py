"""Clients that send their bodies slowly keep nobody out: they have no place, and their room goes to others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from gateway.admission import Admission
from gateway.auth import ApiKeys, KeyFile
from gateway.body_room import Reader
from gateway.http_metrics import HttpMetrics
from gateway.settings import GatewaySettings
from tests.gateway.house import House, house, user
from tests.gateway.test_shedding import Client, client_of
from tests.model_server import SyncModelServer

WRITE = {"text": "A fact.", "kind": "fact"}
BODY = json.dumps(WRITE).encode()
LINE = json.dumps({"type": "memory", "text": "Taken over."}).encode()


def head(path: str, size: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n".encode()


@pytest.fixture
async def clients() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def slow(clients: AsyncExitStack, lattice: House, path: str, body: bytes, size: int | None = None) -> Client:
    """A client that has sent a byte of its body, which the gateway has."""
    known = len(lattice.gateway.admission.bodies.readers)
    client = await clients.enter_async_context(client_of(lattice))
    client.writer.write(head(path, size or len(body)) + body[:1])
    async with asyncio.timeout(10):
        while len(lattice.gateway.admission.bodies.readers) <= known:
            await lattice.get("/healthz")
    return client


@pytest.mark.parametrize("path", ["/v1/memories", "/mcp", "/v1/memories/import"])
async def test_bodies_that_have_not_come_hold_no_place(short_dir: Path, clients: AsyncExitStack, path: str) -> None:
    async with house(short_dir, parts=("memory",), max_in_flight=2) as lattice:
        for _ in range(6):
            await slow(clients, lattice, path, BODY)
        await lattice.post("/v1/memories", WRITE)
        assert lattice.gateway.admission.requests == 0


async def test_a_slow_body_is_handled_once_it_is_there(short_dir: Path, clients: AsyncExitStack) -> None:
    async with house(short_dir, parts=("memory",), max_in_flight=1) as lattice:
        writes = [await slow(clients, lattice, "/v1/memories", BODY) for _ in range(3)]
        brought = await slow(clients, lattice, "/v1/memories/import?format=messages", b'[{"role": "user", "content": "Hi."}]')
        await lattice.post("/v1/memories", WRITE)
        for client in writes:
            status, _, _ = await client.ask(BODY[1:])
            assert status == 201
        status, _, told = await brought.ask(b'{"role": "user", "content": "Hi."}]')
        assert (status, told["created"]) == (200, 1)


async def test_an_import_whose_next_piece_has_come_waits_for_a_place_and_goes_before_others(
    short_dir: Path, clients: AsyncExitStack, model: SyncModelServer
) -> None:
    model.next({"fault": "hang"})
    async with house(short_dir, model=model.base_url, max_in_flight=1) as lattice:
        admission = lattice.gateway.admission
        brought = await slow(clients, lattice, "/v1/memories/import?format=messages", b'[{"role": "user", "content": "Hi."}]')
        chat = asyncio.create_task(lattice.post("/v1/chat/completions", {"model": "gpt-test", "messages": [user("Hello.")]}))
        await asyncio.to_thread(model.log, holding=1)
        brought.writer.write(b'{"role": "user", "content": "Hi."}]')
        async with asyncio.timeout(10):
            while not admission.returning:
                await lattice.get("/healthz")
        assert admission.requests == 1

        model.release()
        await chat
        status, _, told = await brought.answer()
        assert (status, told["created"]) == (200, 1)
        await lattice.post("/v1/memories", WRITE)
        assert admission.requests == 0


@pytest.mark.parametrize("place", ["came", "did not come"])
async def test_who_gives_up_while_it_waits_for_a_place_keeps_none(short_dir: Path, place: str) -> None:
    admission = Admission(GatewaySettings(max_in_flight=1), ApiKeys(KeyFile(short_dir)), HttpMetrics(), keys_required=False)
    with ExitStack() as other:

        async def bring_in() -> None:
            with admission.entered():
                async with admission.away(Reader(0, pytest.fail)):
                    other.enter_context(admission.entered())

        waits = asyncio.create_task(bring_in())
        while not admission.returning:  # noqa: ASYNC110 (it comes there within a turn of the loop or two)
            await asyncio.sleep(0)
        assert (admission.requests, admission.is_full) == (1, True)
        if place == "came":
            other.close()
        waits.cancel()
        await asyncio.wait((waits,))
    assert (admission.requests, admission.is_full) == (0, False)


async def test_an_import_that_waits_for_a_place_goes_on_where_there_are_more_again(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("gateway.admission.time.monotonic", lambda: now[0])
    admission = Admission(GatewaySettings(max_in_flight=400), ApiKeys(KeyFile(short_dir)), HttpMetrics(), keys_required=False)
    with ExitStack() as others:

        async def bring_in() -> None:
            with admission.entered():
                async with admission.away(Reader(0, pytest.fail)):
                    while not admission.is_full:
                        others.enter_context(admission.entered())

        admission.actor_refused()
        brings = asyncio.create_task(bring_in())
        while not admission.returning:  # noqa: ASYNC110 (it comes there within a turn of the loop or two)
            await asyncio.sleep(0)
        assert admission.is_full
        now[0] += 10.0
        assert not admission.is_full
        # Nobody has left.
        await asyncio.wait_for(brings, 30)
    assert admission.requests == 0


async def test_of_too_many_the_one_that_has_been_waited_for_longest_is_told(
    short_dir: Path, clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(short_dir, parts=("memory",)) as lattice:
        first, *others = [await slow(clients, lattice, "/v1/memories", BODY) for _ in range(3)]
        monkeypatch.setattr("gateway.body_room.READERS", 3)
        async with client_of(lattice) as last:
            last.writer.write(head("/v1/memories", len(BODY)))
            status, headers, told = await first.answer()
            assert (status, told["error"]["code"], headers["x-should-retry"]) == (429, "overloaded", "true")
            for client in (last, *others):
                client.writer.write(BODY if client is last else BODY[1:])
                assert (await client.answer())[0] == 201
        assert not lattice.gateway.admission.bodies.readers


async def test_a_body_that_will_not_be_whole_in_time_gives_its_room_to_another(
    short_dir: Path, clients: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(short_dir, parts=("memory",), max_bodies_bytes=1 << 20) as lattice:
        client = await slow(clients, lattice, "/v1/memories", BODY, 1 << 20)
        monkeypatch.setattr("gateway.body_room.GRACE_S", 0.0)
        await lattice.post("/v1/memories", WRITE)
        status, _, told = await client.answer()
        assert (status, told["error"]["code"]) == (429, "overloaded")
        assert lattice.gateway.admission.bodies.bytes == 0
