"""kill -9 of the daemon's process at its writes, one after the other: in the end everything is there, once."""

import pytest
from apsw import Connection

from actors.clock import ManualClock
from actors.daemon.messages import GetProfile, ListStatements
from actors.llm.messages import GetUsage
from actors.memory.messages import GetHistory, NewMemory, Remember
from actors.paradox.messages import List
from tests.daemon.house import Process, ended, house, records, talk
from tests.model_server import SyncModelServer
from tests.paradox.house import followed

DAY = 86_400.0
ASKING = {"consolidate": {"budget_tokens": 20_000}, "cycles": ["consolidate"]}


async def effects(host) -> dict[str, dict[str, int]]:
    """What all runs of each cycle did together."""
    total: dict[str, dict[str, int]] = {}
    for run in await ended(host):
        assert run.state == "done", run
        counts = total.setdefault(run.cycle, {})
        for name, count in run.effects.items():
            counts[name] = counts.get(name, 0) + count
    return total


@pytest.mark.timeout(180)  # several processes, one after the other: on a busy machine each takes seconds
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_write_after_write_the_effects_are_there_once(short_dir, when) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, parts=("memory",)) as host:
        for session in ("one", "two", "three"):
            await talk(host, clock, session=session)
        old = await host.ref("memory").ask(Remember(memories=(NewMemory(text="Long ago.", importance=0.8, kind="statement"),)))
        clock.advance(30 * DAY)

        # Each process dies at a later write than the one before, over all the work that is left.
        for dies in (1, 2, 4, 3, 2):
            async with Process(short_dir, clock.now().isoformat(), dies=dies, when=when) as mortal:
                assert await mortal.ended() == -9
        async with Process(short_dir, clock.now().isoformat()):
            total = await effects(host)

        assert total["consolidate"] == {"turns": 24, "facts": 9, "summaries": 3}
        assert total["reflect"] == {"turns": 24, "reflections": 1}
        assert len(await records(host, "fact")) == 9
        assert len(await records(host, "summary")) == 3
        assert len(await records(host, "reflection")) == 1
        assert {turn.importance for turn in await records(host, "turn")} == {0.25}
        history = await host.ref("memory").ask(GetHistory(id=old.memories[0].id))
        (statement,) = await records(host, "statement")
        assert abs(statement.importance - 0.4) < 1e-6
        assert [event.change for event in history.events] == ["remembered"]


@pytest.mark.timeout(180)  # several processes, one after the other: on a busy machine each takes seconds
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_write_after_write_a_profile_and_statements_are_drawn_once(short_dir, when) -> None:
    clock = ManualClock()
    cycles = {"cycles": ["profile", "statements", "percolate"]}
    async with house(short_dir, clock, parts=("memory", "paradox")) as host:
        await talk(host, clock)
        clock.advance(30 * DAY)
        await talk(host, clock, session="two")
        for dies in (1, 3, 5):
            async with Process(short_dir, clock.now().isoformat(), dies=dies, when=when, **cycles) as mortal:
                assert await mortal.ended() == -9
        async with Process(short_dir, clock.now().isoformat(), **cycles):
            total = await effects(host)
            profile = await host.ref("daemon").ask(GetProfile())
            statements = await host.ref("daemon").ask(ListStatements(state=None))

        assert total["profile"] == {"turns": 16, "people": 1}
        assert total["statements"]["statements"] == len(statements.statements) == len(await records(host, "statement")) == 2
        goals = [aspect for aspect in profile.speakers["ana"] if aspect.kind == "goal"]
        # Two talks of one batch: more than a third a cycle would mean that it was taken in twice.
        assert [goal.confidence for goal in goals] == [0.3]
        links = [turn.links for turn in await records(host, "turn")]
        assert total["percolate"]["links"] == sum(len(of_one) for of_one in links)


LATER = {
    "cycles": ["compress", "dream", "integrate", "personality"],
    "compress": {"importance": 0.9},
    "dream": {"from_records": 2, "dreams": 3, "interval_s": 365 * DAY},
}


