"""The course of one thought: take over the talk, look up the context, answer, remember.

In this form the strategy is "direct": one model call, whatever the effort. `reasoning_effort` goes to the model with the other
options; thinking adds no steps of its own for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from hashlib import sha256
from typing import Any

from pydantic import JsonValue

from actors.call import Call
from actors.clock import Clock
from actors.llm.messages import Choice, Usage
from actors.memory.messages import Answer, Converse, Conversed, Recollection
from actors.runtime import AsyncActor
from actors.thinking.answering import Answering
from actors.thinking.context import Context, gather, recall, to_the_point
from actors.thinking.degraded import MODEL, degraded_text, takes_prose
from actors.thinking.intent import intent_of
from actors.thinking.later import Later, Owed
from actors.thinking.messages import Saying, Think, Thought, ThoughtRecord
from actors.thinking.prompt import Material, fitting, prompt_of
from actors.thinking.settings import ThinkingSettings
from actors.thinking.steps import Steps
from actors.thinking.talk import plain, question, text_of, turns_of, visible
from transport.errors import Cancelled, Conflict, DeadlineExceeded, Invalid, LatticeError, NotFound, Unauthorized

__all__ = ["Course", "thought_id_of"]

CALLERS_OWN = (Invalid, NotFound, Unauthorized, Conflict, Cancelled)
"""Errors of the llm actor that are the caller's to hear; after all others an answer from memory is better than none."""

LONGEST_ANSWER = 262_144
LAST_FRACTION = 0.8
"""Of the time that is left at the end, what may be spent on waiting for memory; the rest is for the way back."""


def thought_id_of(call_id: str) -> str:
    """A thought's id, the same whenever the same call is asked again."""
    return f"th_{digest(call_id)}"


