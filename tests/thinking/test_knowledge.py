"""What the background life knows reaches the prompt and the thought; what it would like to bring up is brought up once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from actors.clock import ManualClock
from actors.daemon.messages import (
    Aspect,
    Deliver,
    Delivered,
    GetProfile,
    ListStatements,
    Profile,
    Statement,
    Statements,
)
from actors.memory.messages import Link, NewMemory, Provenance, Remember
from actors.runtime import AsyncActor, handles
from actors.thinking.knowledge import Knowledge, Known, worded
from actors.thinking.messages import GetThought, Think
from actors.thinking.prompt import KnownLine
from actors.thinking.settings import ThinkingSettings
from tests.thinking.house import ALL, house
from tests.thinking.test_think import prompt_of, user
from transport.errors import Conflict

NOW = datetime.now(UTC)


OTHERS = tuple(part for part in ALL if part != "daemon")


class Knowing(AsyncActor):
    """A daemon that knows something already: the real one needs talks and time for that."""

    name: ClassVar[str] = "daemon"
    concurrency: ClassVar[int] = 8

    def __init__(self) -> None:
        super().__init__()
        self.delivered: dict[str, str] = {}

    @handles(GetProfile)
    def profile(self, message: GetProfile) -> Profile:
        del message
        sure = Aspect(kind="interest", name="sailing", value=0.5, confidence=0.8, evidence=("mem_1",), changed=NOW)
        unsure = Aspect(kind="interest", name="chess", value=0.5, confidence=0.1, evidence=("mem_2",), changed=NOW)
        return Profile(speakers={"Ada": (sure, unsure)}, traits=())

    @handles(ListStatements)
    def statements(self, message: ListStatements) -> Statements:
        del message
        one = Statement(
            id="mem_3",
            text="Ask how the regatta went.",
            why="it was last week",
            urgency=0.6,
            created=NOW,
            expires=NOW + timedelta(days=1),
            state="open",
            delivered_in=None,
        )
        return Statements(statements=() if self.delivered else (one,))

    @handles(Deliver)
    def deliver(self, message: Deliver) -> Delivered:
        if self.delivered:
            raise Conflict
        self.delivered[message.id] = message.thought
        statement = self.statements_given(message.thought)
        return Delivered(statement=statement)

    @staticmethod
    def statements_given(thought: str) -> Statement:
        return Statement(
            id="mem_3", text="", why="", urgency=0, created=NOW, expires=NOW, state="delivered", delivered_in=thought
        )


async def test_the_profile_is_shown_and_a_statement_is_brought_up_once(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, parts=OTHERS, context_deadline_s=5.0) as host:
        await host.start_actor(Knowing)
        first = await host.ref("thinking").ask(Think(session="a", messages=(user("Hello there"),)))
        second = await host.ref("thinking").ask(Think(session="b", messages=(user("Hello again"),)))
        record = await host.ref("thinking").ask(GetThought(thought_id=first.thought_id))

    one, other = (prompt_of(seen) for seen in model.log())
    assert "Ada: interested in sailing" in one
    assert "Ada: interested in sailing" in other
    assert "chess" not in one
    assert "Ask how the regatta went." in one
    assert "regatta" not in other
    assert second.thought_id != first.thought_id
    told = {part["part"]: part for part in record.context}
    assert (told["statements"]["id"], told["statements"]["score"]) == ("mem_3", 0.6)
    assert told["profile"]["memories"] == ["mem_1"]


async def test_what_is_to_be_brought_up_is_not_recalled_like_a_memory(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url) as host:
        (turn,) = (await host.ref("memory").ask(Remember(memories=(NewMemory(text="The regatta is on Sunday."),)))).memories
        statement = NewMemory(
            text="The regatta is over; ask how the regatta went.",
            kind="statement",
            provenance=Provenance(by="statements", rule="extractive"),
            links=(Link(relation="derives_from", target=turn.id),),
        )
        await host.ref("memory").ask(Remember(memories=(statement,)))
        await host.ref("thinking").ask(Think(session="a", messages=(user("What do you know of the regatta?"),)))

    prompt = prompt_of(model.log()[-1])
    assert "The regatta is on Sunday." in prompt
    assert "ask how the regatta went" not in prompt


async def test_a_program_is_told_nothing_that_is_meant_for_people(short_dir, model) -> None:
    options = {"response_format": {"type": "json_object"}}
    async with house(short_dir, url=model.base_url, parts=OTHERS, context_deadline_s=5.0) as host:
        await host.start_actor(Knowing)
        await host.ref("thinking").ask(Think(session="a", messages=(user("Hello there"),), options=options))

    assert "regatta" not in prompt_of(model.log()[-1])


def test_who_gives_a_name_is_shown_their_own_profile_first_and_nothing_that_is_meant_for_another() -> None:
    people = tuple(KnownLine(f"{who}: line {n}", "", who) for who in ("ana", "ben") for n in range(8))
    own = KnownLine("yourself: more humour than usual")
    statements = (KnownLine("Ana's", "1", "ana"), KnownLine("Ben's", "2", "ben"), KnownLine("Anybody's", "3"))
    known = Known((*people, own), statements)

    ben = known.meant_for("ben")
    assert [line.speaker for line in ben.profile] == ["ben"] * 8 + ["ana"] * 4 + [None]
    assert [line.id for line in ben.statements] == ["2", "3"]
    assert known.meant_for(None).statements == statements


@pytest.mark.parametrize(
    ("kind", "name", "value", "line"),
    [
        ("goal", "I want to learn Italian.", 1.0, 'is after: "I want to learn Italian."'),
        ("relationship", "sister Ana", 0.2, "speaks of their sister Ana"),
        ("interest", "sailing", 0.2, "interested in sailing"),
        ("style", "asking", 0.7, "asks many questions"),
        ("style", "asking", 0.5, ""),
        ("style", "long-winded", 0.1, "writes briefly"),
    ],
)
def test_what_is_held_of_somebody_is_said_in_words(kind, name, value, line) -> None:
    assert worded(Aspect(kind=kind, name=name, value=value, confidence=0.8, evidence=("m",), changed=NOW)) == line


class Asked:
    """Asks a daemon that answers once it is let."""

    def __init__(self) -> None:
        self.reached, self.may, self.count = asyncio.Event(), asyncio.Event(), 0

    async def ask(self, message, **_):
        self.count += 1
        self.reached.set()
        await self.may.wait()
        return Profile(speakers={}, traits=()) if isinstance(message, GetProfile) else Statements(statements=())


async def test_a_profile_that_is_asked_for_while_something_is_forgotten_is_not_kept() -> None:
    actor, clock = Asked(), ManualClock()
    knowledge = Knowledge(actor, ThinkingSettings(), clock)
    asking = asyncio.create_task(knowledge.of("default", seconds=5))
    await actor.reached.wait()
    knowledge.forget()
    actor.may.set()
    await asking
    for _ in range(2):
        await knowledge.of("default", seconds=5)
    assert actor.count == 4

    clock.advance(-3600)
    await knowledge.of("default", seconds=5)
    assert actor.count == 6
