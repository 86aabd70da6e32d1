"""kill -9 of the daemon's process at its writes, one after the other: in the end everything is there, once."""

import pytest

from actors.clock import ManualClock
from actors.memory.messages import GetHistory, NewMemory, Remember
from tests.daemon.house import Process, ended, house, records, talk

DAY = 86_400.0


async def effects(host) -> dict[str, dict[str, int]]:
    """What all runs of each cycle did together."""
    total: dict[str, dict[str, int]] = {}
    for run in await ended(host):
        assert run.state == "done", run
        counts = total.setdefault(run.cycle, {})
        for name, count in run.effects.items():
            counts[name] = counts.get(name, 0) + count
    return total


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_write_after_write_the_effects_are_there_once(short_dir, when) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, parts=("memory",)) as host:
        for session in ("one", "two", "three"):
            await talk(host, clock, session=session)
        old = await host.ref("memory").ask(Remember(memories=(NewMemory(text="Long ago.", importance=0.8, kind="statement"),)))
        clock.advance(30 * DAY)

        # Each process dies at a later write than the one before, over all the work that is left.
        for dies in (1, 2, 4, 3, 7, 2, 5):
            async with Process(short_dir, clock.now().isoformat(), dies=dies, when=when) as mortal:
                assert await mortal.ended() == -9
        async with Process(short_dir, clock.now().isoformat()):
            total = await effects(host)

        assert total["consolidate"] == {"turns": 24, "facts": 9, "summaries": 3}
        assert total["reflect"] == {"turns": 24, "reflections": 1}
        assert len(await records(host, "fact")) == 9
        assert len(await records(host, "summary")) == 3
        assert len(await records(host, "reflection")) == 1
        assert total["decay"]["faded"] == 25
        history = await host.ref("memory").ask(GetHistory(id=old.memories[0].id))
        (statement,) = await records(host, "statement")
        assert abs(statement.importance - 0.4) < 1e-6
        assert [event.change for event in history.events] == ["remembered", "revised"]
