"""What the assistant would like to bring up: plans, open contradictions; said once, or let go."""

import pytest

from actors.clock import ManualClock
from actors.daemon.cycles.statements import is_worth_asking
from actors.daemon.messages import Deliver, ListStatements
from actors.memory.messages import Feed, Get
from actors.paradox.messages import GetProgress, Resolve
from actors.paradox.messages import List as ListParadoxes
from tests.daemon.house import house, run, said, talk
from tests.thinking.test_prompt import paradox
from transport.errors import Conflict, NotFound

DAY = 86_400.0
SIDES = (paradox().earlier, paradox().later)


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


async def test_what_its_speaker_tells_to_be_done_is_not_asked_after(short_dir) -> None:
    clock = ManualClock()
    async with house(short_dir, clock, cycles=("statements",)) as host:
        await talk(
            host, clock, texts=("I'll order the curtains this weekend.", "Nice!", "I have to phone the bank on Tuesday.")
        )
        assert (await run(host, "statements")).effects["statements"] == 2
        await talk(host, clock, session="two", texts=("Ordered! They are blue.",))
        assert (await run(host, "statements")).effects["withdrawn"] == 1
        listed = (await host.ref("daemon").ask(ListStatements(state=None))).statements
        assert {one.state for one in listed if "curtains" in one.text} == {"expired"}


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


@pytest.mark.parametrize(
    ("earlier", "later", "speaker", "asked"),
    [
        ("I have never been to Wales.", "I grew up in Wales.", "ana", True),
        ("My son is seven.", "My son is nine.", "ana", True),
        ("No. Not that one, though.", "My son is nine.", "ana", False),
        ("I'm a baker in Ghent.", "I have a canary.", "ana", False),
        ("You have a canary.", "You have no canary.", "assistant", False),
        ("Shall I keep the canary?", "I have no canary.", "ana", False),
    ],
)
def test_nobody_is_asked_which_holds_of_what_tells_nothing_or_is_about_something_else(earlier, later, speaker, asked) -> None:
    one, other = (
        side.model_copy(update={"text": text, "speaker": speaker}) for side, text in zip(SIDES, (earlier, later), strict=True)
    )
    assert is_worth_asking(paradox().model_copy(update={"earlier": one, "later": other})) is asked


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
