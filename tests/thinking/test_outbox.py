"""Answers that went out while memory was away are remembered in the end, whatever was killed meanwhile."""

import asyncio
from pathlib import Path

import apsw
import pytest

from actors.clock import ManualClock
from actors.memory.messages import Answered, Converse, Conversed, ForgetNamespace, GetSession, GetStats, Turn
from actors.sqlite.database import Database
from actors.system import SysMetrics
from actors.thinking.actor import Thinking
from actors.thinking.messages import ChatMessage, GetThought, Think
from actors.thinking.outbox import AnswerOwed, Outbox, Owed
from actors.thinking.responses import Responses
from actors.thinking.settings import ThinkingSettings
from actors.thinking.spare_room import SpareRoom
from actors.thinking.thoughts import MIGRATIONS
from chaos.shims.told import PLACE, place_in, tell
from tests.thinking.house import TEXT, Process, house
from tests.thinking.test_think import text_of, user
from transport.errors import NotFound


async def texts(host, session: str, wanted: int) -> list[str]:
    """The talk's turns, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            try:
                found = await host.ref("memory").ask(GetSession(name=session))
            except NotFound:
                continue
            if len(found.turns) >= wanted:
                return [turn.text for turn in found.turns]


async def test_an_answer_that_memory_could_not_take_survives_the_kill_of_all_processes(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, parts=("llm", "paradox")) as host:
        async with Process(short_dir, "thinking") as thinking:
            for n in (1, 2):
                said = Think(session="s", messages=(user(f"Number {n}"),))
                assert text_of(await host.ref("thinking").ask(said, timeout=20)) == TEXT
            await thinking.kill()

        async with Process(short_dir, "memory"), Process(short_dir, "thinking"):
            # In the order in which they were said.
            assert await texts(host, "s", 4) == ["Number 1", TEXT, "Number 2", TEXT]

    assert len(model.log()) == 2


async def test_what_no_disk_takes_survives_the_kill_of_all_processes(short_dir, model, monkeypatch) -> None:
    monkeypatch.setenv(PLACE, str(place_in(short_dir / "data")))
    left = SpareRoom(Path("/dev/shm"), short_dir / "data").directory
    assert left is not None
    async with house(short_dir, url=model.base_url, parts=("llm", "paradox")) as host:
        async with Process(short_dir, "thinking") as thinking:
            tell(short_dir / "data", "full")
            for n in (1, 2):
                said = Think(session="s", messages=(user(f"Number {n}"),))
                assert text_of(await host.ref("thinking").ask(said, timeout=20)) == TEXT
            await thinking.kill()

        assert left.stat().st_mode & 0o777 == 0o700
        tell(short_dir / "data", "")
        async with Process(short_dir, "memory"), Process(short_dir, "thinking"):
            assert await texts(host, "s", 4) == ["Number 1", TEXT, "Number 2", TEXT]

    assert not left.exists()


async def test_answers_beyond_those_that_may_be_owed_are_given_and_said_not_to_be_remembered(short_dir, model) -> None:
    parts = ("llm", "paradox", "thinking")
    async with house(short_dir, url=model.base_url, parts=parts, owed_most=1) as host:
        said = [Think(session=f"s{n}", messages=(user(f"Number {n}"),)) for n in (1, 2)]
        told = [await host.ref("thinking").ask(each, timeout=20) for each in said]
        assert [text_of(thought) for thought in told] == [TEXT, TEXT]
        records = [await host.ref("thinking").ask(GetThought(thought_id=thought.thought_id)) for thought in told]
        assert ["too many thoughts" in str(record) for record in records] == [False, True]

        metrics = {metric.name: metric for metric in (await host.ref("thinking").ask(SysMetrics())).metrics}
        for name in ("lattice_used", "lattice_limit"):
            assert [one.value for one in metrics[name].samples if one.labels["resource"] == "thoughts_owed"] == [1.0]

        async with Process(short_dir, "memory"):
            assert await texts(host, "s1", 2) == ["Number 1", TEXT]
            # There is room again.
            await host.ref("thinking").ask(Think(session="s3", messages=(user("Number 3"),)), timeout=20)
            assert await texts(host, "s3", 2) == ["Number 3", TEXT]


async def test_a_turn_that_memory_has_is_not_told_again_with_its_answer(short_dir, model) -> None:
    """Memory took both and was slow to say so; meanwhile the talk went on, with a client that sends only what is new."""
    async with house(short_dir, url=model.base_url, parts=("memory", "llm", "paradox")) as host:
        await host.start_actor(Kept, ThinkingSettings(), data_dir=short_dir / "data")
        memory = host.ref("memory")
        asked = Converse(session="s", turns=(Turn(role="user", text="Hello?"),), begin_as="one")
        words = AnswerOwed(text="Hello.", model="m", key="k")
        owed = Owed(thought="th_1", converse=asked, conversed=await memory.ask(asked), words=words)
        await memory.ask(owed.answer(owed.conversed))
        await memory.ask(Converse(session="s", turns=(Turn(role="user", text="Anyone else?"),), begin_as="two"))

        await Kept.latest.outbox.owe(owed)
        assert await Kept.latest.outbox.tell()
        assert await texts(host, "s", 3) == ["Hello?", "Hello.", "Anyone else?"]


async def test_what_is_said_while_memory_is_still_being_told_comes_behind_it(short_dir, model) -> None:
    """A client sends its whole history; heard before what is owed, its first turns would be told twice."""
    async with house(short_dir, url=model.base_url, parts=("memory", "llm", "paradox")) as host:
        await host.start_actor(Kept, ThinkingSettings(), data_dir=short_dir / "data")
        outbox = Kept.latest.outbox
        asked = Converse(session="s", turns=(Turn(role="user", text="Hello?"),), begin_as="one")
        async with outbox.telling:
            await outbox.owe(Owed(thought="th_1", converse=asked, words=AnswerOwed(text="Hello.", model="m", key="k")))
            talk = (user("Hello?"), ChatMessage(role="assistant", content="Hello."), user("Anyone else?"))
            assert text_of(await host.ref("thinking").ask(Think(session="s", messages=talk), timeout=20)) == TEXT

        assert await texts(host, "s", 4) == ["Hello?", "Hello.", "Anyone else?", TEXT]


async def test_what_is_owed_is_told_though_the_clock_has_jumped_by_a_year(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, parts=("memory", "llm", "paradox")) as host:
        await host.start_actor(Kept, ThinkingSettings(), data_dir=short_dir / "data")
        outbox, clock = Kept.latest.outbox, ManualClock()
        outbox.clock = clock
        asked = Converse(session="s", turns=(Turn(role="user", text="Hello?"),), begin_as="one")
        async with outbox.telling:
            await outbox.owe(Owed(thought="th_1", converse=asked, words=AnswerOwed(text="Hello.", model="m", key="k")))
            clock.advance(400 * 86_400)

        assert await texts(host, "s", 2) == ["Hello?", "Hello."]


class Kept(Thinking):
    """Thinking, which the test can find: an actor's ref does not lead to it."""

    latest: Thinking

    async def on_start(self) -> None:
        await super().on_start()
        Kept.latest = self