@pytest.mark.timeout(180)  # several processes, one after the other: on a busy machine each takes seconds
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_write_after_write_old_talks_dreams_aspects_and_thoughts_are_there_once(short_dir, when) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, parts=("memory", "paradox")) as host:
        turns = await talk(host, clock)
        clock.advance(200 * DAY)
        # The two that contradict each other, and what is asked of the assistant.
        texts = ("I have never been to Portugal.", "Fine.", "I grew up in Portugal.", "Fine.", "That was too long.", "Shorter.")
        await talk(host, clock, session="now", texts=texts)
        await talk(host, clock, session="boats", texts=("The lighthouse keeper paints his wooden boat.", "A fine blue boat."))
        await followed(host)
        for dies in (1, 2, 1, 3):
            async with Process(short_dir, clock.now().isoformat(), dies=dies, when=when, **LATER) as mortal:
                assert await mortal.ended() == -9
        async with Process(short_dir, clock.now().isoformat(), **LATER):
            total = await effects(host)
            profile = await host.ref("daemon").ask(GetProfile())

        dreams, summaries = await records(host, "dream"), await records(host, "summary")
        assert len(dreams) == total["dream"]["dreams"] == 3
        (summary,) = summaries
        assert {link.target for link in summary.links} == set(turns)
        assert {turn.stage for turn in await records(host, "turn") if turn.session == "one"} == {"archived"}
        # One step of drift, however often the turns were taken up.
        (brevity,) = [trait for trait in profile.traits if trait.name == "brevity"]
        assert brevity.value == pytest.approx(0.55)
        (paradox,) = (await host.ref("paradox").ask(List())).paradoxes
        assert len(paradox.notes) == 1


async def test_what_a_model_was_paid_for_is_not_asked_again_after_a_kill(short_dir) -> None:
    clock = ManualClock()
    with SyncModelServer() as server:
        server.always(text="Ana trains for a marathon.")
        async with house(short_dir, clock, parts=("memory",), model=server.base_url) as host:
            await talk(host, clock, namespace="ana")
            clock.advance(DAY)
            # The write after the feed and the laying down is the model's answer; the process dies right after it.
            async with Process(short_dir, clock.now().isoformat(), dies=3, when="after", **ASKING) as mortal:
                assert await mortal.ended() == -9
            async with Process(short_dir, clock.now().isoformat(), **ASKING):
                (run,) = await ended(host, "consolidate")
            (summary,) = await records(host, "summary", "ana")
            assert summary.text == "Ana trains for a marathon."
            assert (summary.provenance.by, summary.provenance.rule) == ("consolidate", None)
            assert summary.provenance.model == "gpt-test"
            assert len(server.log()) == 1
            assert (run.state, run.cost.model_calls) == ("done", 1)
            assert run.cost.model_tokens > 0
            rows = (await host.ref("llm").ask(GetUsage())).rows
            assert [(row.namespace, row.calls) for row in rows] == [("ana", 1)]


HOUSEKEEPING = {"cycles": ["backup", "health"], "health": {"free_bytes": 1 << 50}}


@pytest.mark.timeout(180)  # several processes, one after the other: on a busy machine each takes seconds
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_write_after_write_one_whole_backup_is_there_and_the_house_was_looked_at(short_dir, when) -> None:
    clock = ManualClock()
    with SyncModelServer() as server:
        parts = ("memory", "paradox", "thinking")
        async with house(short_dir, clock, parts=parts, model=server.base_url) as host:
            await talk(host, clock)
            for dies in (2, 2):
                async with Process(short_dir, clock.now().isoformat(), dies=dies, when=when, **HOUSEKEEPING) as mortal:
                    assert await mortal.ended() == -9
            async with Process(short_dir, clock.now().isoformat(), **HOUSEKEEPING):
                runs = {run.cycle: run for run in await ended(host)}

        copies = sorted((short_dir / "data" / "backups").iterdir())
        assert len({copy.name.partition(".")[0] for copy in copies}) == 1
        assert len(copies) == 5
        for copy in copies:
            connection = Connection(str(copy))
            assert connection.pragma("integrity_check") == "ok"
            connection.close()
        assert {name: run.state for name, run in runs.items()} == {"backup": "done", "health": "done"}
        assert runs["backup"].effects["databases"] <= 5
        assert (runs["health"].effects["checks"], runs["health"].effects["problems"]) == (4, 1)
