"""What becomes of a paradox: updates end facts, contemplation notes and settles, time fades it, a revision takes it back."""

from datetime import timedelta

import pytest

from actors.clock import ManualClock
from actors.memory.messages import Forget, GetHistory, Revise
from actors.memory.messages import Get as GetMemory
from actors.paradox.messages import Contemplate, Contemplated, List, Resolve
from actors.paradox.settings import ParadoxSettings
from tests.paradox.house import START, followed, found, house, say, settled

CLASH = ("I live in Lisbon.", "I live in Oslo.")
LATER = START + timedelta(days=60)


async def the_one(host):
    (one,) = (await host.ref("paradox").ask(List())).paradoxes
    return one


async def memory(host, identifier):
    return (await host.ref("memory").ask(GetMemory(id=identifier))).memory


async def test_an_update_ends_the_old_fact_which_stays_with_a_link(short_dir) -> None:
    async with house(short_dir) as host:
        old, new = await say(host, "I live in Lisbon.", "We moved to Oslo, I live in Oslo these days.")
        await followed(host)
        await settled(host)

        one = await the_one(host)
        assert (one.verdict, one.state, one.advice) == ("update", "integrated", "")
        assert [step.cause for step in one.history] == ["found", "update"]
        ended = await memory(host, old)
        assert (ended.text, ended.valid_to is not None) == ("I live in Lisbon.", True)
        assert [(link.relation, link.target) for link in (await memory(host, new)).links] == [("supersedes", old)]


@pytest.mark.parametrize("told", ["I live in Lisbon and my sister studies law.", "I live in Lisbon with my wife Jana."])
async def test_an_update_of_one_thing_among_several_ends_no_record(short_dir, told) -> None:
    async with house(short_dir) as host:
        old, new = await say(host, told, "I moved to Oslo, I live in Oslo these days.")
        await followed(host)
        await settled(host)
        assert [verdict for verdict, _, _ in await found(host)] == ["update"]
        assert (await memory(host, old)).valid_to is None
        assert [(link.relation, link.target) for link in (await memory(host, new)).links] == [("supersedes", old)]


async def test_a_contradiction_changes_no_memory(short_dir) -> None:
    async with house(short_dir) as host:
        ids = await say(host, *CLASH)
        await followed(host)
        await settled(host)
        for identifier in ids:
            history = await host.ref("memory").ask(GetHistory(id=identifier))
            assert {event.change for event in history.events} <= {"remembered", "recalled", "staged"}


async def test_contemplation_leaves_a_note_and_advice_once_a_day(short_dir) -> None:
    clock = ManualClock(LATER)
    async with house(short_dir, clock=clock) as host:
        await say(host, *CLASH)
        await followed(host)
        fresh = await the_one(host)
        assert (fresh.state, fresh.notes) == ("fresh", ())
        assert "Lisbon" in fresh.advice
        assert "Oslo" in fresh.advice

        paradox = host.ref("paradox")
        assert await paradox.ask(Contemplate()) == Contemplated(noted=1, integrated=0, dormant=0)
        assert await paradox.ask(Contemplate()) == Contemplated(noted=0, integrated=0, dormant=0)
        one = await the_one(host)
        assert (one.state, [note.by for note in one.notes]) == ("processing", ["evidence"])
        assert one.notes[0].text in one.advice
        assert one.advice.endswith(one.counsel)
        assert one.counsel
        assert "Lisbon" not in one.counsel
        assert [step.state for step in one.history] == ["fresh", "processing"]

        clock.advance(90_000)
        assert (await paradox.ask(Contemplate())).noted == 1
        assert len((await the_one(host)).notes) == 2


async def test_contemplation_weighs_nothing_in_a_language_that_is_not_read(short_dir) -> None:
    async with house(short_dir, clock=ManualClock(LATER)) as host:
        await say(host, *CLASH)
        await say(host, "Ich wohne schon lange in Lisbon.", "Ich wohne nicht mehr in Oslo.", day=10)
        await followed(host)
        await host.ref("paradox").ask(Contemplate())
        assert "None of 0 related statements" in (await the_one(host)).notes[0].text


