"""Following memory's feed with a real memory beside it: what is kept, once, and what is not."""

import asyncio
import time
from datetime import timedelta

import pytest

from actors.memory.messages import Forget, GetHistory, GetStats, Import, Link, Portable, Supersede
from actors.memory.messages import Get as GetMemory
from actors.paradox.effects import paradox_id
from actors.paradox.judge import Judge
from actors.paradox.messages import Check, Get, GetProgress, List, ListSetAside, Resolve, Retry, Statement
from tests.actors.test_clock import YEAR, Machine
from tests.older_copy import put_back, put_by
from tests.paradox.house import START, Process, followed, found, house, say, settled
from transport.errors import Conflict, Invalid, KeyReused, NotFound

CLASH = ("I live in Lisbon.", "I live in Oslo.")
KEPT = ("contradiction", *CLASH)


async def test_a_contradiction_becomes_a_paradox_with_both_sides_and_its_history(short_dir) -> None:
    async with house(short_dir) as host:
        earlier, later = await say(host, *CLASH)
        progress = await followed(host)
        assert (progress.judged, progress.open, progress.set_aside) == (2, 1, 0)

        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert one.id == paradox_id("default", earlier, later)
        assert (one.earlier.memory, one.later.memory, one.verdict, one.state) == (earlier, later, "contradiction", "fresh")
        assert 0 < one.tension <= 1
        assert [step.cause for step in one.history] == ["found"]
        assert (await host.ref("paradox").ask(Get(id=one.id))).paradox == one


async def test_what_comes_in_later_but_happened_earlier_is_the_earlier_side(short_dir) -> None:
    async with house(short_dir) as host:
        await say(host, "I live in Oslo.", day=10)
        await say(host, "I live in Lisbon.", day=1)
        await followed(host)
        assert await found(host) == [KEPT]


@pytest.mark.parametrize("imported", ["I live in Lisbon.", "I live in Oslo."])
async def test_what_is_imported_under_its_old_id_is_held_against_what_was_there_and_time_decides_which_is_earlier(
    short_dir, imported
) -> None:
    (other,) = {*CLASH} - {imported}
    async with house(short_dir) as host:
        (there,) = await say(host, other, day=CLASH.index(other))
        await followed(host)
        old = "mem_" + "0" * 31 + "1"
        said = START + timedelta(days=CLASH.index(imported))
        record = Portable(id=old, text=imported, speaker="user", time=said)
        await host.ref("memory").ask(Import(records=(record,)))
        await followed(host)
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert {one.earlier.memory, one.later.memory} == {old, there}
        assert await found(host) == [KEPT]


async def test_two_that_are_imported_make_one_paradox_whatever_the_order_of_their_ids(short_dir) -> None:
    records = [
        Portable(id=f"mem_{2 - number:032x}", text=text, speaker="user", time=START + timedelta(days=number))
        for number, text in enumerate(CLASH)
    ]
    async with house(short_dir) as host:
        await host.ref("memory").ask(Import(records=tuple(records)))
        await followed(host)
        assert await found(host) == [KEPT]
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert [step.cause for step in one.history] == ["found"]


async def test_namespaces_do_not_meet(short_dir) -> None:
    async with house(short_dir) as host:
        await say(host, CLASH[0], namespace="one")
        await say(host, CLASH[1], namespace="other")
        await followed(host)
        await say(host, CLASH[1], namespace="one", day=3)
        await followed(host)
        assert await found(host, "one") == [KEPT]
        assert await found(host, "other") == []
        (one,) = (await host.ref("paradox").ask(List(namespace="one"))).paradoxes
        with pytest.raises(NotFound):
            await host.ref("paradox").ask(Get(namespace="other", id=one.id))


async def test_the_assistant_does_not_contradict_its_user_and_what_is_derived_counts_once(short_dir) -> None:
    async with house(short_dir) as host:
        await say(host, CLASH[0], role="user")
        await say(host, CLASH[1], speaker="assistant", role="assistant", day=2)
        await followed(host)
        assert await found(host) == []


