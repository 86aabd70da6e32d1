"""The background life beside the foreground: standing still, budgets, dry runs, quarantine, what is set aside, watching."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from actors.clock import ManualClock
from actors.daemon import work
from actors.daemon.cycles.consolidate import Consolidate
from actors.daemon.foreground import ForegroundWatch
from actors.daemon.messages import Cost, Foreground, ListSetAside, Rehearse, ResumeCycle, Retry, Run, RunCycle, Watch
from actors.daemon.settings import CycleSettings
from actors.daemon.work import STRETCH_S, Work
from actors.memory.actor import Memory
from actors.memory.messages import Feed, Forget
from actors.memory.settings import MemorySettings
from actors.message import Message, Reply
from actors.runtime import AsyncActor, handles
from tests.daemon.house import cycle, ended, house, records, run, settings, talk
from transport.errors import NotFound, Unavailable

HOUR = 3600.0


class Refused(Reply, type="refusing.refused"):
    pass


class Refuse(Message, type="refusing.refuse", reply=Refused):
    pass


class Refuses(AsyncActor):
    name = "refusing"

    @handles(Refuse)
    async def refuse(self, _message: Refuse) -> Refused:
        raise Unavailable("not now")


async def test_a_run_stands_still_while_people_wait_and_goes_on_when_they_do_not(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await talk(host, clock)
        clock.advance(HOUR)
        host.ref("daemon").tell(Foreground(caller="gateway", busy=True, lasts_ms=60_000))
        started = await host.ref("daemon").ask(RunCycle(name="consolidate"))
        assert started.run.state == "running"
        assert (await cycle(host, "consolidate")).last_run == started.run.id
        assert await records(host, "fact") == []
        host.ref("daemon").tell(Foreground(caller="gateway", busy=False))
        assert (await ended(host, "consolidate"))[0].effects["facts"] == 3


async def test_reading_many_texts_stops_between_two_when_somebody_waits() -> None:
    loop, foreground, seen = asyncio.get_running_loop(), ForegroundWatch(), []
    work = Work(
        run=Run.model_construct(cost=Cost(wall_ms=0, model_calls=0, model_tokens=0, memory_writes=0)),
        schedule=CycleSettings(),
        settings=settings(yield_s=60.0),
        store=None,
        clock=ManualClock(),
        ask=None,
        foreground=foreground,
    )

    def read(text: int) -> int:
        foreground.said("gateway", busy=not seen, lasts_s=60.0)
        seen.append(text)
        until = loop.time() + STRETCH_S
        while loop.time() < until:
            pass
        return text

    reading = asyncio.create_task(work.each(range(4), read))
    for _ in range(10):
        await asyncio.sleep(0)
    assert seen == [0]
    foreground.said("gateway", busy=False, lasts_s=0.0)
    assert await reading == [0, 1, 2, 3]


async def test_who_dies_while_people_wait_holds_the_background_up_no_longer_than_it_said(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await talk(host, clock)
        clock.advance(HOUR)
        host.ref("daemon").tell(Foreground(caller="dead", busy=True, lasts_ms=100))
        assert (await run(host, "consolidate")).effects["facts"] == 3


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await talk(host, clock)
        clock.advance(HOUR)
        before = (await host.ref("memory").ask(Feed())).cursor
        rehearsed = await host.ref("daemon").ask(Rehearse(name="consolidate"))
        assert rehearsed.effects == {"turns": 8, "facts": 3, "summaries": 1}
        assert rehearsed.writes == 4
        assert rehearsed.planned[0].type == "memory.remember"
        assert (await host.ref("memory").ask(Feed())).cursor == before
        assert not list((short_dir / "data").glob("rehearsal-*"))
        assert (await run(host, "consolidate")).effects == rehearsed.effects


async def test_a_memory_that_ends_before_what_was_followed_is_followed_from_its_end(short_dir) -> None:
    """Restored from an older copy, or recovered."""
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await talk(host, clock)
        clock.advance(HOUR)
        assert (await run(host, "consolidate")).effects["facts"] == 3
    for path in (short_dir / "data").glob("memory.db*"):
        path.unlink()
    async with house(short_dir, clock) as host:
        assert "facts" not in (await run(host, "consolidate")).effects
        await talk(host, clock)
        clock.advance(HOUR)
        assert (await run(host, "consolidate")).effects["facts"] == 3


async def test_a_cycle_that_fails_again_and_again_is_quarantined_until_it_is_resumed(short_dir, monkeypatch) -> None:
    async def broken(_self, _work) -> None:
        raise ValueError("no such luck")

    clock = ManualClock()
    async with house(short_dir, clock, quarantine_after=3, retry_s=1) as host:
        with monkeypatch.context() as patch:
            patch.setattr(Consolidate, "work", broken)
            for _ in range(3):
                await run(host, "consolidate")
        assert (await cycle(host, "consolidate")).quarantined
        before = len(await ended(host, "consolidate"))
        clock.advance(400 * 24 * HOUR)
        await run(host, "decay")
        assert len(await ended(host, "consolidate")) == before
        resumed = await host.ref("daemon").ask(ResumeCycle(name="consolidate"))
        assert (resumed.cycle.quarantined, resumed.cycle.failures) == (False, 0)
        async with asyncio.timeout(90):
            while len(runs := await ended(host, "consolidate")) == before:  # noqa: ASYNC110 (no event tells that it was begun)
                await asyncio.sleep(0)
        assert (runs[0].state, runs[0].cause) == ("done", "schedule")


async def test_a_cycle_whose_memory_is_away_is_not_quarantined_and_runs_soon_after_it_is_back(short_dir, monkeypatch) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, quarantine_after=10, decay={"interval_s": HOUR}) as host:
        await talk(host, clock)
        await run(host, "decay")
        await host.stop_actor("memory")
        with monkeypatch.context() as patch:
            patch.setattr(work, "ASK_S", 0.05)
            patch.setattr(work, "SIGN_S", 0.05)
            for _ in range(12):
                assert "memory gives no sign of life" in (await run(host, "decay")).error

        waiting = await cycle(host, "decay")
        assert not waiting.quarantined
        assert waiting.due - clock.now() < timedelta(minutes=5)

        await host.start_actor(Memory, MemorySettings(), data_dir=short_dir / "data", clock=clock)
        assert (await run(host, "decay")).state == "done"
        assert (await cycle(host, "decay")).failures == 0


async def test_a_cycle_that_memory_refuses_is_to_blame_while_memory_lives(short_dir, monkeypatch) -> None:
    async def refused(_self, work) -> None:
        await work.ask(Refuse())

    clock = ManualClock()
    async with house(short_dir, clock, quarantine_after=3) as host:
        await host.start_actor(Refuses)
        monkeypatch.setattr(Consolidate, "work", refused)
        for _ in range(3):
            await run(host, "consolidate")
        assert (await cycle(host, "consolidate")).quarantined


async def test_a_poisoned_piece_is_set_aside_after_three_attempts_and_the_others_go_on(short_dir, monkeypatch) -> None:
    whole = Consolidate._facts

    def poisoned(self, work, batch, turns):
        if any(turn.session == "bad" for turn in turns):
            raise ValueError("cannot be read")
        return whole(self, work, batch, turns)

    clock = ManualClock()
    async with house(short_dir, clock) as host:
        turns = await talk(host, clock, session="bad")
        await talk(host, clock, session="good")
        clock.advance(HOUR)
        with monkeypatch.context() as patch:
            patch.setattr(Consolidate, "_facts", poisoned)
            states = [(await run(host, "consolidate")).state for _ in range(3)]
        assert states == ["failed", "failed", "done"]
        assert len(await records(host, "fact")) == 3
        (item,) = (await host.ref("daemon").ask(ListSetAside())).items
        assert (item.cycle, item.attempts, item.error) == ("consolidate", 3, "ValueError: cannot be read")
        assert set(item.memories) == set(turns)
        assert (await cycle(host, "consolidate")).set_aside == 1

        await host.ref("daemon").ask(Retry(cycle="consolidate", id=item.id))
        assert (await run(host, "consolidate")).effects["facts"] == 3
        assert (await host.ref("daemon").ask(ListSetAside())).items == ()
        with pytest.raises(NotFound):
            await host.ref("daemon").ask(Retry(cycle="consolidate", id=item.id))


async def test_of_a_piece_that_was_set_aside_no_forgotten_turn_is_kept(short_dir, monkeypatch) -> None:
    def poisoned(*_):
        raise ValueError("cannot be read")

    monkeypatch.setattr(Consolidate, "_facts", poisoned)
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        first, *others = await talk(host, clock, session="xylophonists")
        clock.advance(HOUR)
        for _ in range(3):
            await run(host, "consolidate")
        for gone, left in (([first], set(others)), (others, None)):
            await host.ref("memory").ask(Forget(ids=tuple(gone)))
            async with asyncio.timeout(90):
                while True:
                    items = (await host.ref("daemon").ask(ListSetAside())).items
                    if {frozenset(item.memories) for item in items} == ({frozenset(left)} if left else set()):
                        break
        assert await forgets(short_dir / "data", b"xylophonist")


async def forgets(data_dir: Path, word: bytes) -> bool:
    """Whether a word leaves all files of daemon.db; who follows the feed empties its log a moment after the change."""
    async with asyncio.timeout(90):
        while any(word in file.read_bytes() for file in data_dir.glob("daemon.db*")):  # noqa: ASYNC110, ASYNC240
            await asyncio.sleep(0)
    return True


async def test_enough_new_memories_begin_a_cycle_before_its_time(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, reflect={"after_new": 8, "turns_from": 8}) as host:
        async with asyncio.timeout(90), host.ref("daemon").stream(Watch()) as steps:
            await talk(host, clock)
            # The end of the run that was due at the start may be told after it is written down.
            async for step in steps:
                if (step.what, step.cycle) == ("ended", "reflect") and len(runs := await ended(host, "reflect")) > 1:
                    break
        assert [run.cause for run in runs] == ["8 new memories", "schedule"]
        assert len(await records(host, "reflection")) == 1


async def test_who_watches_sees_a_run_begin_work_and_end(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await talk(host, clock)
        clock.advance(HOUR)
        async with asyncio.timeout(90), host.ref("daemon").stream(Watch()) as steps:
            await host.ref("daemon").ask(RunCycle(name="consolidate"))
            seen = []
            async for step in steps:
                seen.append(step.what)
                if step.what == "ended":
                    assert step.state == "done"
                    break
        assert seen == ["begun", "worked", "ended"]