async def test_a_clock_that_was_years_ahead_and_is_set_back_leaves_nothing_waiting_for_years(short_dir) -> None:
    clock = ManualClock(LATER + timedelta(days=900))
    async with house(short_dir, clock=clock) as host:
        await say(host, *CLASH)
        await followed(host)
        paradox = host.ref("paradox")
        assert (await paradox.ask(Contemplate())).noted == 1
        before = (await the_one(host)).tension

        clock.advance(-900 * 86_400)
        assert (await paradox.ask(Contemplate())).noted == 1
        clock.advance(21 * 86_400)
        await paradox.ask(Contemplate())
        assert (await the_one(host)).tension == pytest.approx(before / 2, abs=0.01)


async def test_what_others_agree_with_settles_it_and_ends_the_other_side(short_dir) -> None:
    async with house(short_dir, clock=ManualClock(LATER)) as host:
        old, _ = await say(host, *CLASH)
        await say(host, "My flat is in Oslo and I live in Oslo.", "I still live in Oslo.", day=10)
        await followed(host)
        done = await host.ref("paradox").ask(Contemplate(limit=20))
        await settled(host)
        assert done.integrated >= 1
        listed = (await host.ref("paradox").ask(List())).paradoxes
        (one,) = [one for one in listed if one.later.text == CLASH[1]]
        assert (one.state, one.history[-1].cause) == ("integrated", "contemplation")
        assert (await memory(host, old)).valid_to is not None


async def test_what_is_said_again_after_it_ends_the_later_side_which_stays_with_a_link(short_dir) -> None:
    async with house(short_dir, clock=ManualClock(LATER)) as host:
        old, new = await say(host, *CLASH)
        await say(host, "My flat is in Lisbon and I live in Lisbon.", "I still live in Lisbon.", day=10)
        await followed(host)
        await host.ref("paradox").ask(Contemplate(limit=20))
        await settled(host)
        listed = (await host.ref("paradox").ask(List())).paradoxes
        (one,) = [one for one in listed if {one.earlier.memory, one.later.memory} == {old, new}]
        assert (one.state, one.history[-1].cause) == ("integrated", "contemplation")
        assert "agree with the earlier statement" in one.history[-1].note
        ended = await memory(host, new)
        assert (ended.text, ended.valid_to is not None) == (CLASH[1], True)
        assert (await memory(host, old)).valid_to is None
        assert ("supersedes", new) in [(link.relation, link.target) for link in (await memory(host, old)).links]
        events = (await host.ref("memory").ask(GetHistory(id=new))).events
        assert ("superseded", "contemplation") in [(event.change, event.cause) for event in events]
        assert (await followed(host)).open == 0


async def test_what_was_said_before_does_not_end_the_later_side(short_dir) -> None:
    """They may have moved without a word about it."""
    async with house(short_dir, clock=ManualClock(LATER)) as host:
        await say(host, "I live in Lisbon.", "My flat is in Lisbon and I live in Lisbon.", "I still live in Lisbon.")
        (new,) = await say(host, "I live in Oslo.", day=10)
        await followed(host)
        await host.ref("paradox").ask(Contemplate(limit=20))
        await settled(host)
        listed = (await host.ref("paradox").ask(List())).paradoxes
        assert {one.state for one in listed} == {"processing"}
        assert (await memory(host, new)).valid_to is None


