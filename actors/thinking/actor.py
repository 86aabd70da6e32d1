"""The thinking actor: handlers, and what it counts. The course of a thought is course.py's."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar

from loguru import logger

from actors.clock import Clock, system_clock
from actors.metrics import Metric
from actors.runtime import AsyncActor, handles
from actors.thinking.course import Course
from actors.thinking.intent import intent_of
from actors.thinking.later import Later
from actors.thinking.messages import Analysis, Analyze, GetThought, Saying, Think, Thought, ThoughtRecord
from actors.thinking.settings import ThinkingSettings
from actors.thinking.thoughts import Thoughts
from transport.errors import NotFound

__all__ = ["Thinking"]


class Thinking(AsyncActor):
    """What happens between a question and its answer."""

    name: ClassVar[str] = "thinking"
    concurrency: ClassVar[int] = 256

    def __init__(self, settings: ThinkingSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.thoughts = Thoughts(data_dir / "thinking.db", settings, clock)
        self.later = Later(self)
        self.outcomes: Counter[str] = Counter()
        self.missing: Counter[str] = Counter()

    async def on_start(self) -> None:
        """Open thinking.db."""
        await self.thoughts.open()
        self.spawn(self.thoughts.write_on(), name="thinking writes thoughts")

    async def on_stop(self) -> None:
        """Tell memory what it is still to be told, and write the thoughts that are not on disk yet."""
        await self.later.close()
        await self.thoughts.close()

    @handles(Think)
    async def think(self, message: Think) -> AsyncGenerator[Saying | Thought]:
        """Answer the last turn of a talk."""
        call = self.call
        if call is None:
            raise RuntimeError("thinking.think outside a call")

        course = Course(self, call, message, settings=self.settings, clock=self.clock, later=self.later)
        outcome = "failed"
        try:
            async with aclosing(course.run()) as said:
                async for piece in said:
                    if isinstance(piece, Thought):
                        outcome = "degraded" if piece.degraded else "answered"
                    yield piece
        finally:
            self.outcomes[outcome] += 1
            self.missing.update(course.context.missing.keys())
            self.thoughts.keep(course.record())
            logger.bind(
                thought=course.id,
                outcome=outcome,
                intent=course.intent.name,
                endpoint=course.endpoint,
                attempts=course.attempts,
                missing=sorted(course.context.missing),
                trace=call.trace,
            ).info("thought ended")

    @handles(GetThought)
    async def thought(self, message: GetThought) -> ThoughtRecord:
        """A thought by its id."""
        record = await self.thoughts.find(message.namespace, message.thought_id)
        if record is None:
            raise NotFound(f"no thought {message.thought_id!r} in this namespace")
        return record

    @handles(Analyze)
    def analyze(self, message: Analyze) -> Analysis:
        """What a text seems to want."""
        found = intent_of(message.text)
        return Analysis(intent=found.name, confidence=found.confidence, scores=found.scores)

    def metrics(self) -> list[Metric]:
        """Thoughts by outcome, and parts that were missing from them."""
        return [
            Metric(
                name="lattice_thoughts_total",
                kind="counter",
                help="Thoughts by how they ended.",
                samples=[({"outcome": outcome}, float(n)) for outcome, n in self.outcomes.items()],
            ),
            Metric(
                name="lattice_thought_parts_missing_total",
                kind="counter",
                help="Parts of a thought that were not there in time or failed.",
                samples=[({"part": part}, float(n)) for part, n in self.missing.items()],
            ),
        ]
