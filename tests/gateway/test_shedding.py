"""A full house refuses by the head alone: cheaply, on connections that stay open, and without a line in the log for each."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.auth import KeyFile
from tests.gateway.house import House, house
from tests.model_server import SyncModelServer

BODY = json.dumps({"model": "gpt-test", "messages": [{"role": "user", "content": "Hello"}]}).encode()
HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\n" + HEAD
ANTHROPIC = b"POST /v1/messages HTTP/1.1\r\n" + HEAD
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Client:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of the next answer."""
        async with asyncio.timeout(10):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(first.split(" ")[1]), headers, json.loads(body)

    async def ask(self, sent: bytes) -> tuple[int, dict[str, str], Any]:
        """Send, and read the answer."""
        self.writer.write(sent)
        return await self.answer()

    async def ended(self) -> bool:
        """Whether the other side ends the connection."""
        async with asyncio.timeout(10):
            return await self.reader.read() == b""


@asynccontextmanager
async def client_of(lattice: House) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(*lattice.gateway.address)
    try:
        yield Client(reader, writer)
    finally:
        # Whatever was not sent yet is of no interest, and a house that does not read would be waited for.
        writer.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def full(home: Path, model: SyncModelServer, **settings: Any) -> AsyncIterator[tuple[House, Client, asyncio.Task[Any]]]:
    """A house whose one place is taken until `model.release()`, and a client that finds it full."""
    model.next({"fault": "hang"})
    async with house(home, model=model.base_url, max_in_flight=1, **settings) as lattice, client_of(lattice) as client:
        asking = asyncio.create_task(lattice.post("/v1/chat/completions", json.loads(BODY)))
        await asyncio.to_thread(model.log, holding=1)
        yield lattice, client, asking
        model.release()
        await asking


async def test_a_refused_client_is_told_when_to_come_back_and_is_served_on_the_same_connection(short_dir, model) -> None:
    async with full(short_dir, model) as (lattice, client, asking):
        for _ in range(3):
            status, headers, body = await client.ask(CHAT + BODY)
            assert (status, headers["retry-after"], headers["x-should-retry"]) == (429, "1", "true")
            assert body["error"]["type"] == "rate_limit_error"
            assert body["error"]["code"] == "overloaded"
            # Who asks whether the house is well is let in.
            assert (await client.ask(HEALTH))[0] == 200

        model.release()
        await asking
        status, _, body = await client.ask(CHAT + BODY)
        assert (status, body["lattice"]["degraded"]) == (200, False)
        assert await counted(lattice) == 3