async def test_what_nobody_touches_fades_and_falls_asleep_and_a_new_statement_wakes_it(short_dir) -> None:
    clock = ManualClock(START + timedelta(days=3))
    async with house(short_dir, clock=clock) as host:
        old, new = await say(host, *CLASH)
        await followed(host)
        before = (await the_one(host)).tension

        clock.advance(21 * 86_400)
        await host.ref("paradox").ask(Contemplate())
        half = (await the_one(host)).tension
        assert half == pytest.approx(before / 2, abs=0.01)

        clock.advance(200 * 86_400)
        assert (await host.ref("paradox").ask(Contemplate())).dormant == 1
        asleep = await the_one(host)
        assert (asleep.state, asleep.advice) == ("dormant", "")

        await say(host, "I live in Bergen.", day=300)
        await followed(host)
        listed = (await host.ref("paradox").ask(List())).paradoxes
        (awake,) = [one for one in listed if {one.earlier.memory, one.later.memory} == {old, new}]
        assert (awake.state, awake.tension, awake.history[-1].cause) == ("fresh", before, "stirred")


async def test_a_corrected_text_is_judged_again(short_dir) -> None:
    async with house(short_dir) as host:
        _, new = await say(host, *CLASH)
        await followed(host)
        await host.ref("memory").ask(Revise(id=new, text="I live in Oporto."))
        await followed(host)
        one = await the_one(host)
        assert (one.state, one.later.text, one.history[-1].cause) == ("fresh", "I live in Oporto.", "revised")

        await host.ref("memory").ask(Revise(id=new, text="My sister lives in Oslo."))
        progress = await followed(host)
        one = await the_one(host)
        assert (one.state, one.history[-1].cause, progress.open) == ("integrated", "revised", 0)


async def test_a_corrected_text_may_clash_where_it_did_not_before(short_dir) -> None:
    async with house(short_dir) as host:
        first, _ = await say(host, "My cat sleeps.", "I live in Oslo.")
        await followed(host)
        assert await found(host) == []
        await host.ref("memory").ask(Revise(id=first, text="I live in Lisbon."))
        await followed(host)
        assert await found(host) == [("contradiction", *CLASH)]


async def test_what_the_user_decides_ends_the_other_side(short_dir) -> None:
    async with house(short_dir) as host:
        old, new = await say(host, *CLASH)
        await followed(host)
        one = await the_one(host)
        await host.ref("paradox").ask(Resolve(id=one.id, keep="earlier", reason="it was a joke"))
        await settled(host)
        assert (await memory(host, old)).valid_to is None
        assert (await memory(host, new)).valid_to is not None
        assert (await the_one(host)).history[-1].cause == "resolved"


async def test_a_side_that_was_ended_can_be_kept_after_all(short_dir) -> None:
    async with house(short_dir) as host:
        old, new = await say(host, *CLASH)
        await followed(host)
        one = await the_one(host)
        await host.ref("paradox").ask(Resolve(id=one.id, keep="later", reason="they moved"))
        await host.ref("paradox").ask(Resolve(id=one.id, keep="earlier", reason="they did not"))
        await settled(host)
        assert (await memory(host, old)).valid_to is None
        assert (await memory(host, new)).valid_to is not None
        assert ("supersedes", new) in [(link.relation, link.target) for link in (await memory(host, old)).links]
        assert (await memory(host, new)).links == ()
        notes = [step.note for step in (await the_one(host)).history]
        assert notes[1:] == ["keep later: they moved", "keep earlier: they did not"]

        await host.ref("paradox").ask(Resolve(id=one.id, keep="later", reason="they did"))
        await settled(host)
        assert (await memory(host, old)).valid_to is not None
        assert (await memory(host, new)).valid_to is None


@pytest.mark.parametrize("first", ["I live in Lisbon.", "I live in Lisbon and my sister studies law."])
async def test_an_update_that_was_none_is_taken_back_by_one_request_with_its_reason(short_dir, first) -> None:
    async with house(short_dir) as host:
        old, new = await say(host, first, "We moved to Oslo, I live in Oslo these days.")
        await followed(host)
        await settled(host)
        one = await the_one(host)
        await host.ref("paradox").ask(Resolve(id=one.id, state="dismissed", reason="that was a line from a play"))
        await settled(host)
        assert (await memory(host, old)).valid_to is None
        assert (await memory(host, new)).links == ()
        again = await the_one(host)
        assert (again.state, again.history[-1].cause, again.history[-1].note) == (
            "dismissed",
            "resolved",
            "keep both: that was a line from a play",
        )