async def test_what_one_of_many_said_is_found_among_others_who_said_the_same(short_dir) -> None:
    async with house(short_dir) as host:
        for day in range(14):
            await say(host, CLASH[0], speaker=f"person{day}", day=day)
        (later,) = await say(host, CLASH[1], speaker="person0", day=20)
        await followed(host)
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert (one.earlier.speaker, one.later.speaker, one.later.memory) == ("person0", "person0", later)


async def test_what_was_drawn_from_turns_takes_no_place_among_what_a_statement_is_held_against(short_dir) -> None:
    async with house(short_dir, candidates=4) as host:
        (old,) = await say(host, "I live in Lisbon.")
        links = (Link(relation="derives_from", target=old),)
        await say(host, *["I live in Lisbon, where I live."] * 4, kind="fact", links=links, day=1)
        await say(host, "I live in Oslo.", day=9)
        await followed(host)
        assert await found(host) == [("contradiction", "I live in Lisbon.", "I live in Oslo.")]


async def test_a_forgotten_memorys_text_leaves_the_file_too(short_dir) -> None:
    secret = "I live in Xanthippopolis."
    async with house(short_dir) as host:
        (first,) = await say(host, secret)
        await say(host, "I live in Oslo.", day=1)
        await followed(host)
        assert len(await found(host)) == 1

        await host.ref("memory").ask(Forget(ids=(first,)))
        await followed(host)
        assert await found(host) == []
        for path in (short_dir / "data").glob("paradox.db*"):
            assert b"Xanthippopolis" not in path.read_bytes(), path


async def test_a_side_that_is_superseded_ends_the_paradox(short_dir) -> None:
    async with house(short_dir) as host:
        earlier, later = await say(host, *CLASH)
        await followed(host)
        await host.ref("memory").ask(Supersede(id=earlier, by=later, cause="user"))
        progress = await followed(host)
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert (one.state, progress.open) == ("integrated", 0)
        assert [step.cause for step in one.history] == ["found", "superseded"]


async def test_resolving_is_an_event_with_its_reason_and_repeating_it_changes_nothing(short_dir) -> None:
    async with house(short_dir) as host:
        earlier, later = await say(host, *CLASH)
        await followed(host)
        resolve = Resolve(id=paradox_id("default", earlier, later), keep="later", reason="asked the user")
        first = (await host.ref("paradox").ask(resolve)).paradox
        again = (await host.ref("paradox").ask(resolve)).paradox
        assert first == again
        assert (first.state, first.history[-1].note) == ("integrated", "keep later: asked the user")
        assert await found(host, open=True) == []
        assert await found(host) == [KEPT]


async def test_a_resolution_that_is_repeated_under_its_key_does_not_undo_a_later_one(short_dir) -> None:
    async with house(short_dir) as host:
        earlier, later = await say(host, *CLASH)
        await followed(host)
        paradox = host.ref("paradox")
        first = Resolve(id=paradox_id("default", earlier, later), state="dismissed", keep="both", reason="both are true")
        await paradox.ask(first, key="k")
        moved = Resolve(id=first.id, keep="later", reason="moved")
        await paradox.ask(moved, key="l")

        assert (await paradox.ask(first, key="k")).paradox.history[-1].note == "keep later: moved"
        with pytest.raises(Invalid, match=r"^key: "):
            await paradox.ask(moved, key="k")


async def test_a_clock_that_has_jumped_by_a_year_does_not_make_calls_unknown(short_dir) -> None:
    machine = Machine()
    async with house(short_dir, clock=machine) as host:
        earlier, later = await say(host, *CLASH)
        await followed(host)
        paradox = host.ref("paradox")
        first = Resolve(id=paradox_id("default", earlier, later), state="dismissed", keep="both", reason="both are true")
        await paradox.ask(first, key="k")
        machine.time += YEAR
        await paradox.ask(Resolve(id=first.id, keep="later", reason="moved"), key="l")

        assert (await paradox.ask(first, key="k")).paradox.history[-1].note == "keep later: moved"


