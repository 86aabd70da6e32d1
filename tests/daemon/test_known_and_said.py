"""What comes of talks for the people in them: profile, personality, statements, distant links, dreams, old talks."""

import asyncio

import pytest

from actors.clock import ManualClock
from actors.daemon import batches
from actors.daemon.messages import Deliver, GetProfile, ListStatements, RunCycle
from actors.memory.messages import Feed, Forget, Get, GetStats, NewMemory, Recall, Relate, Remember
from actors.paradox.messages import GetProgress, Resolve
from actors.paradox.messages import List as ListParadoxes
from tests.daemon.house import TALK, ended, house, records, run, talk
from tests.model_server import SyncModelServer
from tests.older_copy import put_back, put_by
from transport.errors import Conflict, NotFound

DAY = 86_400.0


async def said(host, clock, *texts: str, speaker: str = "ana", session: str = "one") -> list[str]:
    """What one person says, without answers; the turns' ids."""
    memories = tuple(NewMemory(text=text, role="user", speaker=speaker, session=session, time=clock.now()) for text in texts)
    stored = await host.ref("memory").ask(Remember(memories=memories))
    return [one.id for one in stored.memories]


async def aspects(host, speaker: str = "ana") -> dict:
    profile = await host.ref("daemon").ask(GetProfile(speaker=speaker))
    return {(one.kind, one.name): one for one in profile.speakers.get(speaker, ())}


async def test_a_profile_is_drawn_with_evidence_and_grows_surer_by_a_third_a_cycle_at_most(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("profile",)) as host:
        first = await said(
            host, clock, "My sister Ana-Maria paints.", "I'm training for the marathon in May.", "The marathon is long."
        )
        assert (await run(host, "profile")).effects == {"turns": 3, "people": 1}
        found = await aspects(host)
        assert found["relationship", "sister Ana-Maria"].evidence == (first[0],)
        goal = found["goal", "I'm training for the marathon in May."]
        assert goal.confidence == pytest.approx(0.3)
        assert found["interest", "marathon"].evidence == (first[2], first[1])
        assert found["style", "asking"].value < 0.5

        await said(host, clock, "I'm training for the marathon every day.")
        await run(host, "profile")
        assert (await aspects(host))["goal", goal.name].confidence == pytest.approx(0.6)

        await said(host, clock, "I gave up on the marathon.")
        await run(host, "profile")
        assert (await aspects(host))["goal", goal.name].confidence == pytest.approx(0.3)


@pytest.mark.parametrize(
    "then", [("profile",), ("profile", "reflect")], ids=["as before", "with a cycle that has followed nothing"]
)
async def test_an_older_memory_that_has_grown_past_what_was_followed_is_worked_on_from_where_it_went_apart(
    short_dir, then
) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("profile",), parts=("memory", "daemon")) as host:
        await said(host, clock, "My sister Ana-Maria paints.", "I live in Lisbon.")
        assert (await run(host, "profile")).effects["turns"] == 2
    put_by(short_dir / "data" / "memory.db")
    async with house(short_dir, clock, cycles=("profile",), parts=("memory", "daemon")) as host:
        await said(host, clock, *(f"I have read book {number}." for number in range(5)))
        assert (await run(host, "profile")).effects["turns"] == 5
    put_back(short_dir / "data" / "memory.db")
    async with house(short_dir, clock, parts=("memory",)) as host:
        await said(host, clock, *(f"I have sung song {number}." for number in range(11)))
    async with house(short_dir, clock, cycles=then, parts=("memory", "daemon")) as host:
        assert (await run(host, "profile")).effects["turns"] == 11
        assert (await run(host, "profile")).effects == {}


async def test_what_is_held_of_somebody_goes_with_its_last_source(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("profile",)) as host:
        (only,) = await said(host, clock, "My sister Xanthippe paints.")
        await run(host, "profile")
        assert ("relationship", "sister Xanthippe") in await aspects(host)
        await host.ref("memory").ask(Forget(ids=(only,)))
        await run(host, "profile")
        assert await aspects(host) == {}
    assert not [path for path in (short_dir / "data").glob("daemon.db*") if b"Xanthippe" in path.read_bytes()]


