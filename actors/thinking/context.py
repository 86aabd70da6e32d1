"""Context: what is looked up before an answer, all at once, under one deadline. Whatever is there when time is up is used.

A part that is late or fails is named in `missing` with its reason; it never fails the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from actors.memory.messages import Conversed, List, Listed, Memory, Recall, Recalled, Recollection
from actors.paradox.messages import List as ListParadoxes
from actors.paradox.messages import Paradox
from actors.runtime import AsyncActor
from actors.thinking.confidences import Discretion
from actors.thinking.knowledge import Knowledge, Known
from actors.thinking.messages import Think
from actors.thinking.presence import Presence
from actors.thinking.settings import ThinkingSettings
from actors.thinking.steps import Steps
from actors.thinking.talk import plain, question
from transport.errors import DeadlineExceeded, LatticeError, NotFound, Unavailable, UnknownActor

__all__ = ["Context", "gather", "recall"]

LONGEST_QUERY = 16_384
KNOWLEDGE_S = 0.15
"""The profile is kept in mind for the next question: the first does not wait for it as long as for what bears on it."""

TENSIONS_LOOKED_AT = 20
"""Open tensions of which those that bear on a question are shown."""

Value = TypeVar("Value")


@dataclass(slots=True)
class Context:
    """What was there in time. None stands for a part that is missing."""

    recalled: tuple[Recollection, ...] | None = None
    """Best first, without the question itself and without what this talk's edit or regeneration is about to replace."""

    tail: tuple[Memory, ...] | None = None
    """Newest first: turns of the named session before the one that is answered."""

    tensions: tuple[Paradox, ...] | None = None
    searched: tuple[Recollection, ...] = ()
    """What the model looked up itself."""

    known: Known | None = None
    """The profile of the user, and what the daemon would like to bring up."""

    missing: dict[str, str] = field(default_factory=dict)
    """Part -> reason."""


@dataclass(slots=True)
class Part(Generic[Value]):
    """One lookup under way."""

    name: str
    owner: str
    """The actor that is asked."""

    task: asyncio.Task[Value]

    def result(self, missing: dict[str, str], presence: Presence) -> Value | None:
        """What came of it, None (and an entry in `missing`) where nothing did. Failures of our own are raised."""
        if not self.task.done():
            missing[self.name] = "not there in time"
            presence.lost(self.owner)
            return None

        try:
            return self.task.result()
        except TimeoutError:
            missing[self.name] = "not there in time"
            presence.lost(self.owner)
        except LatticeError as error:
            missing[self.name] = f"{error.code}: {error.message}"
            if isinstance(error, DeadlineExceeded | Unavailable | UnknownActor):
                presence.lost(self.owner)
        return None


async def gather(
    actor: AsyncActor,
    message: Think,
    conversed: asyncio.Task[Conversed | None] | None,
    *,
    settings: ThinkingSettings,
    presence: Presence,
    knowledge: Knowledge,
    discretion: Discretion,
    seconds: float,
    steps: Steps,
) -> Context:
    """Look all up at once, for at most `seconds`. `conversed` is memory taking over the talk; None when it is only read."""

    def begin(name: str, lookup: Coroutine[Any, Any, Value]) -> Part[Value]:
        owner = name.partition(".")[0]
        patience = presence.patience(owner, min(seconds, KNOWLEDGE_S) if owner == "daemon" else seconds)
        return Part(name, owner, asyncio.create_task(timed(steps, name, lookup, patience), name=f"thinking {name}"))

    recalled = begin("memory.recall", recall(actor, message, discretion, settings=settings, seconds=seconds))
    tail = begin("memory.list", session_tail(actor, message, conversed, discretion, settings=settings, seconds=seconds))
    tensions = begin("paradox.list", open_tensions(actor, message, discretion, settings=settings, seconds=seconds))
    known = begin("daemon.profile", knowledge.of(message.namespace, seconds=seconds))
    tasks: tuple[asyncio.Task[Any], ...] = (recalled.task, tail.task, tensions.task, known.task)
    try:
        await asyncio.wait(tasks, timeout=seconds)
        context = Context()
        context.recalled = recalled.result(context.missing, presence)
        context.tail = tail.result(context.missing, presence)
        context.tensions = tensions.result(context.missing, presence)
        context.known = known.result(context.missing, presence)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    talk = conversed.result() if conversed is not None and conversed.done() and not conversed.cancelled() else None
    if context.recalled is not None:
        context.recalled = to_the_point(context.recalled, message, talk)
    return context


