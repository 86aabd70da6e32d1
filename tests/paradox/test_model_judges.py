"""A model as judge of what is in doubt: through the real llm actor to a scripted server, in the background, on a budget."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import apsw
import pytest

from actors.clock import ManualClock
from actors.llm.actor import Llm
from actors.llm.messages import GetUsage
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.memory.messages import Forget, GetHistory
from actors.memory.messages import Get as GetMemory
from actors.paradox.messages import Contemplate, List
from actors.paradox.settings import ParadoxSettings
from tests.model_server import SyncModelServer
from tests.paradox.house import START, followed, found, house, say, settled

CLASH = ("I live in Lisbon.", "I live in Oslo.")


@pytest.fixture(scope="module")
def started():
    with SyncModelServer() as server:
        yield server


@pytest.fixture
def server(started):
    started.reset()
    return started


@pytest.fixture
def clock():
    return ManualClock(START + timedelta(days=30))


@asynccontextmanager
async def judging(home, server, clock, **settings):
    """A house whose paradox actor asks the model at once, by rules alone that call CLASH .5 to .85 probable."""
    async with house(home, clock=clock, **{"judge_model_after_s": 0.0, **settings}) as host:
        url = EndpointSettings(name="a", base_url=server.base_url, models=["gpt-test"])
        await host.start_actor(Llm, LlmSettings(endpoints=(url,)), data_dir=home / "data")
        yield host


def verdict(**fields) -> str:
    return "Here you are: " + json.dumps({"why": "people move", **fields})


async def the_one(host, *, noted_by: str = "gpt-test"):
    """The only paradox, once the model has said something of it."""
    async with asyncio.timeout(90):
        while True:
            (one,) = (await host.ref("paradox").ask(List())).paradoxes
            if noted_by in [note.by for note in one.notes]:
                return one
            await asyncio.sleep(0)


def asked(server, **wanted) -> list[str]:
    """The questions that came to the model; `seen`: waits for so many."""
    return [one["body"]["messages"][-1]["content"] for one in server.log(wait_s=20.0, **wanted)]


async def questions(server, count: int) -> list[str]:
    """Wait for so many of them."""
    return await asyncio.to_thread(asked, server, seen=count)


def left(home) -> tuple[int, int]:
    """Doubts that wait, and calls that were counted."""
    connection = apsw.Connection(str(home / "data" / "paradox.db"))
    try:
        return connection.execute("SELECT (SELECT count(*) FROM doubt), (SELECT count(*) FROM asked)").fetchall()[0]
    finally:
        connection.close()


async def test_a_model_that_finds_no_conflict_dismisses_it_with_its_reason(short_dir, server, clock) -> None:
    server.always(text=verdict(verdict="compatible", confidence=0.95))
    async with judging(short_dir, server, clock) as host:
        ids = await say(host, *CLASH)
        await followed(host)
        one = await the_one(host)
        assert (one.state, [note.by for note in one.notes]) == ("dismissed", ["gpt-test"])
        assert "people move" in one.history[-1].note
        assert one.probability < 0.5
        for identifier in ids:
            history = await host.ref("memory").ask(GetHistory(id=identifier))
            assert {event.change for event in history.events} <= {"remembered", "recalled", "staged"}


async def test_a_model_that_finds_one_leaves_it_open_and_surer_and_is_asked_once(short_dir, server, clock) -> None:
    server.always(text=verdict(verdict="contradiction", confidence=1.0))
    async with judging(short_dir, server, clock) as host:
        await say(host, *CLASH)
        await followed(host)
        before = (await host.ref("paradox").ask(List())).paradoxes[0].probability
        one = await the_one(host)
        assert (one.state, one.notes[-1].text) == ("processing", "Looks like a contradiction: people move")
        assert one.probability >= max(before, 0.85)

        clock.advance(90_000)
        await host.ref("paradox").ask(Contemplate())
        await the_one(host, noted_by="evidence")
        assert len(asked(server)) == 1


async def test_a_model_that_is_sure_of_an_update_settles_it_and_the_old_fact_gets_its_end(short_dir, server, clock) -> None:
    server.always(text=verdict(verdict="update", confidence=1.0))
    async with judging(short_dir, server, clock) as host:
        old, new = await say(host, *CLASH)
        await followed(host)
        one = await the_one(host)
        await settled(host)
        assert (one.state, one.verdict, one.history[-1].cause) == ("integrated", "update", "contemplation")
        ended = (await host.ref("memory").ask(GetMemory(id=old))).memory
        assert ended.valid_to is not None
        links = (await host.ref("memory").ask(GetMemory(id=new))).memory.links
        assert [(link.relation, link.target) for link in links] == [("supersedes", old)]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ({"verdict": "contradiction", "confidence": 1.0}, [("contradiction", *CLASH)]),
        ({"verdict": "compatible", "confidence": 1.0}, []),
        ({"verdict": "compatible", "confidence": 0.6}, []),
    ],
)
async def test_what_is_too_improbable_to_be_kept_is_put_to_the_model(short_dir, server, clock, answer, kept) -> None:
    server.always(text=verdict(**answer))
    async with judging(short_dir, server, clock, keep_from=0.9) as host:
        await say(host, *CLASH)
        await followed(host)
        await questions(server, 1)
        async with asyncio.timeout(90):
            while (await asyncio.to_thread(left, short_dir))[0]:  # noqa: ASYNC110 (no event tells that a doubt is gone)
                await asyncio.sleep(0)
        assert await found(host) == kept


async def test_a_doubt_goes_with_the_record_that_it_quotes(short_dir, server, clock) -> None:
    async with judging(short_dir, server, clock, keep_from=0.9, judge_model_after_s=3600.0) as host:
        old, _ = await say(host, "I live in Xanthippopolis.", "I live in Oslo.")
        await followed(host)
        assert left(short_dir) == (1, 0)
        await host.ref("memory").ask(Forget(ids=(old,)))
        await followed(host)
        assert left(short_dir) == (0, 0)
        for path in (short_dir / "data").glob("paradox.db*"):
            assert b"Xanthippopolis" not in path.read_bytes(), path


async def test_what_the_model_was_asked_counts_for_the_namespace_of_the_paradox(short_dir, server, clock) -> None:
    server.always(text=verdict(verdict="contradiction", confidence=1.0))
    async with judging(short_dir, server, clock) as host:
        await say(host, *CLASH, namespace="ana")
        await followed(host)
        async with asyncio.timeout(90):
            while not (rows := (await host.ref("llm").ask(GetUsage())).rows):  # noqa: ASYNC110 (no event tells of a call)
                await asyncio.sleep(0)
        assert [(row.namespace, row.calls) for row in rows] == [("ana", 1)]


@pytest.mark.parametrize(
    "text", ["I would rather not.", '{"verdict": "maybe"}', '{"verdict": "compatible", "confidence": "high"}', "{"]
)
async def test_an_answer_that_cannot_be_read_is_paid_for_once_and_changes_nothing(short_dir, server, clock, text: str) -> None:
    server.always(text=text)
    async with judging(short_dir, server, clock) as host:
        await say(host, *CLASH)
        await followed(host)
        await questions(server, 1)
        await say(host, "I was born in Graz.", "I was born in Linz.", speaker="ben", day=5)
        await followed(host)
        assert sum("Lisbon" in one for one in await questions(server, 2)) == 1
        assert left(short_dir)[1] == 2
        await host.ref("paradox").ask(Contemplate())
        listed = (await host.ref("paradox").ask(List())).paradoxes
        assert {(one.state, *(note.by for note in one.notes)) for one in listed} == {("processing", "evidence")}


async def test_the_days_calls_are_counted_also_where_nothing_came_of_them(short_dir, server, clock) -> None:
    server.always(text="I would rather not.")
    async with judging(short_dir, server, clock, judge_model_per_day=2) as host:
        for number in range(3):
            await say(host, *CLASH, speaker=f"person{number}", day=3 * number)
        await followed(host)
        await questions(server, 2)
        clock.advance(90_000)
        assert len(asked(server)) == 2
        await say(host, "My cat sleeps.", day=40)
        await followed(host)
        assert len(await questions(server, 3)) == 3


async def test_calls_of_a_clock_that_was_years_ahead_are_a_day_old_a_day_later(short_dir, server, clock) -> None:
    server.always(text="I would rather not.")
    clock.advance(900 * 86_400)
    async with judging(short_dir, server, clock, judge_model_per_day=1) as host:
        await say(host, *CLASH, speaker="ann")
        await followed(host)
        await questions(server, 1)
        clock.advance(-900 * 86_400)
        await say(host, "My dog is called Bruno.", "My dog's name is Hector.", speaker="ben", day=5)
        await followed(host)
        assert len(asked(server)) == 1

        clock.advance(90_000)
        await say(host, "It rained all night.", day=9)
        await followed(host)
        assert len(await questions(server, 2)) == 2


async def test_without_budget_no_model_is_asked(short_dir, server, clock) -> None:
    async with judging(short_dir, server, clock, judge_model_per_day=0) as host:
        await say(host, *CLASH)
        await followed(host)
        await host.ref("paradox").ask(Contemplate())
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert [note.by for note in one.notes] == ["evidence"]
        assert asked(server) == []


async def test_where_no_model_is_there_nothing_is_counted_and_the_evidence_is_noted(short_dir, clock) -> None:
    async with house(short_dir, clock=clock, judge_model_after_s=0.0) as host:
        await host.start_actor(Llm, LlmSettings(discover=False), data_dir=short_dir / "data")
        await say(host, *CLASH)
        await followed(host)
        await host.ref("paradox").ask(Contemplate())
        (one,) = (await host.ref("paradox").ask(List())).paradoxes
        assert (one.state, [note.by for note in one.notes]) == ("processing", ["evidence"])
        async with asyncio.timeout(90):
            while (await asyncio.to_thread(left, short_dir))[1]:  # noqa: ASYNC110 (a call that is given back is told by nothing)
                await asyncio.sleep(0)


async def test_what_nobody_reads_is_a_contradiction_once_a_model_says_so(short_dir, server, clock) -> None:
    server.always(
        text=f"<think>{verdict(verdict='compatible', confidence=1.0)}</think>{verdict(verdict='contradiction', confidence=0.9)}"
    )
    async with judging(short_dir, server, clock, classifier=ParadoxSettings().classifier) as host:
        await say(host, "Ich esse kein Fleisch.", "Ich esse gern Schnitzel.")
        await followed(host)
        await questions(server, 1)
        async with asyncio.timeout(90):
            while not (listed := (await host.ref("paradox").ask(List())).paradoxes):  # noqa: ASYNC110 (a doubt tells nobody)
                await asyncio.sleep(0)
        assert [one.earlier.text for one in listed] == ["Ich esse kein Fleisch."]
