"""Schedules, pauses, failures and leases of a real daemon."""

import asyncio

import pytest

from actors.clock import ManualClock
from actors.daemon.actor import Daemon
from actors.daemon.cycles.consolidate import Consolidate
from actors.daemon.messages import ListRuns, PauseCycle, ResumeCycle, RunCycle
from actors.daemon.settings import DaemonSettings
from actors.daemon.store import Fenced, Store
from actors.memory.messages import Feed, Forget
from tests.daemon.house import cycle, ended, house, records, run, talk, until_run
from transport.errors import Conflict, NotFound

HOUR = 3600.0


async def test_a_schedule_runs_and_missed_ones_are_caught_up_with_once(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, consolidate={"interval_s": 60}) as host:
        await until_run(host, "consolidate", 1)
        clock.advance(1000 * 60)
        runs = await until_run(host, "consolidate", 2)
        assert [one.cause for one in runs] == ["schedule"] * 2
        assert ((await cycle(host, "consolidate")).due - clock.now()).total_seconds() == 60

    clock.advance(1000 * 60)
    async with house(short_dir, clock, consolidate={"interval_s": 60}) as host:
        assert len(await until_run(host, "consolidate", 3)) == 3


async def test_run_now_with_the_same_key_is_the_same_run(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        first = await host.ref("daemon").ask(RunCycle(name="reflect"), key="k")
        await ended(host)
        again = await host.ref("daemon").ask(RunCycle(name="reflect"), key="k")
        assert first.run.id == again.run.id
        assert again.run.state == "done"
        with pytest.raises(NotFound):
            await host.ref("daemon").ask(RunCycle(name="no such cycle"))


async def test_a_cycle_that_is_turned_off_says_how_it_is_turned_on(short_dir) -> None:
    async with house(short_dir, ManualClock()) as host:
        with pytest.raises(NotFound, match=r"enabled = true.*\[daemon\.re_embed\]"):
            await host.ref("daemon").ask(RunCycle(name="re-embed"))


async def test_a_cycle_that_is_running_is_a_conflict_and_a_paused_one_ends_at_its_next_yield_point(
    short_dir, monkeypatch
) -> None:
    going, entered = asyncio.Event(), asyncio.Event()

    async def slow(_self, work) -> None:
        entered.set()
        await going.wait()
        await work.pass_on()

    clock = ManualClock()
    async with house(short_dir, clock, consolidate={"interval_s": 60}) as host:
        monkeypatch.setattr(Consolidate, "work", slow)
        clock.advance(61)
        await asyncio.wait_for(entered.wait(), 90)
        with pytest.raises(Conflict):
            await host.ref("daemon").ask(RunCycle(name="consolidate"))
        paused = await host.ref("daemon").ask(PauseCycle(name="consolidate"))
        assert paused.cycle.paused
        going.set()
        runs = await ended(host, "consolidate")
        assert (runs[0].state, runs[0].error) == ("abandoned", "paused")
        monkeypatch.undo()

        clock.advance(HOUR)
        assert (await run(host, "consolidate")).state == "done"
        before = len(await ended(host, "consolidate"))
        await host.ref("daemon").ask(ResumeCycle(name="consolidate"))
        clock.advance(HOUR)
        assert (await until_run(host, "consolidate", before + 1))[0].cause == "schedule"


async def test_a_pause_outlives_a_restart(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await host.ref("daemon").ask(PauseCycle(name="decay"))
    async with house(short_dir, clock) as host:
        assert (await cycle(host, "decay")).paused


async def test_a_failing_cycle_backs_off_alone_and_says_why(short_dir, monkeypatch) -> None:
    async def broken(_self, _work) -> None:
        raise ValueError("no such luck")

    clock = ManualClock()
    async with house(short_dir, clock) as host:
        with monkeypatch.context() as patch:
            patch.setattr(Consolidate, "work", broken)
            waits = []
            for _ in range(3):
                done = await run(host, "consolidate")
                assert (done.state, done.error) == ("failed", "ValueError: no such luck")
                waits.append(((await cycle(host, "consolidate")).due - clock.now()).total_seconds())
        assert 30 <= waits[0] <= 36
        assert 60 <= waits[1] <= 72
        assert 120 <= waits[2] <= 144
        assert (await cycle(host, "consolidate")).failures == 3
        assert (await run(host, "decay")).state == "done"
        assert (await run(host, "consolidate")).state == "done"
        assert (await cycle(host, "consolidate")).failures == 0


async def test_the_history_is_paged_latest_first(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        ids = [(await run(host, "reflect")).id for _ in range(5)]
        paged, cursor = [], None
        while True:
            told = await host.ref("daemon").ask(ListRuns(cycle="reflect", limit=2, cursor=cursor))
            paged += [one.id for one in told.runs]
            cursor = told.next_cursor
            if cursor is None:
                break
        assert paged[:5] == ids[::-1]


async def test_a_run_is_taken_over_after_its_lease_and_its_old_owner_is_refused(tmp_path) -> None:
    clock = ManualClock()
    first, second = Store(tmp_path, "first", 60.0), Store(tmp_path, "second", 60.0)
    await first.open()
    await second.open()
    try:
        await first.know({"decay": clock.now()})
        begun, created = await first.begin("decay", "schedule", None, clock.now())
        assert created
        assert await second.take_over(clock.now(), starting=False) == []

        clock.advance(61)
        (taken,) = await second.take_over(clock.now(), starting=False)
        assert (taken.id, taken.epoch, taken.attempts) == (begun.id, begun.epoch + 1, 2)

        def mark(connection) -> None:
            connection.execute("INSERT INTO cursor VALUES ('mark', 'by the old owner')")

        with pytest.raises(Fenced):
            await first.commit(begun, clock.now(), mark, {"faded": 1})
        with pytest.raises(Fenced):
            await first.end(begun, "done", None, clock.now(), lambda _failures: clock.now())
        assert await second.read(lambda connection: connection.execute("SELECT count(*) FROM cursor").fetchall()) == [(0,)]
        await second.commit(taken, clock.now(), lambda _connection: None, {"faded": 1})
        await second.end(taken, "done", None, clock.now(), lambda _failures: clock.now())
        ((done,), _) = await second.runs("decay", 10, None)
        assert (done.state, done.effects) == ("done", {"faded": 1})
    finally:
        await first.close()
        await second.close()


async def test_a_run_begun_too_often_is_abandoned(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock):
        pass
    store = Store(short_dir / "data", "dead", 60.0)
    await store.open()
    begun, _ = await store.begin("decay", "schedule", None, clock.now())
    await store.close()
    async with house(short_dir, clock, attempts=1) as host:
        runs = await ended(host, "decay")
        assert [(one.state, one.attempts) for one in runs if one.id == begun.id] == [("abandoned", 2)]
        assert (await run(host, "decay")).state == "done"


async def test_the_daemon_adds_nothing_to_memory_that_nobody_spoke_to(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        for name in ("consolidate", "decay", "reflect"):
            assert (await run(host, name)).effects == {}
        assert (await host.ref("memory").ask(Feed())).changes == ()


async def test_a_cycle_that_is_not_enabled_is_not_known(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, reflect={"enabled": False}) as host:
        await talk(host, clock)
        with pytest.raises(NotFound):
            await host.ref("daemon").ask(RunCycle(name="reflect"))
        assert await records(host, "reflection") == []


async def test_a_daemon_that_is_not_ready_yet_has_figures(tmp_path) -> None:
    names = {metric.name for metric in Daemon(DaemonSettings(), tmp_path).metrics()}
    assert {"lattice_daemon_running", "lattice_daemon_quarantined"} <= names


async def test_a_house_whose_cycles_are_all_turned_off_has_a_daemon_all_the_same(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=()) as host:
        (turn,) = await talk(host, clock, texts=("I sail.",))
        await host.ref("memory").ask(Forget(ids=(turn,)))
        assert (await host.ref("daemon").ask(ListRuns(), timeout=5)).runs == ()