async def test_what_is_owed_of_a_namespace_that_is_forgotten_does_not_bring_it_back(short_dir, model) -> None:
    parts = ("llm", "paradox", "thinking")
    async with house(short_dir, url=model.base_url, parts=parts) as host:
        for namespace in ("gone", "default"):
            said = Think(namespace=namespace, session="s", messages=(user("Hello"),))
            await host.ref("thinking").ask(said, timeout=20)
        async with Process(short_dir, "memory"):
            forgotten = asyncio.create_task(host.ref("memory").ask(ForgetNamespace(namespace="gone"), timeout=20))
            assert await texts(host, "s", 2) == ["Hello", TEXT]
            await forgotten
            metrics = {metric.name: metric for metric in (await host.ref("thinking").ask(SysMetrics())).metrics}
            assert [one.value for one in metrics["lattice_used"].samples if one.labels["resource"] == "thoughts_owed"] == [0.0]
            assert (await host.ref("memory").ask(GetStats(namespace="gone"))).count == 0


class Remembers:
    """A memory that takes all that it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def ask(self, message, **_):
        self.told.append(message.contract.type)
        if isinstance(message, Converse):
            return Conversed(session="s", last="mem_1", created=(), superseded=())
        return Answered(id="mem_2", created=True, superseded=())


@pytest.fixture
async def owing(tmp_path):
    """An outbox that owes one answer, its database, and the memory that is to be told."""
    database, memory = Database(tmp_path / "thinking.db", MIGRATIONS), Remembers()
    await database.open()
    responses = Responses(database, ThinkingSettings(), ManualClock())
    outbox = Outbox(memory, database, SpareRoom(None, tmp_path), ThinkingSettings(), ManualClock(), told=responses.link)
    question = Converse(session="s", turns=(Turn(role="user", text="Who?"),), begin_as="s")
    await outbox.owe(Owed(thought="th_1", converse=question, words=AnswerOwed(text="Ann.", model="m", key="th_1:answer")))
    yield outbox, database, memory
    await database.close()


async def test_what_was_told_is_kept_of_no_talk(owing) -> None:
    outbox, _, memory = owing
    assert await outbox.tell()
    assert memory.told == ["memory.converse", "memory.answer"]
    assert (outbox.waiting, len(outbox.talks)) == (0, 0)


async def test_a_disk_that_does_not_take_that_memory_was_told_has_it_told_again(owing, monkeypatch) -> None:
    outbox, _, memory = owing

    def full(*_):
        raise apsw.FullError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("actors.thinking.outbox.delete", full)
        assert not await outbox.tell()
        await outbox.close()
    assert await outbox.tell()
    assert memory.told.count("memory.answer") == 3