async def timed(steps: Steps, name: str, lookup: Awaitable[Value], seconds: float) -> Value:
    """A lookup as a step of the thought, for at most so many seconds."""
    with steps.step(name) as step:
        async with asyncio.timeout(seconds):
            value = await lookup
        if isinstance(value, tuple):
            step.outcome = f"{len(value)} found"
        return value


async def recall(
    actor: AsyncActor,
    message: Think,
    discretion: Discretion,
    *,
    settings: ThinkingSettings,
    seconds: float,
    query: str | None = None,
) -> tuple[Recollection, ...]:
    """What memory holds on the last user message (or another query), best first.

    More than `recall_k`, since what is visible falls away.
    """
    query = (question(message.messages) if query is None else query)[:LONGEST_QUERY]
    if not query.strip():
        return ()

    wanted = settings.recall_k + min(len(message.messages), 64)
    asked = Recall(namespace=message.namespace, query=query, k=wanted, explain=True, context=message.session)
    reply: Recalled = await actor.ask(asked, timeout=seconds)
    found = [memory for memory in reply.memories if not is_to_be_brought_up(memory)]
    return await discretion.allowed(found, seconds=seconds)


def is_to_be_brought_up(memory: Memory) -> bool:
    """What the daemon would like to bring up is given out once, by itself; recalled, it would be brought up again and again."""
    return memory.kind == "statement" and memory.provenance is not None and memory.provenance.by == "statements"


async def session_tail(
    actor: AsyncActor,
    message: Think,
    conversed: asyncio.Task[Conversed | None] | None,
    discretion: Discretion,
    *,
    settings: ThinkingSettings,
    seconds: float,
) -> tuple[Memory, ...]:
    """The turns before the one that is answered, newest first, where the client names a session.

    It is asked for once memory has taken over the talk, so that turns which an edit supersedes are not in it; and what follows
    the turn that is answered (an answer that is being regenerated) is left out. A talk that is only read has no such mark:
    there the tail serves clients that send their last message alone.
    """
    if message.session is None or settings.tail_turns == 0:
        return ()

    talk = await asyncio.shield(conversed) if conversed is not None else None
    if talk is None and any(turn.get("role") == "assistant" for turn in message.messages):
        return ()

    session = talk.session if talk is not None else message.session
    limit = min(settings.tail_turns + len(message.messages), 1000)
    asked = List(namespace=message.namespace, session=session, kind="turn", current=True, newest=True, limit=limit)
    try:
        reply: Listed = await actor.ask(asked, timeout=seconds)
    except NotFound:
        return ()
    before = [turn for turn in reply.memories if talk is None or turn.id < talk.last]
    return await discretion.allowed(before, seconds=seconds)


async def open_tensions(
    actor: AsyncActor, message: Think, discretion: Discretion, *, settings: ThinkingSettings, seconds: float
) -> tuple[Paradox, ...]:
    """The namespace's unsettled paradoxes, highest tension first: more than are shown, since most have no bearing."""
    if settings.tensions == 0:
        return ()

    limit = max(settings.tensions, TENSIONS_LOOKED_AT)
    reply = await actor.ask(ListParadoxes(namespace=message.namespace, open=True, limit=limit), timeout=seconds)
    paradoxes: tuple[Paradox, ...] = reply.paradoxes
    return await discretion.spoken_of(paradoxes, seconds=seconds)


def to_the_point(recalled: tuple[Recollection, ...], message: Think, talk: Conversed | None) -> tuple[Recollection, ...]:
    """Without the question itself, this talk's turns that an edit or a regeneration replaces, and what only says them again."""
    asked = plain(question(message.messages))
    replaced = set(talk.superseded) if talk is not None else set()
    texts = {memory.id: plain(memory.text) for memory in recalled}
    return tuple(
        memory
        for memory in recalled
        if plain(memory.text) != asked
        and memory.id not in replaced
        and not says_again(memory, texts)
        and not (talk is not None and memory.session == talk.session and memory.id > talk.last)
    )


def says_again(memory: Recollection, texts: Mapping[str, str]) -> bool:
    """A fact in the words of the turn that it was drawn from, which was recalled beside it: its place is for something else."""
    sources = [link.target for link in memory.links if link.relation == "derives_from"]
    return memory.kind == "fact" and any(plain(memory.text) in texts.get(source, "") for source in sources)
