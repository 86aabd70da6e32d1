"""The thinking actor: handlers, and what it counts. The course of a thought is course.py's."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import ClassVar

from loguru import logger

from actors.clock import Clock, system_clock
from actors.metrics import Metric
from actors.patience import patiently
from actors.runtime import AsyncActor, handles
from actors.sqlite.database import Database
from actors.thinking.course import Course, thought_id_of
from actors.thinking.follower import Follower
from actors.thinking.intent import intent_of
from actors.thinking.knowledge import Knowledge
from actors.thinking.line import Line
from actors.thinking.messages import (
    Analysis,
    Analyze,
    BackedUp,
    Backup,
    DeleteResponse,
    GetResponse,
    GetThought,
    ListThoughts,
    ResponseDeleted,
    ResponsesFound,
    Saying,
    Think,
    Thought,
    ThoughtLine,
    ThoughtRecord,
    ThoughtsFound,
)
from actors.thinking.mind import Mind
from actors.thinking.mood import mood_of
from actors.thinking.outbox import Outbox
from actors.thinking.pace import Pace
from actors.thinking.persona import Persona
from actors.thinking.presence import Presence
from actors.thinking.quirks import Quirks
from actors.thinking.responses import Responses, told_again
from actors.thinking.reuse import Reuse
from actors.thinking.settings import ThinkingSettings
from actors.thinking.spare_room import SpareRoom
from actors.thinking.strategy import strategy_for
from actors.thinking.thought_record import record_of
from actors.thinking.thoughts import MIGRATIONS, Thoughts, has_texts, scrubbed
from transport.errors import NotFound, Unavailable

__all__ = ["Thinking"]

WITHHELD = "texts are withheld: memory could not be asked whether it has forgotten what they may quote"


class Thinking(AsyncActor):
    """What happens between a question and its answer."""

    name: ClassVar[str] = "thinking"
    concurrency: ClassVar[int] = 256

    def __init__(self, settings: ThinkingSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.database = Database(data_dir / "thinking.db", MIGRATIONS)
        self.thoughts = Thoughts(self.database, settings, clock)
        self.presence = Presence(self, patience_s=settings.llm_patience_s)
        self.knowledge = Knowledge(self, settings, clock)
        self.responses = Responses(self.database, settings, clock)
        self.outbox = Outbox(
            self,
            self.database,
            SpareRoom(settings.spare_room, data_dir),
            settings,
            clock,
            told=self.responses.link,
        )
        self.reuse = Reuse(seconds=settings.reuse_s, most=settings.reused_most, looked_at=settings.recall_k)
        self.follower = Follower(self, self.thoughts, self.outbox, settings, forgot=self.forget)
        self.quirks = Quirks(
            settings.begins_in_reasoning,
            self.database,
            hold=settings.unknown_models == "hold",
        )
        self.line = Line(settings.busy_most, settings.line_patience_s)
        self.mind: Mind
        self.outcomes: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()

    async def on_start(self) -> None:
        """Read the persona and open thinking.db.

        Raises:
            Invalid: the persona's file cannot be read.
        """
        self.mind = Mind(
            actor=self,
            settings=self.settings,
            clock=self.clock,
            outbox=self.outbox,
            presence=self.presence,
            knowledge=self.knowledge,
            persona=Persona(self.settings.persona, self.settings.persona_file),
            pace=Pace(self.settings.first_pace_s),
            quirks=self.quirks,
            reuse=self.reuse,
            line=self.line,
            thoughts=self.thoughts,
            responses=self.responses,
        )
        await self.database.open()
        self.spawn(self.database.watch(), name="thinking watches its database")
        await self.quirks.open()
        await self.outbox.open()
        self.spawn(self.thoughts.write_on(), name="thinking writes thoughts")
        self.spawn(self.responses.sweep_on(), name="thinking drops old responses")
        self.spawn(patiently("the outbox", self.outbox.tell_on), name="thinking tells memory what it has missed")
        self.spawn(self.follower.run(), name="thinking follows what memory forgets")

    async def on_stop(self) -> None:
        """Tell memory what it is still to be told, and write the thoughts that are not on disk yet."""
        async with AsyncExitStack() as left:
            left.push_async_callback(self.database.close)
            left.push_async_callback(self.thoughts.close)
            await self.outbox.close()

    def forget(self) -> None:
        """Memory forgot something: nothing that may quote it is given again."""
        self.knowledge.forget()
        self.reuse.forget()

    async def on_failure(self, *_failure: object) -> None:
        """Close the database: whoever takes this actor's place opens it anew."""
        await self.database.close()

    @handles(Backup)
    async def back_up(self, message: Backup) -> BackedUp:
        """Copy the database."""
        return BackedUp(bytes=await self.database.back_up(message.name))

    @handles(Think)
    async def think(self, message: Think) -> AsyncGenerator[Saying | Thought]:
        """Answer the last turn of a talk."""
        call = self.call
        if call is None:
            raise RuntimeError("thinking.think outside a call")

        if message.keep is not None and (found := await self.responses.find(message.namespace, thought_id_of(call.id))):
            for piece in told_again(found[-1].thought, stream=message.stream):
                yield piece
            return

        course = Course(self.mind, call, message)
        outcome = "failed"
        try:
            async with aclosing(course.run()) as said:
                async for piece in said:
                    if isinstance(piece, Thought):
                        outcome = "reused" if piece.reused else piece.rung
                    yield piece
        finally:
            record = record_of(course)
            self.outcomes[outcome] += 1
            self.missing.update(course.missing.keys())
            self.thoughts.keep(record)
            logger.bind(
                thought=record.thought_id,
                outcome=outcome,
                intent=record.intent,
                strategy=record.strategy,
                endpoint=record.endpoint,
                calls=record.calls,
                attempts=record.attempts,
                missing=sorted(course.missing),
                trace=call.trace,
            ).info("thought ended")

    @handles(GetThought)
    async def thought(self, message: GetThought) -> ThoughtRecord:
        """A thought by its id, without what memory has forgotten by now."""
        known = await self.as_far_as_told(message)
        if any(part.startswith("memory.") for part in known.missing):
            return known.model_copy(update={"owed": await self.outbox.owes_for(known.thought_id)})

        return known

    async def as_far_as_told(self, message: GetThought) -> ThoughtRecord:
        """A thought, scrubbed of what memory forgot.

        Raises:
            NotFound: there is none of that id in the namespace.
        """
        known = await self.thoughts.find(message.namespace, message.thought_id)
        if known is None:
            raise NotFound(f"no thought {message.thought_id!r} in this namespace", detail={"field": "thought_id"})
        if not has_texts(known) and known.session is None:
            return known

        if await self.follower.catch_up():
            return await self.thoughts.find(message.namespace, message.thought_id) or known
        if not has_texts(known):
            return known

        bare = scrubbed(known)
        return bare.model_copy(update={"scrubbed": known.scrubbed, "notes": (*known.notes, WITHHELD)})

    @handles(GetResponse)
    async def response(self, message: GetResponse) -> ResponsesFound:
        """An answer that was kept, or its whole talk, without what memory has forgotten by now.

        Raises:
            NotFound: it is not kept (any more).
            Unavailable: memory cannot be asked whether it has forgotten what is told there.
        """
        if not await self.follower.catch_up(self.settings.memory_patience_s):
            raise Unavailable("memory cannot be asked whether it has forgotten this", retry_after_ms=1000)

        found = await self.responses.find(message.namespace, message.thought_id, talk=message.talk)
        if not found:
            raise no_response(message.thought_id)

        return ResponsesFound(responses=found)

    @handles(DeleteResponse)
    async def delete_response(self, message: DeleteResponse) -> ResponseDeleted:
        """Delete an answer that was kept.

        Raises:
            NotFound: it is not kept (any more).
        """
        if not await self.responses.delete(message.namespace, message.thought_id):
            raise no_response(message.thought_id)

        return ResponseDeleted(thought_id=message.thought_id)

    @handles(ListThoughts)
    async def latest(self, message: ListThoughts) -> ThoughtsFound:
        """The latest thoughts of a namespace, without their texts, and without the name of a talk that may be forgotten."""
        # What is forgotten meanwhile is scrubbed first: the records are read after it.
        known = await self.follower.catch_up()
        records = await self.thoughts.latest(message.namespace, message.limit)
        return ThoughtsFound(thoughts=tuple(line_of(record, named=known) for record in records))

    @handles(Analyze)
    def analyze(self, message: Analyze) -> Analysis:
        """What a text seems to want, how it feels, and how it would be answered."""
        found, mood = intent_of(message.text), mood_of(message.text)
        strategy = strategy_for(message.text, found, mood)
        return Analysis(
            intent=found.name,
            confidence=found.confidence,
            scores=found.scores,
            mood=mood.felt,
            strategy=strategy.name,
            why=strategy.why,
        )

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Thoughts that are busy with other actors than models, and answers that memory is still to be told."""
        return {
            "thoughts_busy": (self.line.taken, self.line.places),
            "thoughts_owed": (self.outbox.waiting, self.settings.owed_most),
        }

    def metrics(self) -> list[Metric]:
        """Thoughts by outcome, parts that were missing from them, who is in line, and what memory is still to be told."""
        return [
            Metric(
                name="lattice_thoughts_total",
                kind="counter",
                help="Thoughts by the rung of the ladder on which they ended; failed: with an error.",
                samples=[({"outcome": outcome}, float(n)) for outcome, n in self.outcomes.items()],
            ),
            Metric(
                name="lattice_thought_parts_missing_total",
                kind="counter",
                help="Parts of a thought that were not there in time or failed.",
                samples=[({"part": part}, float(n)) for part, n in self.missing.items()],
            ),
            Metric(
                name="lattice_thoughts_in_line",
                kind="gauge",
                help="Thoughts that wait until others are through with memory.",
                samples=[({}, float(self.line.waiting))],
            ),
            Metric(
                name="lattice_thoughts_owed",
                kind="gauge",
                help="Answers that memory is still to be told.",
                samples=[({}, float(self.outbox.waiting))],
            ),
        ]


def no_response(thought_id: str) -> NotFound:
    """What is said of an answer that is not kept."""
    return NotFound(f"no response of thought {thought_id!r} in this namespace", detail={"field": "thought_id"})


def line_of(record: ThoughtRecord, *, named: bool) -> ThoughtLine:
    """A thought as a list tells it; `named`: with its talk."""
    return ThoughtLine(
        thought_id=record.thought_id,
        session=record.session if named else None,
        time=record.time,
        took_ms=max((step.started_ms + step.took_ms for step in record.steps), default=0.0),
        intent=record.intent,
        strategy=record.strategy,
        effort=record.effort,
        rung=record.rung,
        degraded=record.degraded,
        endpoint=record.endpoint,
        calls=record.calls,
    )