async def test_pages_go_from_the_highest_tension_down_and_miss_nothing(short_dir) -> None:
    async with house(short_dir) as host:
        for number in range(5):
            await say(host, *CLASH, namespace="default", speaker=f"person{number}", day=3 * number, importance=0.1 + number / 5)
        await followed(host)
        everything = (await host.ref("paradox").ask(List())).paradoxes
        paged, cursor = [], None
        while True:
            listed = await host.ref("paradox").ask(List(limit=2, cursor=cursor))
            paged += listed.paradoxes
            cursor = listed.next_cursor
            if cursor is None:
                break
        assert len(everything) == 5
        assert paged == list(everything)
        assert [one.tension for one in paged] == sorted((one.tension for one in paged), reverse=True)


async def test_a_cursor_without_a_place_in_the_listing_is_refused(short_dir) -> None:
    async with house(short_dir) as host:
        for cursor in ("nan:px_1", "inf:px_1", "px_1"):
            with pytest.raises(Invalid, match="cursor"):
                await host.ref("paradox").ask(List(cursor=cursor))


async def test_paradoxes_of_long_texts_come_in_pages_that_the_wire_takes(short_dir) -> None:
    async with house(short_dir, parts=("memory",)) as host, Process(short_dir):
        for pet in ("dog", "cat", "horse", "hamster", "parrot", "rabbit", "canary", "turtle", "snake", "goldfish"):
            rest = " \U0001f43e" * 50_000
            await say(host, f"I have a {pet}.{rest}", f"I have no {pet}.{rest}")
        await followed(host)

        listed, cursor, pages = [], None, 0
        while pages == 0 or cursor is not None:
            page = await host.ref("paradox").ask(List(limit=1000, cursor=cursor))
            listed += page.paradoxes
            cursor, pages = page.next_cursor, pages + 1

    assert len({one.id for one in listed}) == len(listed) >= 10
    assert pages > 1
    assert all(one.earlier.text.startswith("I have a") for one in listed)


async def test_the_follower_waits_for_memory_and_goes_on(short_dir) -> None:
    async with house(short_dir, parts=("paradox",), retry_s=0.01, wait_ms=100) as host:
        async with house(short_dir, parts=("memory",)) as memory:
            await say(memory, CLASH[0])
            await host.ref("memory").ask(Forget(ids=(await say(memory, "Gone."))[:1]))
            await followed(host)
        async with house(short_dir, parts=("memory",)) as memory:
            await say(memory, CLASH[1], day=1)
            await followed(host)
        assert await found(host) == [KEPT]


async def test_a_memory_that_ends_before_what_was_followed_is_followed_from_its_end(short_dir) -> None:
    """Restored from an older copy, or recovered."""
    async with house(short_dir) as host:
        await say(host, *(f"Person {number} has a bicycle." for number in range(9)))
        await followed(host)
    for path in (short_dir / "data").glob("memory.db*"):
        path.unlink()
    async with house(short_dir) as host, asyncio.timeout(90):
        while (await host.ref("paradox").ask(GetProgress())).cursor:  # noqa: ASYNC110 (no event tells that it went back)
            await asyncio.sleep(0)
        await say(host, *CLASH)
        await followed(host)
        assert await found(host) == [KEPT]


async def test_an_older_memory_that_has_grown_past_what_was_followed_has_each_statement_judged_once(short_dir) -> None:
    async with house(short_dir) as host:
        await say(host, CLASH[0], "I was born in Graz.")
        assert (await followed(host)).judged == 2
    put_by(short_dir / "data" / "memory.db")
    async with house(short_dir) as host:
        await say(host, *(f"Person {number} has a bicycle." for number in range(9)))
        assert (await followed(host)).judged == 11
    put_back(short_dir / "data" / "memory.db")
    async with house(short_dir, parts=("memory",)) as host:
        await say(host, CLASH[1], *(f"Person {number} has a boat." for number in range(19)), day=1)
    async with house(short_dir) as host:
        reached = (await host.ref("memory").ask(GetStats())).feed_cursor
        async with asyncio.timeout(90):
            judged = 0
            while judged < 31:
                progress = await host.ref("paradox").ask(GetProgress(reached=reached, wait_ms=20_000))
                judged = progress.judged
        assert progress.judged == 31
        assert await found(host) == [KEPT]