async def test_words_of_a_forgotten_turn_are_not_held_for_what_others_said_of_the_same(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("profile",)) as host:
        first = await said(host, clock, "My sister Xanthippe paints.", "I'm training for the Zanzibar marathon.")
        again = ("My sister called.", "I'm training for the marathon.")
        for texts in (again, again, ["I gave up on the marathon."]):
            await said(host, clock, *texts)
            await run(host, "profile")
        held = await aspects(host)
        assert held["relationship", "sister Xanthippe"].evidence == (first[0],)
        assert held["goal", "I'm training for the Zanzibar marathon."].evidence == (first[1],)
        await host.ref("memory").ask(Forget(ids=tuple(first)))
        await run(host, "profile")
        assert not [name for _, name in await aspects(host) if "Xanthippe" in name or "Zanzibar" in name]


async def test_what_is_forgotten_while_a_cycle_reads_it_is_not_held_afterwards(short_dir, monkeypatch) -> None:
    """The follower has let go of it by then, and nobody says a second time that it is forgotten."""
    clock = ManualClock()
    read = batches.turns_of

    async def read_and_forgotten(work, batch):
        turns = await read(work, batch)
        named = [turn.id for turn in turns if "Xanthippe" in turn.text]
        if named:
            await host.ref("memory").ask(Forget(ids=tuple(named)))
            end = (await host.ref("memory").ask(GetStats())).feed_cursor
            while await work.read(follower_at) < end:  # noqa: ASYNC110 (no event tells how far the follower is)
                await asyncio.sleep(0)
        return turns

    async with house(short_dir, clock, cycles=("profile",)) as host:
        await said(host, clock, "My sister Xanthippe paints.", "My brother Ben sings.")
        monkeypatch.setattr(batches, "turns_of", read_and_forgotten)
        assert (await run(host, "profile")).state == "done"
        assert {name for kind, name in await aspects(host) if kind == "relationship"} == {"brother Ben"}
    assert not [path for path in (short_dir / "data").glob("daemon.db*") if b"Xanthippe" in path.read_bytes()]


async def test_a_models_answer_to_what_is_forgotten_meanwhile_is_not_kept(short_dir) -> None:
    clock = ManualClock()
    with SyncModelServer() as server:
        server.always(text="Ana knows a Xanthippe.")
        server.next({"fault": "hang", "text": "Ana knows a Xanthippe."})
        asking = {"consolidate": {"budget_tokens": 20_000}, "cycles": ("consolidate",)}
        async with house(short_dir, clock, model=server.base_url, **asking) as host:
            turns = await talk(host, clock, texts=("My sister Xanthippe paints.", *TALK[1:]))
            clock.advance(DAY)
            await host.ref("daemon").ask(RunCycle(name="consolidate"))
            await asyncio.to_thread(server.log, holding=1)
            await host.ref("memory").ask(Forget(ids=(turns[0],)))
            server.always(text="Ana has a garden.")
            server.release()
            (last, *_) = await ended(host, "consolidate")
            assert last.state == "done"
            assert [summary.text for summary in await records(host, "summary")] == ["Ana has a garden."]
    assert not [path for path in (short_dir / "data").glob("daemon.db*") if b"Xanthippe" in path.read_bytes()]


def follower_at(connection) -> int:
    return int(connection.execute("SELECT min(CAST(value AS INTEGER)) FROM cursor WHERE name LIKE 'feed:%'").fetchone()[0])


async def test_the_assistants_aspects_drift_towards_what_is_asked_within_their_bounds(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("personality",)) as host:

        async def brevity() -> float:
            (trait,) = [one for one in (await host.ref("daemon").ask(GetProfile())).traits if one.name == "brevity"]
            assert trait.evidence
            return trait.value

        values = []
        for _ in range(6):
            await said(host, clock, "That was too long.", "Shorter, please.")
            await run(host, "personality")
            values.append(await brevity())
        assert values == pytest.approx([0.55, 0.6, 0.65, 0.7, 0.7, 0.7])
        for _ in range(2):
            await said(host, clock, "The weather is fine today.", "I had soup.")
            await run(host, "personality")
        assert await brevity() == pytest.approx(0.6)


