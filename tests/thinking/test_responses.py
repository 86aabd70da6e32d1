"""Responses in thinking.db: bounds, and calls that are asked again after a kill."""

import asyncio
from datetime import timedelta

import pytest

from actors.clock import ManualClock
from actors.host import Host
from actors.llm.messages import Choice, Usage
from actors.sqlite.database import Database
from actors.thinking.actor import Thinking
from actors.thinking.messages import DeleteResponse, GetResponse, Keep, Think, Thought
from actors.thinking.responses import Responses
from actors.thinking.settings import ThinkingSettings
from actors.thinking.thoughts import MIGRATIONS
from tests.thinking.house import TEXT, Process, house
from tests.thinking.test_think import user
from transport.errors import Invalid, NotFound


@pytest.fixture
async def database(tmp_path):
    database = Database(tmp_path / "thinking.db", MIGRATIONS)
    await database.open()
    yield database
    await database.close()


def thought(name: str, text: str = TEXT) -> Thought:
    choice = Choice(message={"role": "assistant", "content": text}, finish_reason="stop")
    return Thought(
        thought_id=name,
        session=None,
        choices=(choice,),
        model="m",
        usage=Usage(),
        memories=(),
        degraded=False,
        endpoint="first",
        attempts=1,
    )


async def keep(responses: Responses, name: str, previous: str | None = None, text: str = TEXT) -> bool:
    message = Think(messages=(user("Hello"),), keep=Keep(previous=previous, fresh=1))
    return await responses.keep(thought(name, text), message, (f"mem_{name}",))


async def ask_again(ref, asked: Think, said: list | None = None) -> Thought:
    """The same call, whoever answers it."""
    async with ref.stream(asked, id="once") as stream:
        async for saying in stream:
            if said is not None:
                said.append(saying.delta)
    return stream.reply


async def kept(responses: Responses, *names: str) -> list[str]:
    return [name for name in names if await responses.find("default", name)]


async def test_a_talk_that_nobody_goes_on_with_is_dropped_whole_and_one_that_is_gone_on_with_is_not(database) -> None:
    clock = ManualClock()
    responses = Responses(database, ThinkingSettings(kept_responses_days=30), clock)
    await keep(responses, "a1")
    await keep(responses, "b1")
    clock._now += timedelta(days=20)
    await keep(responses, "a2", "a1")
    clock._now += timedelta(days=20)

    assert await kept(responses, "a1", "a2", "b1") == ["a1", "a2"]
    await responses.sweep()
    assert await database.read(lambda connection: connection.execute("SELECT count(*) FROM responses").fetchall()) == [(2,)]
    clock._now += timedelta(days=20)
    await responses.sweep()
    for table in ("responses", "response_roots", "response_sources"):
        assert await database.read(lambda c, table=table: c.execute(f"SELECT count(*) FROM {table}").fetchall()) == [(0,)]


async def test_the_talks_that_were_used_longest_ago_go_first_by_number_and_by_bytes(database) -> None:
    clock = ManualClock()
    few = Responses(database, ThinkingSettings(kept_responses=3), clock)
    for name, previous in (("a1", None), ("b1", None), ("a2", "a1"), ("c1", None)):
        clock._now += timedelta(seconds=1)
        await keep(few, name, previous)
    await few.sweep()
    assert await kept(few, "a1", "a2", "b1", "c1") == ["a1", "a2", "c1"]

    small = Responses(database, ThinkingSettings(kept_responses_bytes=1 << 20), clock)
    clock._now += timedelta(seconds=1)
    await keep(small, "d1", text="x" * 800_000)
    clock._now += timedelta(seconds=1)
    await keep(small, "e1", text="x" * 800_000)
    assert small.sweep_is_due.is_set()
    await small.sweep()
    assert await kept(small, "a1", "a2", "c1", "d1", "e1") == ["e1"]


async def test_what_may_not_be_kept_any_more_goes_though_nothing_new_comes(short_dir) -> None:
    path = short_dir / "thinking.db"
    database = Database(path, MIGRATIONS)
    await database.open()
    await keep(Responses(database, ThinkingSettings(), ManualClock()), "a1")
    await database.close()

    def count(connection):
        return connection.execute("SELECT count(*) FROM responses").fetchone()[0]

    async with Host(run_dir=short_dir / "run") as host, asyncio.timeout(30):
        await host.start_actor(Thinking, ThinkingSettings(kept_responses=0), short_dir)
        while await host._post.actors["thinking"].database.read(count):
            pass


async def test_none_is_kept_where_none_may_be_or_what_it_follows_is_gone(database) -> None:
    responses = Responses(database, ThinkingSettings(kept_responses=0), ManualClock())
    assert not await keep(responses, "a1")
    responses = Responses(database, ThinkingSettings(), ManualClock())
    assert not await keep(responses, "a2", "a1")
    assert await kept(responses, "a1", "a2") == []


async def test_a_talk_that_is_larger_than_a_request_is_not_told(database) -> None:
    responses = Responses(database, ThinkingSettings(), ManualClock())
    await keep(responses, "a1", text="x" * (8 << 20))
    await keep(responses, "a2", "a1", text="x" * (8 << 20))
    assert len(await responses.find("default", "a2")) == 1
    with pytest.raises(Invalid, match="bytes"):
        await responses.find("default", "a2", talk=True)


async def test_a_response_outlives_a_kill_and_the_same_call_gets_the_same_answer_again(short_dir, model) -> None:
    asked = Think(messages=(user("Hello"),), keep=Keep(fresh=1, asked="{}"))
    async with house(short_dir, url=model.base_url, parts=("memory", "llm")) as host:
        async with Process(short_dir, "thinking", model.base_url) as thinking:
            ref = host.ref("thinking")
            first = await ask_again(ref, asked)
            assert first.kept
            await thinking.kill()

        async with Process(short_dir, "thinking", model.base_url):
            found = await ref.ask(GetResponse(thought_id=first.thought_id))
            assert found.responses[0].thought.choices == first.choices
            again = await ask_again(ref, asked)
            assert (again.thought_id, again.choices, again.kept) == (first.thought_id, first.choices, True)
            said: list = []
            await ask_again(ref, asked.model_copy(update={"stream": True}), said)
            assert said == [first.choices[0].message]

            await ref.ask(DeleteResponse(thought_id=first.thought_id))
            with pytest.raises(NotFound):
                await ref.ask(GetResponse(thought_id=first.thought_id))
    assert len(model.log(finished=1)) == 1