async def test_what_is_refused_for_good_is_not_told_to_come_back(short_dir, model) -> None:
    async with full(short_dir, model, require_keys=False) as (_, client, _):
        assert (await client.ask(b"GET /v1/nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))[0] == 404
        assert (await client.ask(CHAT.replace(b"Host: 127.0.0.1", b"Host: elsewhere.example") + BODY))[0] == 403
        assert (await client.ask(CHAT + BODY))[0] == 429


async def test_a_full_house_tells_who_has_no_key(short_dir, model) -> None:
    secret = KeyFile(short_dir / "data").create("app")
    key = f"Authorization: Bearer {secret}\r\n".encode()
    model.next({"fault": "hang"})
    settings = {"max_in_flight": 1, "require_keys": True}
    async with house(short_dir, model=model.base_url, **settings) as lattice, client_of(lattice) as client:
        with_key = {"authorization": f"Bearer {secret}"}
        asking = asyncio.create_task(lattice.post("/v1/chat/completions", json.loads(BODY), **with_key))
        await asyncio.to_thread(model.log, holding=1)
        assert (await client.ask(CHAT + BODY))[0] == 401
        assert (await client.ask(CHAT[:-2] + b"x-api-key: lat_wrong\r\n\r\n" + BODY))[0] == 401
        assert (await client.ask(CHAT[:-2] + key + b"\r\n" + BODY))[0] == 429
        model.release()
        await asking


async def test_a_key_that_keeps_nobody_out_is_not_looked_up_for_a_refusal(short_dir, model, monkeypatch) -> None:
    async with full(short_dir, model) as (lattice, client, _):
        keys = lattice.gateway.admission.keys
        looked_up = []
        monkeypatch.setattr(keys, "principal", looked_up.append)
        assert (await client.ask(CHAT[:-2] + b"Authorization: Bearer not needed\r\n\r\n" + BODY))[0] == 429
        assert not looked_up
        # Whose routes a key may not open is still asked.
        assert (await client.ask(b"GET /v1/actors HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: some\r\n\r\n"))[0] == 429
        assert looked_up == ["some"]


async def test_a_refused_connection_is_not_taken_for_one_that_says_nothing(short_dir, model) -> None:
    async with full(short_dir, model, read_timeout_s=0.3) as (_, client, _):
        assert (await client.ask(CHAT + BODY))[0] == 429
        # Twice the time after which it would be told 408.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await client.reader.read(1)
        assert (await client.ask(CHAT + BODY))[0] == 429


async def test_a_refusal_has_the_requests_id_and_its_dialect(short_dir, model) -> None:
    async with full(short_dir, model) as (_, client, _):
        _, headers, _ = await client.ask(CHAT[:-2] + b"X-Request-Id: mine-7\r\n\r\n" + BODY)
        assert headers["x-request-id"] == "mine-7"
        _, headers, body = await client.ask(ANTHROPIC[:-2] + b"X-Request-Id: not (mine)\r\n\r\n" + BODY)
        assert headers["x-request-id"].startswith("req_")
        assert (body["type"], body["error"]["type"]) == ("error", "rate_limit_error")


async def test_a_body_behind_its_head_is_passed_over(short_dir, model) -> None:
    async with full(short_dir, model) as (_, client, _):
        client.writer.write(CHAT)
        await client.writer.drain()
        client.writer.write(BODY)
        assert (await client.answer())[0] == 429
        assert (await client.ask(HEALTH))[0] == 200


async def test_a_body_that_does_not_come_is_not_waited_for(short_dir, model) -> None:
    async with full(short_dir, model) as (_, client, _):
        # It may take thirty seconds to come.
        async with asyncio.timeout(20):
            assert (await client.ask(CHAT))[0] == 429


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
async def test_who_wants_the_connection_closed_gets_that(short_dir, model, version: bytes) -> None:
    async with full(short_dir, model) as (_, client, _):
        head = CHAT.replace(b"HTTP/1.1", version)[:-2] + b"Connection: close\r\n\r\n"
        assert (await client.ask(head + BODY))[0] == 429
        assert await client.ended()


async def test_requests_in_a_row_are_answered_in_their_order(short_dir, model) -> None:
    async with full(short_dir, model) as (_, client, _):
        client.writer.write((CHAT + BODY + ANTHROPIC + BODY) * 3 + HEALTH + CHAT + BODY)
        told = [await client.answer() for _ in range(8)]
        assert [status for status, _, _ in told] == [429] * 6 + [200, 429]
        assert ["type" in body for _, _, body in told[:6]] == [False, True] * 3


async def test_who_asks_and_never_reads_fills_no_memory(short_dir, model) -> None:
    async with full(short_dir, model) as (lattice, client, _):
        client.writer.transport.set_write_buffer_limits(high=0)
        sent = 0
        try:
            async with asyncio.timeout(3):
                while sent < 100_000:
                    client.writer.write((CHAT + BODY) * 100)
                    await client.writer.drain()
                    sent += 100
        except TimeoutError:
            pass
        # The kernel's buffers take some; what the gateway holds itself is bounded.
        held = [one.transport.get_write_buffer_size() for one in lattice.gateway.runner.server.connections if one.transport]
        assert max(held) < 1 << 20
        assert await lattice.get("/healthz") == {"status": "ok"}


async def test_a_client_that_is_back_at_once_is_heard_some_times_a_second(short_dir, model) -> None:
    async with full(short_dir, model) as (_, client, _):
        began = time.monotonic()
        for _ in range(4):
            assert (await client.ask(CHAT + BODY))[0] == 429
        assert 0.5 < time.monotonic() - began < 20


async def test_of_requests_that_come_at_once_only_those_reach_a_handler_for_which_there_is_a_place(short_dir, model) -> None:
    model.next({"fault": "hang"})
    async with house(short_dir, model=model.base_url, max_in_flight=1) as lattice, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(client_of(lattice)) for _ in range(20)]
        for client in clients:
            assert (await client.ask(HEALTH))[0] == 200
        # One turn of the loop sends all of them, and the next one reads all of them.
        for client in clients:
            client.writer.write(CHAT + BODY)
        answers = [asyncio.create_task(client.answer()) for client in clients]
        async with asyncio.timeout(10):
            while sum(answer.done() for answer in answers) < 19:
                await asyncio.wait([answer for answer in answers if not answer.done()], return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(model.log, holding=1)
        model.release()
        assert sorted([(await answer)[0] for answer in answers]) == [200] + [429] * 19
        # A handler that refuses does not count there.
        assert await counted(lattice) == 19


async def test_a_request_that_goes_before_its_handler_begins_keeps_no_place(short_dir, model) -> None:
    async with house(short_dir, model=model.base_url, max_in_flight=1) as lattice, client_of(lattice) as client:
        for _ in range(3):
            async with client_of(lattice) as other:
                other.writer.write(CHAT + BODY)
            assert (await client.ask(CHAT.replace(b"Host: 127.0.0.1", b"Host: elsewhere.example") + BODY))[0] == 403
        async with asyncio.timeout(10):
            while lattice.gateway.admission.requests:
                await lattice.get("/healthz")
        assert lattice.gateway.admission.coming == 0
        assert (await client.ask(CHAT + BODY))[0] == 200


async def test_the_log_has_a_line_for_the_first_refusals_and_one_for_the_rest(short_dir, model, logged) -> None:
    async with full(short_dir, model) as (lattice, client, _):
        client.writer.write((CHAT + BODY) * 60)
        for _ in range(60):
            assert (await client.answer())[0] == 429
        async with asyncio.timeout(5):
            while not (rest := [one["extra"] for one in logged if one["message"] == "more requests were refused"]):
                await lattice.get("/healthz")
        lines = [one for one in logged if one["extra"].get("status") == 429 and one["message"] == "request"]
        assert 1 <= len(lines) <= 10
        assert len(lines) + sum(one["count"] for one in rest) == 60


async def test_a_refusal_costs_less_than_the_cheapest_answer(short_dir, model) -> None:
    async with full(short_dir, model) as (lattice, _, _):
        refused, healthy = [], []
        for _ in range(5):
            healthy.append(await cost(lattice, HEALTH))
            refused.append(await cost(lattice, CHAT + BODY))
        # About half, the client's share of both included; what an answer costs by way of the handlers is more than one.
        assert min(refused) < min(healthy), f"{refused} {healthy}"


async def cost(lattice: House, sent: bytes, times: int = 30) -> float:
    """Processor time of one exchange, both sides, in seconds. Each on a connection that is open already, one at a time."""
    async with asyncio.TaskGroup() as group:
        opened = [group.create_task(asyncio.open_connection(*lattice.gateway.address)) for _ in range(times)]
    pairs = [one.result() for one in opened]
    for _, writer in pairs:
        writer.write(HEALTH)
    for pair in pairs:
        await Client(*pair).answer()

    began = time.process_time()
    for reader, writer in pairs:
        writer.write(sent)
        await reader.readuntil(b"}")
    took = time.process_time() - began
    for _, writer in pairs:
        writer.close()
    return took / times


async def counted(lattice: House) -> float:
    """Refusals, as `/metrics` tells them."""
    async with lattice.http.get(f"{lattice.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return float(next(line for line in lines if line.startswith("lattice_http_shed_total")).rpartition(" ")[2])
