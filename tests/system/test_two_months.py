"""Two months of talk of several people, with a clock that runs: what the background life makes of them, and for whom."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from actors.clock import ManualClock
from actors.daemon.actor import Daemon
from actors.daemon.messages import GetProfile, ListCycles, ListRuns, ListStatements
from actors.daemon.settings import DaemonSettings
from actors.encoder.actor import Encoder
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.memory.actor import Memory
from actors.memory.messages import GetStats, List, NewMemory, Remember
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.messages import GetProgress
from actors.paradox.messages import List as ListParadoxes
from actors.paradox.settings import ParadoxSettings
from actors.thinking.actor import Thinking
from actors.thinking.messages import GetThought, Think
from actors.thinking.settings import ThinkingSettings
from tests.model_server import SyncModelServer
from transport.addresses import run_directory

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)

# A word that only this person ever says stands in what each says, so that it can be looked for where it must not be.
ANA = {
    0: ("I live in Lisbon with my sister Marta.", "My garden has two lemon trees and a zucchini patch."),
    4: ("I'm training for the marathon in April.", "The zucchini needs water every day."),
    9: (
        "The marathon training is hard.",
        "I ran twelve kilometres before breakfast.",
        "My knees hurt after the long runs.",
        "Marta cooked soup with zucchini afterwards.",
        "I sleep better since I run.",
    ),
    15: ("My sister Marta helps with the lemon trees.", "The zucchini has blossoms."),
    24: ("I moved to Porto last week.", "I don't live in Lisbon any more."),
    37: ("The lemon trees are with Marta now, and so is the zucchini.", "The marathon is in three weeks."),
    50: ("I have a zucchini on the balcony in Porto.", "Marta visits me often."),
}
BEN = {
    1: ("I was born in Graz.", "I play the accordion in a band."),
    6: ("My brother Jonas plays the accordion too.", "We practise on Fridays."),
    12: (
        "I want to learn Italian this year.",
        "The accordion needs new straps.",
        "There is an Italian course at the library.",
        "Our band has a new song for the accordion.",
    ),
    30: ("The band plays at a wedding.", "I carry the accordion."),
    48: ("I was born in Linz.", "My accordion was repaired.", "Jonas bought a drum."),
}
MARKS = {"ana": "zucchini", "ben": "accordion"}


@pytest.fixture
def model():
    with SyncModelServer() as server:
        server.always(text="That sounds good.")
        yield server


@pytest.mark.timeout(240)
async def test_two_months_of_talk_leave_a_profile_statements_paradoxes_and_summaries_that_shape_the_next_answer(
    short_dir, model
) -> None:
    clock = ManualClock(BEGAN)
    async with Host(run_dir=run_directory(short_dir)) as host:
        await start(host, short_dir / "data", clock, model.base_url)
        for day in range(0, 61, 3):
            for now in range(day, day + 3):
                for person, talks in (("ana", ANA), ("ben", BEN)):
                    if now in talks:
                        await say(host, clock, person, talks[now], session=f"day-{now}")
                clock.advance(86_400)
            await lived(host, clock)

        for person, mark in MARKS.items():
            everything = await all_of(host, person)
            other = next(word for whose, word in MARKS.items() if whose != person)
            assert mark in everything
            assert other not in everything

        memories = {kind: await records(host, "ana", kind) for kind in ("turn", "fact", "summary", "reflection")}
        ids = {record.id for found in memories.values() for record in found}
        for kind in ("fact", "summary"):
            assert memories[kind]
            assert all(record.links and {link.target for link in record.links} <= ids for record in memories[kind])
        lisbon = next(record for record in memories["turn"] if record.text.startswith("I live in Lisbon"))
        assert lisbon.text

        profile = await host.ref("daemon").ask(GetProfile(namespace="ana"))
        aspects = {(aspect.kind, aspect.name): aspect for aspect in profile.speakers["ana"]}
        assert set(aspects["relationship", "sister Marta"].evidence) <= {turn.id for turn in memories["turn"]}
        assert ("goal", "I'm training for the marathon in April.") in aspects

        (paradox,) = [
            one
            for one in (await host.ref("paradox").ask(ListParadoxes(namespace="ben"))).paradoxes
            if "born in Graz" in one.earlier.text
        ]
        assert "born in Linz" in paradox.later.text

        statements = {one.why for one in (await host.ref("daemon").ask(ListStatements(namespace="ben"))).statements}
        assert "a contradiction stands open" in statements

        await the_next_answer_is_shaped(host)


async def start(host: Host, data_dir, clock: ManualClock, url: str) -> None:
    endpoint = EndpointSettings(name="first", base_url=url, models=("gpt-test",))
    await host.start_actor(Encoder, EncoderSettings(model="none"), data_dir)
    await host.start_actor(Memory, MemorySettings(), data_dir, clock)
    await host.start_actor(Llm, LlmSettings(endpoints=(endpoint,), discover=False), data_dir=data_dir)
    await host.start_actor(Paradox, ParadoxSettings(), data_dir, clock)
    await host.start_actor(Thinking, ThinkingSettings(), data_dir, clock)
    await host.start_actor(Daemon, DaemonSettings(look_s=0.05, jitter=0.0), data_dir, clock)


async def say(host: Host, clock: ManualClock, person: str, texts: tuple[str, ...], *, session: str) -> None:
    memories = [
        NewMemory(text=text, role="user", speaker=person, session=session, time=clock.now() + timedelta(minutes=number))
        for number, text in enumerate(texts)
    ]
    await host.ref("memory").ask(Remember(namespace=person, memories=tuple(memories)))


async def lived(host: Host, clock: ManualClock) -> None:
    """Wait until every cycle that is due at this moment has run, and what was said has been judged."""
    cursor = (await host.ref("memory").ask(GetStats())).feed_cursor
    await host.ref("paradox").ask(GetProgress(reached=cursor, wait_ms=20_000))
    async with asyncio.timeout(60):
        while True:
            await host.ref("daemon").ask(ListRuns(wait_ms=20_000, limit=1))
            cycles = (await host.ref("daemon").ask(ListCycles())).cycles
            if all(cycle.due > clock.now() or cycle.paused for cycle in cycles):
                return
            await asyncio.sleep(0)


async def records(host: Host, namespace: str, kind: str):
    return (await host.ref("memory").ask(List(namespace=namespace, kind=kind, limit=1000))).memories


async def all_of(host: Host, namespace: str) -> str:
    """Everything that the house would tell of a namespace, as one text."""
    told = [
        (await host.ref("memory").ask(List(namespace=namespace, limit=1000))),
        (await host.ref("daemon").ask(GetProfile(namespace=namespace))),
        (await host.ref("daemon").ask(ListStatements(namespace=namespace, state=None, limit=100))),
        (await host.ref("paradox").ask(ListParadoxes(namespace=namespace))),
    ]
    return json.dumps([reply.model_dump(mode="json") for reply in told])


async def the_next_answer_is_shaped(host: Host) -> None:
    """A thought says what it was given of each part, by id and score, and what of it stood in the prompt."""
    question = {"role": "user", "content": "Where was I born, and what was it that I want to learn?"}
    thought = await host.ref("thinking").ask(Think(namespace="ben", messages=(question,)))
    record = await host.ref("thinking").ask(GetThought(namespace="ben", thought_id=thought.thought_id))
    parts = {entry["part"] for entry in record.context if entry.get("shown", True)}
    assert {"memory", "profile", "statements", "paradox"} <= parts
    delivered = (await host.ref("daemon").ask(ListStatements(namespace="ben", state="delivered"))).statements
    assert [statement.delivered_in for statement in delivered] == [thought.thought_id] * len(delivered)
    assert delivered
