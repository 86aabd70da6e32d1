"""The line of thoughts: so many are busy at a time; who waits for a model is in nobody's way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pykka import ActorRegistry

from actors.host import Host
from actors.system import SysMetrics
from actors.thinking.actor import Thinking
from actors.thinking.line import RATE_OF, Line
from actors.thinking.messages import Think
from tests.model_server import SyncModelServer
from tests.thinking.house import TEXT, house
from tests.thinking.test_think import text_of, user
from transport.errors import Overloaded


async def figures(host: Host) -> dict[str, float]:
    """Used, limit and waiting."""
    told = await host.ref("thinking").ask(SysMetrics())
    found = {metric.name: metric for metric in told.metrics}
    looked = {
        name: next(one.value for one in found[f"lattice_{name}"].samples if one.labels["resource"] == "thoughts_busy")
        for name in ("used", "limit")
    }
    return {**looked, "waiting": found["lattice_thoughts_in_line"].samples[0].value}


async def until_waiting(host: Host, count: int) -> None:
    """Until so many stand in line."""
    async with asyncio.timeout(20):
        while (await figures(host))["waiting"] != count:  # noqa: ASYNC110 (no event outside the actor tells)
            # Who is asked in the same process answers without a turn of the loop.
            await asyncio.sleep(0)


async def test_thoughts_beyond_the_limit_stand_in_line_and_are_answered(short_dir: Path, model: SyncModelServer) -> None:
    async with house(short_dir, url=model.base_url, busy_most=1) as host:
        thinking = ActorRegistry.get_by_class(Thinking)[-1]._actor_weakref()
        async with thinking.line.place():
            asked = [
                asyncio.create_task(host.ref("thinking").ask(Think(messages=(user(f"Hello {number}"),)), timeout=60))
                for number in range(3)
            ]
            await until_waiting(host, 3)

            # Who gives up leaves the line.
            asked.pop().cancel()
            await until_waiting(host, 2)
            assert await figures(host) == {"used": 1.0, "limit": 1.0, "waiting": 2.0}

        assert [text_of(thought) for thought in await asyncio.gather(*asked)] == [TEXT, TEXT]
        assert await figures(host) == {"used": 0.0, "limit": 1.0, "waiting": 0.0}


async def test_nobody_stands_in_line_for_longer_than_he_may(short_dir: Path, model: SyncModelServer) -> None:
    async with house(short_dir, url=model.base_url, busy_most=1, line_patience_s=0.05) as host:
        thinking = ActorRegistry.get_by_class(Thinking)[-1]._actor_weakref()
        async with thinking.line.place():
            with pytest.raises(Overloaded) as refused:
                await host.ref("thinking").ask(Think(messages=(user("Hello"),)), timeout=60)
            assert refused.value.retry_after_ms
        assert text_of(await host.ref("thinking").ask(Think(messages=(user("Hello"),)))) == TEXT


async def test_who_waits_for_a_model_is_in_nobodys_way(short_dir: Path, model: SyncModelServer) -> None:
    model.next({"fault": "hang"})
    async with house(short_dir, url=model.base_url, busy_most=1) as host:
        first = asyncio.create_task(host.ref("thinking").ask(Think(messages=(user("Hello"),)), timeout=60))
        await asyncio.to_thread(model.log, holding=1)
        assert text_of(await host.ref("thinking").ask(Think(messages=(user("Hello too"),)))) == TEXT
        assert not first.done()
        model.release()
        await first


async def test_who_is_to_be_ended_goes_before_who_begins() -> None:
    line, order = Line(1, 5.0), []

    async def stand(name: str, place: Any) -> None:
        async with place:
            order.append(name)

    async with asyncio.TaskGroup() as group, line.place():
        for number in range(2):
            group.create_task(stand(f"begins {number}", line.place()))
            group.create_task(stand(f"ends {number}", line.last_place()))
        for _ in range(4):
            await asyncio.sleep(0)
        assert line.waiting == 4
    assert order == ["ends 0", "ends 1", "begins 0", "begins 1"]
    assert (line.taken, line.waiting) == (0, 0)


async def test_who_would_wait_in_vain_is_told_so_at_once() -> None:
    line = Line(1, 5.0)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        async with line.place():
            waiting = group.create_task(line.place().__aenter__())
            await asyncio.sleep(0)
            # One was let on every three seconds: the second in line would come too late.
            line.let_on.extend([loop.time() - 3.0 * RATE_OF] * RATE_OF)
            with pytest.raises(Overloaded):
                await line.place().__aenter__()
        await waiting
    assert (line.taken, line.waiting, len(line.let_on)) == (1, 0, 0)