def fails_at(monkeypatch, word):
    """The rules fail at every pair with a word in it, until what this gives is cleared."""
    broken = {word}
    real = Judge.several

    def fragile(judge, pairs):
        if any(bad in statement.text for bad in broken for pair in pairs for statement in pair):
            raise ValueError("too much")
        return real(judge, pairs)

    monkeypatch.setattr(Judge, "several", fragile)
    return broken


async def test_an_item_that_fails_is_set_aside_after_three_attempts_and_the_rest_goes_on(short_dir, monkeypatch) -> None:
    real = Judge.several

    def fragile(judge, pairs):
        if any("Lisbon" in later.text for _, later in pairs):
            raise ValueError("this one is too much for the rules")
        return real(judge, pairs)

    monkeypatch.setattr(Judge, "several", fragile)
    async with house(short_dir) as host:
        ids = await say(host, "I live in Bergen.", "I live in Lisbon.", "I was born in Graz.", "I was born in Linz.")
        progress = await followed(host)
        assert progress.set_aside == 1
        assert await found(host) == [("contradiction", "I was born in Graz.", "I was born in Linz.")]

        (aside,) = (await host.ref("paradox").ask(ListSetAside())).items
        assert (aside.memory, aside.attempts, aside.error) == (ids[1], 3, "ValueError: this one is too much for the rules")
        assert (await host.ref("paradox").ask(ListSetAside(namespace="other"))).items == ()


async def test_what_was_set_aside_is_judged_once_it_is_asked_for(short_dir, monkeypatch) -> None:
    broken = fails_at(monkeypatch, "Lisbon")
    async with house(short_dir, retry_s=0.01) as host:
        paradox = host.ref("paradox")
        await say(host, "I live in Oslo.", "I live in Lisbon.", "My cat sleeps.")
        assert (await followed(host)).set_aside == 1
        (aside,) = (await paradox.ask(ListSetAside())).items
        with pytest.raises(Conflict, match="too much"):
            await paradox.ask(Retry(id=aside.id))
        assert [one.attempts for one in (await paradox.ask(ListSetAside())).items] == [4]
        for wrong in (Retry(id="7777"), Retry(id="x"), Retry(namespace="other", id=aside.id)):
            with pytest.raises(NotFound):
                await paradox.ask(wrong)

        broken.clear()
        assert (await paradox.ask(Retry(id=aside.id))).found == 1
        assert await found(host) == [("contradiction", "I live in Oslo.", "I live in Lisbon.")]
        progress = await paradox.ask(GetProgress())
        assert (progress.set_aside, progress.judged) == (0, 3)
        with pytest.raises(NotFound):
            await paradox.ask(Retry(id=aside.id))


async def test_a_retry_under_the_same_key_gets_the_same_answer_and_is_judged_once(short_dir, monkeypatch) -> None:
    broken = fails_at(monkeypatch, "Lisbon")
    async with house(short_dir, retry_s=0.01) as host:
        paradox = host.ref("paradox")
        await say(host, "I live in Oslo.", "I live in Lisbon.")
        await followed(host)
        (aside,) = (await paradox.ask(ListSetAside())).items
        with pytest.raises(Conflict):
            await paradox.ask(Retry(id=aside.id), key="k")

        broken.clear()
        told = await asyncio.gather(*(paradox.ask(Retry(id=aside.id), key="k") for _ in range(3)))
        assert {(one.id, one.found) for one in told} == {(aside.id, 1)}
        assert await paradox.ask(Retry(id=aside.id), key="k") == told[0]
        assert (await paradox.ask(GetProgress())).judged == 2
        with pytest.raises(KeyReused):
            await paradox.ask(Retry(id="7777"), key="k")
        with pytest.raises(NotFound):
            await paradox.ask(Retry(id=aside.id), key="another")


async def test_check_keeps_nothing(short_dir) -> None:
    async with house(short_dir) as host:
        statements = tuple(Statement(text=text) for text in ("I live in Lisbon.",) * 40)
        checked = await host.ref("paradox").ask(Check(statements=statements, new=Statement(text="I live in Oslo.")))
        assert checked.verdict == "contradiction"
        assert await found(host) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies", [1, 2, 4])
