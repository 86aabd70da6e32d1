"""How actors and hosts begin, fail, are replaced, drain and end."""

from __future__ import annotations

import asyncio
import sys

import pytest

from actors.host import Host
from actors.runtime import AsyncActor, Metric, handles
from actors.system import SysInfo, SysMetrics, SysPing
from tests.actors.conftest import Ask, Circumstances, Count, Echo, Echoed, Note, Probe, Wait
from transport.client import Client
from transport.errors import Conflict, Internal, Unavailable


class Life(AsyncActor):
    """Writes down what happens to it."""

    name = "probe"

    def __init__(self, gates, spawned=None, broken_start=False):
        super().__init__()
        self.gates = gates
        self.spawned = spawned
        self.broken_start = broken_start

    async def on_start(self):
        self.gates.log.append("on_start")
        if self.broken_start:
            raise ValueError("cannot start")
        if self.spawned is not None:
            self.spawn(self.spawned(self), name="spawned")
        await self.gates.at("start")

    async def on_stop(self):
        self.gates.log.append("on_stop")

    async def on_failure(self, kind, error, tb):
        self.gates.log.append(f"on_failure {kind.__name__} {error} {tb is not None}")

    def readiness(self):
        return None if self.gates.open["ready"].is_set() else "the index is being built"

    def metrics(self):
        return [Metric("probe_depth", "gauge", "How deep.", [({"kind": "x"}, 3.0)])]

    @handles(Echo)
    def echo(self, message: Echo) -> Echoed:
        self.gates.log.append(message.text)
        return Echoed(text=message.text)

    @handles(Wait)
    async def wait(self, message: Wait) -> Echoed:
        await self.gates.at(message.gate)
        return Echoed(text=message.gate)


async def test_messages_reach_an_actor_that_is_starting_and_are_handled_when_it_has(home, near, gates):
    starting = asyncio.create_task(home.start_actor(Life, gates))
    await gates.reached["start"].wait()
    ask = asyncio.create_task(near.ref("probe").ask(Echo(text="early")))
    assert not (await near.ref("probe").ask(SysInfo())).ready
    assert home.readiness() == {"probe": "it is starting"}
    gates.open["start"].set()
    await starting
    assert (await ask).text == "early"
    assert gates.log == ["on_start", "early"]


async def test_an_actor_says_why_it_is_not_ready_and_what_it_counts(home, near, gates):
    gates.open["start"].set()
    await home.start_actor(Life, gates)
    assert (await near.ref("probe").ask(SysInfo())).why_not_ready == "the index is being built"
    gates.open["ready"].set()
    assert home.readiness() == {}
    metrics = {metric.name: metric for metric in (await near.ref("probe").ask(SysMetrics())).metrics}
    assert metrics["probe_depth"].samples[0].labels == {"actor": "probe", "kind": "x"}


async def test_a_start_that_fails_raises_and_leaves_the_name_free(home, gates):
    gates.open["start"].set()
    with pytest.raises(ValueError, match="cannot start"):
        await home.start_actor(Life, gates, broken_start=True)
    assert not home.failed.done()
    await home.start_actor(Life, gates)
    assert (await home.ref("probe").ask(Echo(text="x"))).text == "x"


async def test_a_start_that_is_cancelled_ends_the_actor(home, gates):
    starting = asyncio.create_task(home.start_actor(Life, gates))
    await gates.reached["start"].wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert gates.cancelled == ["start"]


async def test_what_a_start_that_raises_has_opened_is_closed_by_on_failure(home, gates):
    class HalfOpen(Life):
        async def on_start(self):
            await super().on_start()
            raise OSError("the disk is full")

    gates.open["start"].set()
    with pytest.raises(OSError, match="the disk is full"):
        await home.start_actor(HalfOpen, gates)
    assert gates.log == ["on_start", "on_failure OSError the disk is full True"]
    assert not home.failed.done()


async def test_killing_an_actor_ends_what_it_has_spawned(home, gates):
    ended = asyncio.Event()

    async def spawned(actor):
        del actor
        try:
            await gates.at("spawned")
        finally:
            ended.set()

    gates.open["start"].set()
    await home.start_actor(Life, gates, spawned)
    await gates.reached["spawned"].wait()
    await home.kill_actor("probe")
    async with asyncio.timeout(5):
        await ended.wait()
    assert gates.log == ["on_start"]


