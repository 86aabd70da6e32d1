"""/v1/events in the form of the EventSource standard: each event has an id, by which a stream is gone on with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.settings import GatewaySettings
from tests.gateway.house import House, Kept, house

Event = dict[str, Any]


async def told(lattice: House, last: Callable[[Event], bool], after: str | None, ready: asyncio.Event | None = None) -> Any:
    """Ids and data of the events up to the last, parsed as the standard has it; sets `ready` at the first id."""
    found: list[tuple[str, Event]] = []
    position, data = "", ""
    async with (
        asyncio.timeout(60),
        aiohttp.ClientSession() as http,
        http.get(lattice.url + "/v1/events", headers={} if after is None else {"Last-Event-ID": after}) as response,
    ):
        async for raw in response.content:
            name, _, value = raw.decode().removesuffix("\n").partition(": ")
            if name == "id":
                position = value
                if ready is not None:
                    ready.set()
            elif name == "data":
                data += value
            elif raw == b"\n" and data:
                found.append((position, json.loads(data)))
                data = ""
                if last(found[-1][1]):
                    return found
    raise AssertionError(found)


def ended(run: str | None = None) -> Callable[[Event], bool]:
    """Whether it is the end of this run, or of any of the cycle's: one is due when the house starts."""
    return lambda event: (event["what"], event["cycle"]) == ("ended", "decay") and run in {None, event["run"]}


async def run(lattice: House) -> str:
    name: str = (await lattice.post("/v1/daemon/cycles/decay/run"))["id"]
    return name


async def test_what_happened_while_there_was_no_gateway_is_told_to_who_comes_back(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory", "paradox", "daemon")) as lattice:
        (*_, (position, _)) = await told(lattice, ended(), "unknown")
        second = await run(lattice)
        await told(lattice, ended(second), position)
        await lattice.host.kill_actor("gateway")
        await lattice.host.start_actor(Kept, GatewaySettings(port=0), data_dir=lattice.data_dir)
        lattice.url = "http://{}:{}".format(*Kept.latest.address)

        events = await told(lattice, ended(second), position)
        assert [event["what"] for _, event in events if event["run"] == second] == ["begun", "ended"]
        numbers = [int(name.rpartition(".")[2]) for name, _ in events]
        before = int(position.rpartition(".")[2])
        assert numbers == list(range(before + 1, before + 1 + len(numbers)))


async def test_who_was_told_of_nothing_yet_has_a_position_too(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory", "paradox", "daemon")) as lattice:
        ready = asyncio.Event()
        watching = asyncio.create_task(told(lattice, lambda _: False, None, ready))
        await asyncio.wait_for(ready.wait(), 60)
        watching.cancel()


@pytest.mark.parametrize(
    "unknown", ["0badcafe.7", "x" * 5000, "caf\N{LATIN SMALL LETTER E WITH ACUTE}"], ids=["old", "long", "odd"]
)
async def test_who_has_seen_what_is_not_known_is_told_that_it_missed_something(short_dir: Path, unknown: str) -> None:
    async with house(short_dir, parts=("memory", "paradox", "daemon")) as lattice:
        (position, event), *others = await told(lattice, ended(), unknown)
        assert (event["what"], event["cycle"], event["run"]) == ("missed", None, None)
        assert "missed" not in {event["what"] for _, event in others}
        assert await told(lattice, ended(), position) == others


async def listen(lattice: House, ready: asyncio.Event) -> None:
    """Listens until the stream ends."""
    with suppress(AssertionError):
        await told(lattice, lambda _: False, None, ready)


async def test_a_daemon_that_lets_its_watchers_go_is_not_asked_again_and_again(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory", "paradox", "daemon"), drain_s=1.0) as lattice:
        ready = asyncio.Event()
        listening = asyncio.create_task(listen(lattice, ready))
        await asyncio.wait_for(ready.wait(), 60)
        tally = lattice.host._post.actors["daemon"]._crew.tally
    await listening
    assert 0 < tally.handled["daemon.watch"] < 40


async def test_however_many_watch_the_daemon_answers_others(short_dir: Path) -> None:
    async with house(short_dir, parts=("memory", "paradox", "daemon")) as lattice:
        ready = [asyncio.Event() for _ in range(64)]
        listening = [asyncio.create_task(listen(lattice, one)) for one in ready]
        await asyncio.wait_for(asyncio.gather(*(one.wait() for one in ready[:32])), 60)
        async with asyncio.timeout(30):
            assert (await lattice.get("/v1/daemon/runs"))["runs"] is not None
        for task in listening:
            task.cancel()
