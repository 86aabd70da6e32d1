"""What the profile cycle holds of the people in talks, and how the assistant's own traits follow what is asked of it."""

import asyncio

import pytest

from actors.clock import ManualClock
from actors.daemon import batches
from actors.daemon.messages import GetProfile
from actors.memory.messages import Forget, GetStats
from tests.daemon.house import house, run, said
from tests.older_copy import put_back, put_by

DAY = 86_400.0


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


async def test_those_whom_somebody_called_theirs_before_are_no_interests(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("profile",)) as host:
        await said(host, clock, "My sons Ruben and Levi are at sea.")
        await run(host, "profile")
        await said(
            host, clock, "Ruben writes about pottery.", "Pottery with Ruben, at last!", "Levi sails; pottery bores Levi."
        )
        await run(host, "profile")
        assert {name for kind, name in await aspects(host) if kind == "interest"} == {"pottery"}


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
