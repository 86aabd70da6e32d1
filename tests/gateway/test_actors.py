"""/v1/actors over a real supervisor whose children are actors of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from actors.host import Host
from supervisors.actor import Supervisor
from supervisors.crashes import write_report
from supervisors.in_process import InProcessChildren, Stage
from supervisors.spec import ChildSpec, SupervisorSpec
from tests.gateway.house import House, house, start


@pytest.fixture
async def supervised(short_dir: Path) -> AsyncIterator[House]:
    """A gateway beside a supervisor with two children."""
    async with house(short_dir, parts=()) as running:
        ready = asyncio.Event()

        async def start_child(host: Host, child: ChildSpec) -> None:
            await start(host, child.name, running.data_dir, None)

        def changed(_: Any) -> None:
            if supervision.all_ready:
                ready.set()

        spec = SupervisorSpec(children=(ChildSpec(name="memory"), ChildSpec(name="paradox")))
        family = InProcessChildren(spec, Stage(running.host, running.data_dir, start_child), on_change=changed)
        supervision = family.supervision
        await running.host.start_actor(Supervisor, supervision, data_dir=running.data_dir)
        supervision.start()
        await ready.wait()
        yield running


async def test_actors_are_listed_as_the_supervisor_sees_them(supervised: House) -> None:
    actors = (await supervised.get("/v1/actors"))["actors"]

    assert [(actor["name"], actor["state"], actor["restarts"]) for actor in actors] == [
        ("memory", "ready", 0),
        ("paradox", "ready", 0),
    ]
    assert {
        "pid", "incarnation", "uptime_s", "rss_bytes", "mailbox", "loop_lag_ms", "handled", "failed", "dead_letters"
    } <= actors[0].keys()  # fmt: skip
    assert set(actors[0]["mailbox"]) == {"fg", "bg"}


async def test_an_actor_is_restarted_while_others_are_asked(supervised: House) -> None:
    await supervised.post("/v1/memories", {"text": "kept"})
    restarted = await supervised.post("/v1/actors/memory/restart")

    assert (restarted["name"], restarted["state"]) == ("memory", "ready")
    assert (await supervised.get("/v1/memories"))["memories"][0]["text"] == "kept"


async def test_how_an_actor_has_died_is_told(supervised: House) -> None:
    assert (await supervised.get("/v1/actors/memory/crashes")) == {"crashes": []}
    facts = {"how": "killed", "reason": "signal 9 (SIGKILL)", "last_heartbeat": {"recent": ["memory.recall"]}}
    for name in ("memory", "old-memory"):
        write_report(supervised.data_dir, name, facts, keep=10)

    (report,) = (await supervised.get("/v1/actors/memory/crashes"))["crashes"]
    assert (report["name"], report["reason"]) == ("memory", "signal 9 (SIGKILL)")
    assert report["last_heartbeat"]["recent"] == ["memory.recall"]
    assert (await supervised.call("GET", "/v1/actors/..%2Fmemory/crashes"))[0] == 400
    assert (await supervised.call("GET", "/v1/actors/nobody/crashes"))[0] == 404


async def test_an_actor_that_there_is_not_is_404(supervised: House) -> None:
    for name in ("nobody", "gateway"):
        assert (await supervised.call("POST", f"/v1/actors/{name}/restart"))[0] == 404