async def test_a_plan_is_asked_after_once_its_time_is_over_and_only_once(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("statements",)) as host:
        (turn,) = await said(host, clock, "I'm flying to Rome tomorrow.")
        assert (await run(host, "statements")).effects["statements"] == 1
        assert (await host.ref("daemon").ask(ListStatements())).statements == ()

        clock.advance(3 * DAY)
        (statement,) = (await host.ref("daemon").ask(ListStatements())).statements
        assert statement.speaker == "ana"
        assert "I'm flying to Rome tomorrow." in statement.text
        record = await host.ref("memory").ask(Get(id=statement.id))
        assert (record.memory.kind, [link.target for link in record.memory.links]) == ("statement", [turn])

        told = await host.ref("daemon").ask(Deliver(id=statement.id, thought="th_1"))
        assert told.statement.delivered_in == "th_1"
        assert (await host.ref("daemon").ask(Deliver(id=statement.id, thought="th_1"))).statement == told.statement
        with pytest.raises(Conflict):
            await host.ref("daemon").ask(Deliver(id=statement.id, thought="th_2"))
        with pytest.raises(NotFound):
            await host.ref("daemon").ask(Deliver(namespace="other", id=statement.id, thought="th_1"))
        assert (await host.ref("daemon").ask(ListStatements())).statements == ()
        await run(host, "statements")
        assert len((await host.ref("daemon").ask(ListStatements(state=None))).statements) == 1


async def test_what_its_speaker_has_given_up_is_not_asked_after(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("statements",)) as host:
        await talk(host, clock, texts=("I'm training for the 10k in September.", "Good luck!", "I'm flying to Rome tomorrow."))
        assert (await run(host, "statements")).effects["statements"] == 2
        await talk(host, clock, session="two", texts=("I gave up the 10k.",))
        assert (await run(host, "statements")).effects["withdrawn"] == 1
        listed = (await host.ref("daemon").ask(ListStatements(state=None))).statements
        assert {one.state for one in listed if "10k" in one.text} == {"expired"}
        assert {one.state for one in listed if "Rome" in one.text} == {"open"}
        told = ("I'm going to a concert on Friday.", "Nice!", "They called the concert off.")
        await talk(host, clock, session="three", texts=told)
        assert (await run(host, "statements")).effects["statements"] == 0


async def test_a_statement_that_nobody_had_occasion_for_is_let_go(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, statements={"expires_days": 5}) as host:
        await said(host, clock, "I want to learn Italian.")
        await run(host, "statements")
        clock.advance(3 * DAY)
        assert len((await host.ref("daemon").ask(ListStatements())).statements) == 1
        clock.advance(30 * DAY)
        assert (await host.ref("daemon").ask(ListStatements())).statements == ()
        assert (await run(host, "statements")).effects["expired"] == 1


async def test_distant_talks_of_the_same_are_linked_and_near_ones_are_not(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("percolate",)) as host:
        (old,) = await said(host, clock, "The lemon trees in the garden need water.", session="one")
        clock.advance(30 * DAY)
        new = await said(host, clock, "The lemon trees have blossoms again.", "Lemon trees smell nice.", session="two")
        assert (await run(host, "percolate")).effects == {"turns": 3, "links": 2}
        for turn in new:
            found = await host.ref("memory").ask(Get(id=turn))
            assert [(link.relation, link.target) for link in found.memory.links] == [("relates", old)]
        assert (await run(host, "percolate")).effects == {}


async def test_a_dream_has_its_sources_and_is_never_recalled_as_something_that_was_said(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, dream={"from_records": 2}) as host:
        await said(host, clock, "The lemon trees in the garden need water.")
        clock.advance(30 * DAY)
        await said(host, clock, "The train to Porto was late again.")
        await run(host, "dream")
        dreams = await records(host, "dream")
        assert dreams
        assert len(dreams[0].links) == 2
        recalled = await host.ref("memory").ask(Recall(query="lemon trees train Porto"))
        assert {one.kind for one in recalled.memories} == {"turn"}


async def test_an_old_faded_talk_is_summed_up_and_its_turns_are_archived(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, compress={"importance": 0.9}) as host:
        turns = await talk(host, clock)
        assert (await run(host, "compress")).effects == {}
        clock.advance(200 * DAY)
        assert (await run(host, "compress")).effects == {"archived": 8, "summaries": 1}
        (summary,) = await records(host, "summary")
        assert {link.target for link in summary.links} == set(turns)
        assert {turn.stage for turn in await records(host, "turn")} == {"archived"}
        assert (await run(host, "compress")).effects == {}


async def test_a_summary_that_lost_a_source_is_told_anew_without_it(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("consolidate",)) as host:
        turns = await talk(host, clock)
        clock.advance(DAY)
        await run(host, "consolidate")
        (summary,) = await records(host, "summary")
        spoken = next(turn for turn in await records(host, "turn") if turn.text.split(". ")[0][:30] in summary.text)
        assert spoken.id in turns
        await host.ref("memory").ask(Forget(ids=(spoken.id,)))
        assert (await run(host, "consolidate")).effects["rederived"] == 1
        (anew,) = await records(host, "summary")
        assert anew.id == summary.id
        assert anew.text
        assert spoken.text not in anew.text
        assert not anew.withheld


