"""Each limit of the gateway, run into: told with its status, shown as used and limit, and over when its cause is."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.admission import GROWTH, Admission
from gateway.auth import ApiKeys, KeyFile
from gateway.http_metrics import HttpMetrics
from gateway.settings import GatewaySettings
from tests.gateway.house import House, house, user
from tests.model_server import SyncModelServer

ASK = {"model": "gpt-test", "messages": [user("Hello")]}
WRITE = {"text": "A fact.", "kind": "fact"}


async def figures(lattice: House, resource: str) -> tuple[float, float]:
    """Used and limit of a resource of the gateway, as `/metrics` tells them."""
    async with lattice.http.get(f"{lattice.url}/metrics") as response:
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    wanted = {"actor": "gateway", "resource": resource}
    used, limit = (
        next(sample.value for sample in families[name].samples if sample.labels == wanted)
        for name in ("lattice_used", "lattice_limit")
    )
    return used, limit


async def test_requests_in_flight(short_dir: Path, model: SyncModelServer) -> None:
    model.next({"fault": "hang"}, {"fault": "hang"})
    async with house(short_dir, model=model.base_url, max_in_flight=3) as lattice:
        asking = [asyncio.create_task(lattice.post("/v1/chat/completions", ASK)) for _ in range(2)]
        await asyncio.to_thread(model.log, holding=2)
        # Who asks for the figures is in flight too.
        assert await figures(lattice, "http_requests") == (3, 3)

        asking.append(asyncio.create_task(lattice.post("/v1/chat/completions", ASK)))
        await asking.pop()
        model.next({"fault": "hang"})
        asking.append(asyncio.create_task(lattice.post("/v1/chat/completions", ASK)))
        await asyncio.to_thread(model.log, holding=3)
        status, error = await lattice.refused("/v1/memories", WRITE)
        assert (status, error["code"]) == (429, "overloaded")

        model.release()
        await asyncio.gather(*asking)
        await lattice.post("/v1/memories", WRITE)


async def test_all_bodies_together(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory",), max_bodies_bytes=1 << 20) as lattice:
        reader, writer = await asyncio.open_connection(*lattice.gateway.address)
        writer.write(b"POST /v1/memories HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n{")
        async with asyncio.timeout(10):
            while await figures(lattice, "http_body_bytes") != (1 << 20, 1 << 20):
                pass
        status, error = await lattice.refused("/v1/memories", WRITE)
        assert (status, error["code"]) == (429, "overloaded")

        writer.close()
        async with asyncio.timeout(10):
            while await figures(lattice, "http_body_bytes") != (0, 1 << 20):
                pass
        await lattice.post("/v1/memories", WRITE)
        del reader


@pytest.mark.parametrize("coded", [False, True])
async def test_a_body_that_did_not_say_its_size_holds_no_more_than_it_has(
    short_dir: Path, model: SyncModelServer, coded: bool
) -> None:
    def sent(body: dict[str, Any]) -> dict[str, Any]:
        raw = json.dumps(body).encode()
        return {"data": gzip.compress(raw), "headers": {"Content-Encoding": "gzip"}} if coded else {"data": in_chunks(raw)}

    model.next({"fault": "hang"}, {"fault": "hang"})
    settings = {"max_body_bytes": 1 << 20, "max_bodies_bytes": 2 << 20}
    async with house(short_dir, model=model.base_url, **settings) as lattice:
        asking = [asyncio.create_task(lattice.call("POST", "/v1/chat/completions", **sent(ASK))) for _ in range(2)]
        await asyncio.to_thread(model.log, holding=2)
        assert await figures(lattice, "http_body_bytes") == (2 * len(json.dumps(ASK)), 2 << 20)
        status, told = await lattice.call("POST", "/v1/memories", **sent(WRITE))
        assert status == 201, told

        model.release()
        assert [status for status, _ in await asyncio.gather(*asking)] == [200, 200]
        assert lattice.gateway.admission.bodies.bytes == 0


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def test_connections(short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.actor.most_connections", lambda: 8)
    async with house(short_dir, parts=()) as lattice:
        held = [await asyncio.open_connection(*lattice.gateway.address) for _ in range(12)]
        async with asyncio.timeout(10):
            # Those that have said nothing for longest are told that there are too many.
            told = [await reader.read() for reader, _ in held[:4]]
        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in told)
        used, limit = await figures(lattice, "http_connections")
        assert used <= limit == 8
        for _, writer in held:
            writer.close()
        assert await lattice.get("/healthz") == {"status": "ok"}


async def test_the_time_of_a_request(short_dir: Path, model: SyncModelServer) -> None:
    model.next({"fault": "hang"})
    async with house(short_dir, model=model.base_url, request_timeout_s=0.5) as lattice:
        async with asyncio.timeout(10):
            status, body = await lattice.call("POST", "/v1/chat/completions", ASK)
        # From memory, or not at all: in time, and told.
        assert (status, body["error"]["code"]) == (504, "deadline_exceeded") if status != 200 else body["lattice"]["degraded"]
        model.release()
        await lattice.post("/v1/memories", WRITE)


def test_what_an_actor_refuses_is_let_in_no_more_until_it_has_been_quiet(short_dir: Path, clock: list[float]) -> None:
    settings = GatewaySettings(max_in_flight=400)
    admission = Admission(settings, ApiKeys(KeyFile(short_dir)), HttpMetrics(), keys_required=False)
    assert admission.places == 400
    admission.requests = 101
    admission.actor_refused()
    assert (admission.places, admission.is_full) == (100, True)
    clock[0] += 1.0
    assert admission.places == int(100 * GROWTH)
    clock[0] += 10.0
    assert admission.places == 400

    # There are always some: other requests than the one that was refused have room.
    admission.requests = 2
    admission.actor_refused()
    assert (admission.places, admission.is_full) == (16, False)

    # That models have no room says less of the house.
    admission.actor_refused(models=True)
    assert admission.places == 64


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that admission goes by."""
    now = [1000.0]
    monkeypatch.setattr("gateway.admission.time.monotonic", lambda: now[0])
    return now
