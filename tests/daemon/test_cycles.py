"""What each cycle does to a real memory."""

from actors.clock import ManualClock
from actors.memory.messages import Forget, Get, NewMemory, Remember, Revise
from tests.daemon.house import TALK, house, records, run, talk

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
        assert all("Lisbon" not in one.text for one in await records(host, "summary"))