async def test_one_name_lives_once(home, hosts, gates):
    gates.open["start"].set()
    await home.start_actor(Life, gates)
    with pytest.raises(Conflict):
        await home.start_actor(Life, gates)
    with pytest.raises(Conflict, match="is held by process"):
        await (await hosts(lock_wait_s=0.05)).start_actor(Life, gates)


async def test_stopping_handles_what_waits_then_cancels_what_was_spawned_then_runs_on_stop(home, gates):
    async def spawned(actor):
        assert actor.call is None
        try:
            await asyncio.Event().wait()
        finally:
            gates.log.append("spawned ends")

    gates.open["start"].set()
    await home.start_actor(Life, gates, spawned)
    asks = [asyncio.create_task(home.ref("probe").ask(Echo(text=str(n)))) for n in range(3)]
    await asyncio.sleep(0)
    await home.stop_actor("probe")
    assert [(await ask).text for ask in asks] == ["0", "1", "2"]
    assert gates.log == ["on_start", "0", "1", "2", "spawned ends", "on_stop"]
    await home.stop_actor("probe")


async def test_what_is_spawned_and_raises_ends_the_actor_through_on_failure(home, gates):
    async def spawned(actor):
        del actor
        await gates.at("spawned")
        raise OSError("the disk is gone")

    gates.open["start"].set()
    await home.start_actor(Life, gates, spawned)
    gates.open["spawned"].set()
    assert (await home.failed)[0] == "OSError: the disk is gone"
    assert gates.log == ["on_start", "on_failure OSError the disk is gone True"]


async def test_asks_that_a_failed_actor_has_not_answered_are_answered_by_its_replacement(home, near, gates):
    failures = []
    failed = asyncio.Event()
    home.on_actor_failed = lambda *facts: (failures.append(facts), failed.set())
    await home.start_actor(Probe, gates)
    probe = near.ref("probe")
    asks = [asyncio.create_task(probe.ask(Wait(gate=f"g{n}"))) for n in range(3)]
    await gates.reached["g2"].wait()
    home.ref("probe").tell(Note(text="break"))
    asks[0].cancel()
    await failed.wait()
    later = asyncio.create_task(probe.ask(Echo(text="while it is away")))
    for n in range(3):
        gates.open[f"g{n}"].set()
    await home.start_actor(Probe, gates)
    assert [(await ask).text for ask in asks[1:]] == ["g1", "g2"]
    assert (await later).text == "while it is away"
    assert failures[0][:2] == ("probe", "ZeroDivisionError: told to break")
    assert not home.failed.done()


async def test_draining_finishes_what_runs_and_refuses_what_comes(home, hosts, gates, short_dir):
    await home.start_actor(Probe, gates)
    near = await hosts(bind=False)
    running = asyncio.create_task(near.ref("probe").ask(Wait(gate="g")))
    await gates.reached["g"].wait()
    draining = asyncio.create_task(home.drain(10))
    await home.draining.wait()
    client = Client(f"ipc://{short_dir}/run/probe.sock")
    with pytest.raises(Unavailable):
        await client.ask("probe", "probe.echo", {"text": "x"}, ttl_ms=5000)
    assert len(home.dead_letters) == 0
    await client.close()
    gates.open["g"].set()
    await draining
    assert (await running).text == "g"


async def test_an_ask_refused_by_a_draining_host_goes_to_its_successor(home, hosts, gates):
    await home.start_actor(Probe, gates)
    near, successor = await hosts(bind=False), await hosts()
    running = asyncio.create_task(near.ref("probe").ask(Wait(gate="g")))
    await gates.reached["g"].wait()
    draining = asyncio.create_task(home.drain(10))
    await home.draining.wait()
    ask = asyncio.create_task(near.ref("probe").ask(Echo(text="passed on")))
    stream = near.ref("probe").stream(Count(to=3))
    parts = asyncio.ensure_future(anext(stream))
    gates.open["g"].set()
    await asyncio.gather(draining, running)
    await successor.start_actor(Probe, gates)
    assert (await ask).text == "passed on"
    assert (await parts).n == 0
    await stream.aclose()


async def test_what_has_not_finished_when_the_time_to_drain_is_up_is_cancelled(home, gates):
    await home.start_actor(Probe, gates)
    running = asyncio.create_task(home.ref("probe").ask(Wait(gate="g")))
    await gates.reached["g"].wait()
    await home.drain(0.05)
    with pytest.raises(Unavailable):
        await running
    assert gates.cancelled == ["g"]