class Course:
    """One thought on its way. `run` is its whole life; `record` is what is kept of it, at whatever point it ends."""

    def __init__(
        self, actor: AsyncActor, call: Call, message: Think, *, settings: ThinkingSettings, clock: Clock, later: Later
    ) -> None:
        self.actor = actor
        self.later = later
        self.call = call
        self.message = message
        self.settings = settings
        self.clock = clock

        self.id = thought_id_of(call.id)
        self.created = int(clock.now().timestamp())
        self.steps = Steps()
        self.intent = intent_of(question(message.messages))
        self.context = Context()
        self.material = Material()
        self.answering = Answering(actor, message, key=f"{call.id}:generate", continuations=settings.continuations)
        self.session = message.session
        self.owes = False
        """Whether memory is told the rest after the thought has ended."""

        self.choices: tuple[Choice, ...] = ()
        self.model = message.model or MODEL
        self.degraded = False
        self.quoted: tuple[Recollection, ...] = ()

    async def run(self) -> AsyncGenerator[Saying | Thought]:
        """The public pieces, then the thought.

        1. Memory takes over what is new in the talk, while the context is gathered.
        2. The model is asked; what it says goes out as it comes.
        3. What was said is on disk before the thought ends the stream; or it is named in `missing`, and memory is told later.
        """
        talk = self.take_over()
        try:
            await self.look_up(talk)
            name: dict[str, Any] = {"thought_id": self.id, "created": self.created}
            async with aclosing(self.answer()) as sayings:
                async for saying in sayings:
                    yield saying.model_copy(update=name) if name else saying
                    name = {}

            await self.remember(talk)
            yield self.thought()
        finally:
            if talk is not None and not self.owes:
                talk.cancel()

    def take_over(self) -> asyncio.Task[Conversed | None] | None:
        """Let memory take over the talk; None where it is not to, or there is nothing to take."""
        turns = turns_of(self.message.messages)
        if self.message.memory != "on" or not turns:
            return None

        request = Converse(
            namespace=self.message.namespace,
            session=self.message.session,
            turns=turns,
            begin_as=self.message.talk or f"talk-{digest(self.call.id)}",
            again=self.message.retry and self.message.talk is None,
        )
        return asyncio.create_task(self.converse(request), name="thinking memory.converse")

    async def converse(self, request: Converse) -> Conversed | None:
        """Ask memory; None, and an entry in `missing`, when it fails."""
        with self.steps.step("memory.converse") as step:
            try:
                conversed: Conversed = await self.actor.ask(request)
            except LatticeError as error:
                step.outcome = error.code
                self.context.missing["memory.converse"] = f"{error.code}: {error.message}"
                return None

            step.outcome = f"{len(conversed.created)} new, {len(conversed.superseded)} superseded"
            return conversed

    async def look_up(self, talk: asyncio.Task[Conversed | None] | None) -> None:
        """Gather the context and cut it to what the prompt takes."""
        if self.message.memory == "off":
            return

        seconds = min(self.settings.context_deadline_s, self.call.remaining() * self.settings.context_fraction)
        with self.steps.step("context"):
            found = await gather(self.actor, self.message, talk, settings=self.settings, seconds=seconds, steps=self.steps)

        found.missing.update(self.context.missing)
        self.context = found
        seen = visible(self.message.messages)
        tail = tuple(turn for turn in found.tail or () if plain(turn.text) not in seen)[: self.settings.tail_turns]
        seen |= {plain(turn.text) for turn in tail}
        memories = [memory for memory in found.recalled or () if plain(memory.text) not in seen]
        self.material = fitting(self.settings.budgets, memories[: self.settings.recall_k], tail, found.tensions or ())

    async def answer(self) -> AsyncGenerator[Saying]:
        """The model's answer; where none can be had, what memory holds."""
        prompt = prompt_of(
            self.message.messages,
            self.material,
            persona=self.settings.persona,
            budgets=self.settings.budgets,
            now=None if self.message.memory == "off" else self.clock.now(),
        )
        left = self.call.remaining()
        seconds = left - min(self.settings.reserve_s, left * self.settings.reserve_fraction)
        try:
            with self.steps.step("llm.generate"):
                async with aclosing(self.answering.parts(prompt, seconds=seconds)) as sayings:
                    async for saying in sayings:
                        yield saying
        except CALLERS_OWN:
            raise
        except LatticeError as error:
            self.degraded = True
            self.choices = self.cut(error)
        else:
            generated = self.answering.generated
            assert generated is not None  # noqa: S101 (parts ends with it or raises)
            self.choices, self.model = generated.choices, generated.model

        if not self.choices:
            self.choices = await self.from_memory()
            if self.message.stream:
                yield Saying(delta=self.choices[0].message)

    def cut(self, error: LatticeError) -> tuple[Choice, ...]:
        """What goes out after the model failed: what it had said when its time was up, or nothing of it.

        Raises:
            LatticeError: the model failed in the middle of what the client has already seen, or the client cannot read prose.
        """
        if isinstance(error, DeadlineExceeded) and (said := self.answering.cut()):
            return said
        if self.answering.begun or not takes_prose(self.message.options):
            raise error
        return ()

    async def from_memory(self) -> tuple[Choice, ...]:
        """The degraded answer. Memory is asked once more where it was too late for the context."""
        recalled = self.context.recalled
        if recalled is None and self.message.memory != "off":
            seconds = min(self.settings.context_deadline_s, self.call.remaining() * LAST_FRACTION)
            with self.steps.step("memory.recall again") as step:
                try:
                    found = await recall(self.actor, self.message, settings=self.settings, seconds=seconds)
                    recalled = to_the_point(found, self.message, None)
                except LatticeError as error:
                    step.outcome = error.code

        if recalled is not None:
            self.quoted = recalled[: self.settings.quotes]

        kept_out = self.message.memory == "off"
        text = degraded_text(None if recalled is None else self.quoted, kept_out=kept_out)
        self.model = MODEL
        return (Choice(message={"role": "assistant", "content": text}, finish_reason="stop"),)

    async def remember(self, talk: asyncio.Task[Conversed | None] | None) -> None:
        """Wait until the user's turn, and then the answer, are on disk.

        A degraded answer from memory is not remembered: it is a notice of our failure, and recalling it later as something
        that the assistant knew would be wrong. A model's answer that was cut off is, since it was said. Bare tool calls have
        no text to remember; the tools' outputs come back in the client's next request.
        """
        if talk is None:
            return

        seconds = min(self.settings.remember_deadline_s, self.call.remaining() * LAST_FRACTION)
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.wait({talk}, timeout=seconds)
        if not talk.done():
            self.context.missing["memory.converse"] = "not there in time"
            self.owe(talk)
            return

        conversed = talk.result()
        if conversed is None:
            return

        self.session = conversed.session
        request = self.answer_to(conversed)
        if request is None:
            return

        with self.steps.step("memory.answer") as step:
            try:
                left = max(until - asyncio.get_running_loop().time(), 0.001)
                await self.actor.ask(request, timeout=left)
            except LatticeError as error:
                step.outcome = error.code
                self.context.missing["memory.answer"] = f"{error.code}: {error.message}"
                self.owe(talk)

    def owe(self, talk: asyncio.Task[Conversed | None]) -> None:
        """Leave it to the background: the client waits no longer."""
        self.owes = True
        self.later.owe(self.id, Owed(talk, self.answer_to))

    def answer_to(self, conversed: Conversed) -> Answer | None:
        """What memory is to remember as the answer; None where there is nothing."""
        text = text_of(self.choices[0].message)[:LONGEST_ANSWER]
        if not text.strip() or self.from_no_model:
            return None

        return Answer(
            namespace=self.message.namespace,
            session=conversed.session,
            after=conversed.last,
            text=text,
            metadata={"thought": self.id, "model": self.model},
            key=f"{self.id}:answer",
        )

    @property
    def from_no_model(self) -> bool:
        """Whether the answer came from memory alone."""
        return self.degraded and not self.answering.begun

    @property
    def attempts(self) -> int:
        """Calls made upstream, as far as they are known."""
        generated = self.answering.generated
        return generated.attempts if generated is not None else self.answering.broken

    @property
    def endpoint(self) -> str | None:
        """The endpoint that ended the answer; None when none did."""
        generated = self.answering.generated
        return generated.endpoint if generated is not None else None

    @property
    def usage(self) -> Usage:
        """Tokens, as the endpoint counted them."""
        generated = self.answering.generated
        return generated.usage if generated is not None else Usage()

    def thought(self) -> Thought:
        """The public answer as a whole."""
        return Thought(
            thought_id=self.id,
            session=self.session,
            choices=self.choices,
            model=self.model,
            usage=self.usage,
            memories=tuple(memory.id for memory in self.quoted) if self.from_no_model else self.material.ids,
            degraded=self.degraded,
            endpoint=self.endpoint,
            attempts=self.attempts,
            created=self.created,
        )

    def record(self) -> ThoughtRecord:
        """What is kept of it in private."""
        return ThoughtRecord(
            thought_id=self.id,
            namespace=self.message.namespace,
            session=self.session,
            time=self.clock.now(),
            intent=self.intent.name,
            confidence=self.intent.confidence,
            strategy="direct",
            effort=self.message.effort,
            context=tuple(self.context_told()),
            missing=tuple(f"{part}: {reason}" for part, reason in self.context.missing.items()),
            steps=tuple(self.steps.done),
            degraded=self.degraded,
            endpoint=self.endpoint,
            attempts=self.attempts,
            usage=self.usage,
        )

    def context_told(self) -> Sequence[dict[str, JsonValue]]:
        """The context by ids and scores, never by its texts: what is forgotten in memory is not to live on in a thought."""
        shown = {memory.id for memory in (*self.material.memories, *self.quoted)}
        told: list[dict[str, JsonValue]] = [
            {
                "part": "memory",
                "id": memory.id,
                "score": memory.score,
                "explain": dict(memory.explain or {}),
                "shown": memory.id in shown,
            }
            for memory in self.context.recalled or self.quoted
        ]
        told += [{"part": "session", "id": turn.id} for turn in self.material.tail]
        told += [{"part": "paradox", "id": one.id, "tension": one.tension} for one in self.material.tensions]
        return told


def digest(call_id: str) -> str:
    """24 hexadecimal digits."""
    return sha256(call_id.encode()).hexdigest()[:24]