async def test_what_was_derived_from_something_newer_is_told_anew_after_that(short_dir) -> None:
    """An older reflection was linked to a summary afterwards: it comes first in the order of ids."""
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("consolidate",)) as host:
        memory = host.ref("memory")
        (first,) = await said(host, clock, "I moved to Lisbon in the spring of last year.")
        (second,) = await said(host, clock, "I work as a gardener in the botanical garden.")
        reflection = NewMemory(
            text="moving", kind="reflection", importance=0.5, links=({"relation": "derives_from", "target": second},)
        )
        older = (await memory.ask(Remember(memories=(reflection,)))).memories[0].id
        both = tuple({"relation": "summarises", "target": turn} for turn in (first, second))
        summary = NewMemory(text="Lisbon, gardening", kind="summary", links=both)
        newer = (await memory.ask(Remember(memories=(summary,)))).memories[0].id
        await memory.ask(Relate(source=older, relation="derives_from", target=newer))
        forgotten = await memory.ask(Forget(ids=(first,)))
        assert set(forgotten.withheld) == {older, newer}

        assert (await run(host, "consolidate")).effects["rederived"] == 2
        for derived in (older, newer):
            anew = (await memory.ask(Get(id=derived))).memory
            assert ("gardener" in anew.text, "Lisbon" in anew.text, anew.withheld) == (True, False, False)


async def test_an_open_contradiction_is_contemplated_and_becomes_something_to_bring_up(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("integrate", "statements")) as host:
        await said(host, clock, "I have never been to Portugal.")
        clock.advance(60)
        await said(host, clock, "I grew up in Portugal.", session="two")
        reached = (await host.ref("memory").ask(Feed())).cursor
        await host.ref("paradox").ask(GetProgress(reached=reached, wait_ms=20_000))
        assert (await run(host, "integrate")).effects["noted"] == 1
        assert (await run(host, "integrate")).effects == {}
        await run(host, "statements")
        (statement,) = (await host.ref("daemon").ask(ListStatements())).statements
        assert statement.why == "a contradiction stands open"
        assert "never been to Portugal" in statement.text
        assert "grew up in Portugal" in statement.text


async def test_what_is_settled_is_not_brought_up_any_more(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("statements",)) as host:
        await said(host, clock, "I have never been to Portugal.", "I have no dog.")
        clock.advance(60)
        await said(host, clock, "I grew up in Portugal.", "I have a dog.", session="two")
        reached = (await host.ref("memory").ask(Feed())).cursor
        await host.ref("paradox").ask(GetProgress(reached=reached, wait_ms=20_000))
        await run(host, "statements")
        opened = (await host.ref("daemon").ask(ListStatements())).statements
        assert len(opened) == 2

        for paradox in (await host.ref("paradox").ask(ListParadoxes())).paradoxes:
            state = "dismissed" if "dog" in paradox.later.text else "integrated"
            keep = "both" if state == "dismissed" else "later"
            await host.ref("paradox").ask(Resolve(id=paradox.id, state=state, keep=keep, reason="they told me"))
        with pytest.raises(Conflict, match="expired"):
            await host.ref("daemon").ask(Deliver(id=opened[0].id, thought="th_1"))
        assert (await host.ref("daemon").ask(ListStatements())).statements == ()


@pytest.mark.parametrize(
    ("behaviour", "text"),
    [
        ({"text": "<think>Ana is lying to me.</think>Ana lives in Lisbon."}, "Ana lives in Lisbon."),
        ({"text": "Ana lives in Lisbon. She has", "finish_reason": "length"}, "Ana lives in Lisbon."),
    ],
)
async def test_a_summary_is_what_a_model_says_in_whole_sentences_not_what_it_thinks_aloud(short_dir, behaviour, text) -> None:
    clock = ManualClock()
    with SyncModelServer() as server:
        server.always(**behaviour)
        asking = {"consolidate": {"budget_tokens": 20_000, "settled_s": 1.0}, "cycles": ("consolidate",)}
        async with house(short_dir, clock, model=server.base_url, **asking) as host:
            await talk(host, clock)
            clock.advance(3600)
            assert (await run(host, "consolidate")).effects["summaries"] == 1
            (summary,) = await records(host, "summary")
            assert summary.text == text
