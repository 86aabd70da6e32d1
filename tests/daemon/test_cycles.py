"""What each cycle does to a real memory."""

import asyncio

import pytest

from actors.clock import ManualClock
from actors.daemon.messages import RunCycle
from actors.memory.messages import Forget, Get, NewMemory, Recall, Relate, Remember, Revise
from tests.daemon.house import TALK, ended, house, records, run, said, talk
from tests.model_server import SyncModelServer

HOUR = 3600.0
DAY = 86_400.0


async def test_a_settled_talk_becomes_facts_and_a_summary_linked_to_its_turns(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        turns = await talk(host, clock)
        assert (await run(host, "consolidate")).effects == {}

        clock.advance(HOUR)
        done = await run(host, "consolidate")
        assert done.state == "done"
        assert done.effects == {"turns": 8, "facts": 3, "summaries": 1}

        facts = await records(host, "fact")
        assert [(fact.text, fact.speaker) for fact in facts] == [
            ("I live in Lisbon with my sister.", "ana"),
            ("My garden has two lemon trees.", "ana"),
            ("I'm training for the marathon in May.", "ana"),
        ]
        assert [(link.relation, link.target) for link in facts[0].links] == [("derives_from", turns[0])]
        (summary,) = await records(host, "summary")
        assert summary.session == "one"
        assert {link.target for link in summary.links} == set(turns)
        assert all(line.partition(": ")[2] in " ".join(TALK) for line in summary.text.splitlines())

        again = await run(host, "consolidate")
        assert again.effects == {}
        assert len(await records(host, "fact")) == 3


async def test_a_talk_that_came_in_while_the_clock_was_ahead_has_settled(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("consolidate",)) as host:
        clock.advance(30 * DAY)
        await talk(host, clock)
        clock.advance(-30 * DAY)
        assert (await run(host, "consolidate")).effects["turns"] == 8


async def test_a_corrected_turn_is_read_anew_and_what_was_drawn_from_it_ends(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("consolidate",)) as host:
        (turn,) = await talk(host, clock, texts=("I live in Lisbon.",))
        clock.advance(DAY)
        assert (await run(host, "consolidate")).effects["facts"] == 1
        await host.ref("memory").ask(Revise(id=turn, importance=0.9))
        clock.advance(DAY)
        await run(host, "consolidate")
        assert [(fact.text, fact.valid_to) for fact in await records(host, "fact")] == [("I live in Lisbon.", None)]

        await host.ref("memory").ask(Revise(id=turn, text="I live in Oslo."))
        clock.advance(DAY)
        await run(host, "consolidate")
        assert [(fact.text, fact.valid_to is None) for fact in await records(host, "fact")] == [
            ("I live in Lisbon.", False),
            ("I live in Oslo.", True),
        ]


async def test_a_talk_that_goes_on_is_summarised_in_stretches(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, consolidate={"segment": 8}) as host:
        await talk(host, clock)
        await talk(host, clock, texts=TALK[:2])
        assert (await run(host, "consolidate")).effects["turns"] == 8
        clock.advance(HOUR)
        assert (await run(host, "consolidate")).effects == {"turns": 2, "facts": 1, "summaries": 0}


async def test_reflection_names_what_recurred_with_its_sources(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, reflect={"turns_from": 8}) as host:
        turns = await talk(host, clock)
        assert (await run(host, "reflect")).effects == {"turns": 8, "reflections": 1}
        (reflection,) = await records(host, "reflection")
        assert reflection.text.startswith("What came up most lately: ")
        assert {"lemon", "marathon", "trees"} <= set(reflection.metadata["themes"])
        assert {link.target for link in reflection.links} <= set(turns)
        assert (await run(host, "reflect")).effects == {}


async def test_what_an_assistant_says_again_and_again_is_no_theme(short_dir) -> None:
    clock = ManualClock()
    texts = (
        "The canoe leaks.",
        "Noted: glue.",
        "I mended the canoe.",
        "Noted!",
        "We paddled.",
        "Noted.",
        "It rained.",
        "Noted.",
    )
    async with house(short_dir, clock, cycles=(), reflect={"turns_from": 8}) as host:
        await talk(host, clock, texts=texts)
        await run(host, "reflect")
        (reflection,) = await records(host, "reflection")
        assert set(reflection.metadata["themes"]) == {"canoe"}
        assert "assistant" not in reflection.text


async def test_those_of_earlier_talks_are_known_by_name(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("consolidate", "profile")) as host:
        await talk(host, clock, texts=("My sister Ilka is a pilot.",))
        await run(host, "profile")
        await talk(host, clock, texts=("Ilka has a new job in Bern.", "Wow!", "Wanda has a cold."), session="two")
        clock.advance(3600)
        await run(host, "consolidate")
        assert [one.text for one in await records(host, "fact")] == [
            "My sister Ilka is a pilot.",
            "Ilka has a new job in Bern.",
        ]


async def test_a_reflection_is_linked_to_all_that_it_quotes_and_counts_and_withheld_without_the_first_of_it(short_dir) -> None:
    clock = ManualClock()
    texts = ("The lemon trees of the garden need water, lemon oil and patience.", *(f"Lemon, number {n}." for n in range(255)))
    async with house(short_dir, clock, cycles=(), reflect={"turns": 256}) as host:
        turns = await talk(host, clock, texts=texts[:100])
        await run(host, "reflect")
        (reflection,) = await records(host, "reflection")
        assert "garden" in reflection.text
        assert {link.target for link in reflection.links} == set(turns)
        assert reflection.metadata["themes"]["lemon"] == 100
        await host.ref("memory").ask(Forget(ids=(turns[0],)))
        assert "garden" not in (await host.ref("memory").ask(Get(id=reflection.id))).memory.text

        await talk(host, clock, texts=texts, session="two")
        assert (await run(host, "reflect")).effects == {"turns": 256, "reflections": 1}
        latest = (await records(host, "reflection"))[-1]
        assert latest.metadata["themes"]["lemon"] == 254 <= len(latest.links)


async def test_importance_halves_with_each_half_life_and_stays_above_the_floor(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        stored = await host.ref("memory").ask(Remember(memories=(NewMemory(text="A turn.", importance=0.8),)))
        identifier = stored.memories[0].id

        async def importance() -> float:
            return (await host.ref("memory").ask(Get(id=identifier))).memory.importance

        assert (await run(host, "decay")).effects == {"seen": 1, "faded": 0, "staged": 0}
        clock.advance(30 * DAY)
        assert (await run(host, "decay")).effects == {"seen": 1, "faded": 1, "staged": 0}
        assert abs(await importance() - 0.4) < 1e-6
        clock.advance(30 * DAY)
        await run(host, "decay")
        assert abs(await importance() - 0.2) < 1e-6

        # Somebody finds it important again: it fades from there, and from then on.
        await host.ref("memory").ask(Revise(id=identifier, importance=1.0))
        await run(host, "decay")
        assert await importance() == 1.0
        clock.advance(30 * DAY)
        await run(host, "decay")
        assert abs(await importance() - 0.5) < 1e-6
        clock.advance(3000 * DAY)
        await run(host, "decay")
        assert abs(await importance() - 0.05) < 1e-6


async def test_a_run_stops_at_its_budget_and_the_next_goes_on_from_there(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, decay={"budget_writes": 3}) as host:
        for namespace in ("one", "two"):
            memories = tuple(NewMemory(text=f"Turn {number}.", importance=0.8) for number in range(4))
            await host.ref("memory").ask(Remember(namespace=namespace, memories=memories))
        clock.advance(30 * DAY)
        faded = [(await run(host, "decay")).effects.get("faded", 0) for _ in range(4)]
        assert sum(faded) == 8
        assert max(faded) == 3
        for namespace in ("one", "two"):
            assert all(abs(one.importance - 0.4) < 0.02 for one in await records(host, "turn", namespace))


async def test_what_a_budget_left_over_does_not_undo_what_somebody_says_meanwhile(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, decay={"budget_writes": 1}) as host:
        memories = tuple(NewMemory(text=f"Turn {number}.", importance=0.8) for number in range(2))
        await host.ref("memory").ask(Remember(memories=memories))
        clock.advance(30 * DAY)
        await run(host, "decay")
        (left,) = [one for one in await records(host, "turn") if one.importance == 0.8]
        await host.ref("memory").ask(Revise(id=left.id, importance=1.0))
        await run(host, "decay")
        found = await host.ref("memory").ask(Get(id=left.id))
        assert found.memory.importance == 1.0


async def test_every_namespace_is_worked_on_and_none_sees_another(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        await talk(host, clock, namespace="ana", texts=("I live in Lisbon.", "Fine."))
        await talk(host, clock, namespace="ben", texts=("I live in Oslo.", "Fine."))
        clock.advance(HOUR)
        await run(host, "consolidate")
        assert [fact.text for fact in await records(host, "fact", "ana")] == ["I live in Lisbon."]
        assert [fact.text for fact in await records(host, "fact", "ben")] == ["I live in Oslo."]
        assert await records(host, "fact") == []


async def test_what_was_forgotten_before_its_turn_came_is_not_drawn_from(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock) as host:
        turns = await talk(host, clock)
        await run(host, "consolidate")
        await host.ref("memory").ask(Forget(ids=(turns[0],)))
        clock.advance(HOUR)
        await run(host, "consolidate")
        assert [fact.text for fact in await records(host, "fact")] == [
            "My garden has two lemon trees.",
            "I'm training for the marathon in May.",
        ]
        summaries = await records(host, "summary")
        assert summaries
        assert all("Lisbon" not in one.text for one in summaries)


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