async def test_an_old_fact_ends_when_the_new_one_was_said_not_when_that_was_noticed(short_dir) -> None:
    async with house(short_dir) as host:
        old, new = await say(host, "I live in Lisbon.", "We moved to Oslo, I live in Oslo these days.")
        await followed(host)
        await settled(host)
        assert (await memory(host, old)).valid_to == (await memory(host, new)).time


async def test_what_was_moot_is_open_again_once_its_side_holds_again(short_dir) -> None:
    async with house(short_dir) as host:
        _, middle, _ = await say(host, "I live in Lisbon.", "I live in Oslo.", "I live in Rome.")
        await followed(host)
        listed = (await host.ref("paradox").ask(List())).paradoxes
        (last,) = [one for one in listed if (one.earlier.text, one.later.text) == ("I live in Oslo.", "I live in Rome.")]
        await host.ref("paradox").ask(Resolve(id=last.id, keep="later", reason="Rome it is"))
        await settled(host)
        await followed(host)
        assert len(await found(host, open=True)) == 1
        await host.ref("paradox").ask(Resolve(id=last.id, keep="both", reason="two homes"))
        await settled(host)
        await followed(host)
        assert (await memory(host, middle)).valid_to is None
        reopened = (await host.ref("paradox").ask(List(open=True))).paradoxes
        assert {one.later.text for one in reopened} == {"I live in Oslo.", "I live in Rome."}
        assert {one.history[-1].cause for one in reopened} == {"found", "reinstated"}


async def test_contemplation_ends_no_record_that_tells_other_things_too(short_dir) -> None:
    async with house(short_dir, clock=ManualClock(LATER)) as host:
        old, new = await say(host, "I live in Lisbon and my sister studies law.", "I live in Oslo.")
        await say(host, "My flat is in Oslo and I live in Oslo.", "I still live in Oslo.", day=10)
        await followed(host)
        await host.ref("paradox").ask(Contemplate(limit=20))
        await settled(host)
        listed = (await host.ref("paradox").ask(List())).paradoxes
        (one,) = [one for one in listed if {one.earlier.memory, one.later.memory} == {old, new}]
        assert one.state == "integrated"
        assert (await memory(host, old)).valid_to is None
        assert (await memory(host, new)).links[0].relation == "supersedes"


async def test_a_forgotten_records_notes_and_debts_go_with_it(short_dir) -> None:
    async with house(short_dir, clock=ManualClock(LATER)) as host:
        old, _ = await say(host, "I live in Xanthippopolis.", "I live in Oslo.")
        await followed(host)
        await host.ref("paradox").ask(Contemplate())
        await host.ref("memory").ask(Forget(ids=(old,)))
        progress = await followed(host)
        assert (await found(host), progress.owed) == ([], 0)
        for path in (short_dir / "data").glob("paradox.db*"):
            assert b"Xanthippopolis" not in path.read_bytes(), path


async def test_what_is_said_in_a_language_that_nobody_reads_is_no_contradiction(short_dir) -> None:
    async with house(short_dir, classifier=ParadoxSettings().classifier) as host:
        await say(
            host,
            "¡Hola! Estoy aprendiendo español porque la familia de Tomás es de Valencia. ¿Me ayudas?",
            "Tengo nivel A2, creo. Mi suegra se llama Carmen y vive en Valencia. No habla alemán.",
            "Wir fahren im August nach Valencia. Ich wohne übrigens jetzt in der Südvorstadt.",
        )
        await followed(host)
        assert await found(host) == []