async def test_actors_stop_in_reverse_and_may_ask_those_that_still_live(home, gates):
    class Late(AsyncActor):
        name = "late"

        async def on_stop(self):
            gates.log.append((await self.ask(Echo(text="goodbye"))).text)

    gates.open["start"].set()
    await home.start_actor(Life, gates)
    await home.start_actor(Late)
    await home.drain(float("inf"))
    assert gates.log == ["on_start", "goodbye", "goodbye", "on_stop"]


async def test_work_in_a_thread_sees_its_call_and_leaves_the_loop_free(home, near, gates):
    class Threaded(Probe):
        async def circumstances(self, message):
            inner = await self.in_thread(super().circumstances, message)
            assert isinstance(inner, Circumstances)
            return inner

    await home.start_actor(Threaded, gates)
    assert (await near.ref("probe").ask(Ask(), key="k")).key == "k"


async def test_a_host_tells_its_figures(home, gates):
    await home.start_actor(Probe, gates)
    ask = asyncio.create_task(home.ref("probe").ask(Wait(gate="g")))
    await gates.reached["g"].wait()
    gates.open["g"].set()
    await ask
    stats = home.stats()
    assert stats["rss_bytes"] > 1_000_000
    assert stats["mailbox"] == {"fg": 0, "bg": 0}
    assert (stats["handled"], stats["failed"], stats["dead_letters"]) == (1, 0, 0)
    assert stats["loop_lag_ms"] >= 0


async def test_another_incarnation_answers_under_its_own_name(short_dir, gates):
    (short_dir / "run").mkdir(mode=0o700)
    async with Host(run_dir=short_dir / "run", bind=False) as client:
        seen = set()
        for _ in range(2):
            async with Host(run_dir=short_dir / "run") as host:
                await host.start_actor(Probe, gates)
                seen.add((await client.ref("probe").ask(SysPing())).incarnation)
        assert len(seen) == 2


class Leaving(Life):
    """Takes its time to end."""

    async def on_stop(self):
        await self.gates.at("stop")
        await super().on_stop()

    async def on_failure(self, kind, error, tb):
        await self.gates.at("failure")
        await super().on_failure(kind, error, tb)


async def test_what_comes_while_an_actor_ends_is_handled_by_its_replacement(home, gates):
    ended = asyncio.Event()
    home.on_actor_ended = lambda _: ended.set()
    gates.open["start"].set()
    ref = await home.start_actor(Leaving, gates)
    ref.stop(block=False)
    await gates.reached["stop"].wait()
    ask = asyncio.create_task(home.ref("probe").ask(Echo(text="late")))
    await asyncio.sleep(0.01)
    gates.open["stop"].set()
    await ended.wait()
    await home.start_actor(Life, gates)
    assert (await ask).text == "late"
    assert gates.log == ["on_start", "on_stop", "on_start", "late"]


async def test_a_host_drains_while_one_of_its_actors_is_ending(home, gates):
    async def failing(_):
        raise OSError("the disk is gone")

    gates.open["start"].set()
    await home.start_actor(Leaving, gates, failing)
    await gates.reached["failure"].wait()
    draining = asyncio.create_task(home.drain(5))
    await asyncio.sleep(0.01)
    gates.open["failure"].set()
    await draining
    assert home.failed.done()


class Patient(AsyncActor):
    name = "patient"


class Impatient(Patient):
    switch_s = 0.002


@pytest.mark.parametrize(("actor", "switch_s"), [(Patient, 0.005), (Impatient, 0.002)])
async def test_threads_give_the_interpreter_up_soon_while_an_actor_starts_and_as_it_wants_it_afterwards(home, actor, switch_s):
    await home.start_actor(actor)
    assert sys.getswitchinterval() == pytest.approx(0.001)
    async with asyncio.timeout(10):
        while sys.getswitchinterval() != pytest.approx(switch_s):  # noqa: ASYNC110 (only looking tells)
            await asyncio.sleep(0)


@pytest.mark.parametrize("where", ["home", "near"])
async def test_an_actor_whose_figures_fail_says_so_and_nobody_waits(home, near, gates, where):
    class Unfigured(Life):
        def metrics(self):
            raise ZeroDivisionError

    gates.open["start"].set()
    await home.start_actor(Unfigured, gates)
    asking = {"home": home, "near": near}[where].ref("probe")
    with pytest.raises(Internal, match="ZeroDivisionError"):
        await asking.ask(SysMetrics(), timeout=5)
    assert (await asking.ask(SysPing(), timeout=5)).name == "probe"