async def test_killed_with_9_at_any_write_each_effect_is_there_once(short_dir, dies, when) -> None:
    people = [f"person{number}" for number in range(6)]
    async with house(short_dir, parts=("memory",)) as host:
        for number, person in enumerate(people):
            await say(host, *CLASH, speaker=person, day=3 * number)

        async with Process(short_dir, dies=dies, when=when) as mortal:
            assert await mortal.ended() == -9
        async with Process(short_dir):
            progress = await followed(host)
            assert progress.judged == 2 * len(people)
            assert await found(host) == [KEPT] * len(people)
            listed = await host.ref("paradox").ask(List())
            assert all(len(one.history) == 1 for one in listed.paradoxes)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies", [1, 2, 3, 4, 5])
async def test_killed_with_9_at_any_write_an_end_that_is_taken_back_is_told_once_and_taken_back_once(
    short_dir, dies, when
) -> None:
    """Five writes at least: what was found, the resolution, either told, and what memory said of it."""

    async def take_back(host) -> None:
        await followed(host)
        undo = Resolve(id=paradox_id("default", old, new), state="dismissed", reason="a line from a play")
        await host.ref("paradox").ask(undo, key="undo", timeout=50)

    async with house(short_dir, parts=("memory",)) as host:
        old, new = await say(host, "I live in Lisbon.", "We moved to Oslo, I live in Oslo these days.")
        async with Process(short_dir, dies=dies, when=when) as mortal:
            taking = asyncio.ensure_future(take_back(host))
            assert await mortal.ended() == -9
        async with Process(short_dir):
            await taking
            await settled(host)
            await followed(host)
            held = (await host.ref("memory").ask(GetMemory(id=old))).memory
            assert held.valid_to is None
            events = (await host.ref("memory").ask(GetHistory(id=old))).events
            told = [(event.change, event.cause) for event in events if event.change in {"superseded", "reinstated"}]
            assert told == [("superseded", "update"), ("reinstated", "resolved")]
            (one,) = (await host.ref("paradox").ask(List())).paradoxes
            assert [step.cause for step in one.history] == ["found", "update", "resolved"]


async def test_a_check_of_long_statements_leaves_the_loop_free(short_dir) -> None:
    statements = tuple(Statement(text=f"I live in house {number}. " * 2500) for number in range(24))
    async with house(short_dir) as host:
        paradox = host.ref("paradox")
        judging = asyncio.ensure_future(
            paradox.ask(Check(statements=statements, new=Statement(text=statements[0].text)), timeout=60)
        )
        waits = []
        while not judging.done():
            began = time.perf_counter()
            await asyncio.sleep(0)
            await paradox.ask(GetProgress())
            waits.append(time.perf_counter() - began)
        await judging
        # Held by it, the loop would have answered a time or two.
        assert max(waits) < sum(waits) / 2


async def test_a_backlog_is_worked_off_over_kills_each_statement_once_and_writes_go_on_meanwhile(short_dir) -> None:
    """A thousand; `python -m benchmarks.backlog` has ten thousand."""
    texts = [f"Person {number} has {number % 9 + 2} bicycles in the shed." for number in range(1000)]
    async with house(short_dir, parts=("memory",)) as host:
        await say(host, *texts)
        for dies, when in ((2, "before"), (3, "after")):
            async with Process(short_dir, dies=dies, when=when, page=64) as mortal:
                assert await mortal.ended() == -9
        async with Process(short_dir, page=64):
            await say(host, *CLASH, day=1400)
            reached = (await host.ref("memory").ask(GetStats())).feed_cursor
            async with asyncio.timeout(150):
                while (await host.ref("paradox").ask(GetProgress(reached=reached, wait_ms=20_000))).cursor < reached:
                    pass
            progress = await host.ref("paradox").ask(GetProgress())
            assert (progress.judged, progress.set_aside) == (len(texts) + 2, 0)
            assert await found(host) == [KEPT]
