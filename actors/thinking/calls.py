"""Calls: the model calls of one thought, each a step of it: asked, counted, and what was written on the way kept as drafts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from pydantic import JsonValue

from actors.llm.messages import ChatMessage, Usage
from actors.private_reasoning import asks_for_tags
from actors.runtime import AsyncActor
from actors.thinking.answering import Answering, CallOptions
from actors.thinking.messages import Draft, Saying, Think
from actors.thinking.pace import Pace
from actors.thinking.presence import Presence
from actors.thinking.quirks import Quirks
from actors.thinking.settings import ThinkingSettings
from actors.thinking.steps import Steps
from actors.thinking.talk import question
from transport.errors import LatticeError

__all__ = ["ModelCalls"]

LONGEST_DRAFT: Final = 16_384
"""Characters of a draft, and of its reasoning, that the thought keeps."""


class ModelCalls:
    """The model calls of one thought."""

    def __init__(
        self,
        actor: AsyncActor,
        message: Think,
        key: str,
        *,
        settings: ThinkingSettings,
        steps: Steps,
        presence: Presence,
        pace: Pace,
        quirks: Quirks,
    ) -> None:
        self.actor = actor
        self.message = message
        self.key = key
        self.settings = settings
        self.steps = steps
        self.presence = presence
        self.pace = pace
        self.quirks = quirks

        self.literal = asks_for_tags(question(message.messages))
        self.count = 0
        self.attempts = 0
        self.usage = Usage()
        self.cost: float | None = 0.0
        self.endpoint: str | None = None
        self.drafts: list[Draft] = []
        self.notes: list[str] = []

    def answering(
        self,
        step: str,
        *,
        stream: bool,
        model: str | None = None,
        tags: tuple[str, ...] = (),
        options: dict[str, JsonValue] | None = None,
    ) -> Answering:
        """A call that is yet to be made. `options` are the client's own unless given."""
        model = model or self.message.model
        if options is None:
            effort = self.message.effort
            options = self.message.options if effort is None else {"reasoning_effort": effort, **self.message.options}

        wish = CallOptions(
            key=f"{self.key}:{step}",
            namespace=self.message.namespace,
            model=model,
            tags=tags,
            options=options,
            stream=stream,
            continuations=self.settings.continuations,
            literal=self.literal,
            begins=self.quirks.begins(model),
            show=self.message.reasoning == "show",
            silence_s=self.settings.memory_after_s,
        )
        return Answering(self.actor, wish, self.presence)

    async def parts(
        self, step: str, answering: Answering, prompt: tuple[ChatMessage, ...], *, seconds: float
    ) -> AsyncGenerator[Saying]:
        """Make a call and give its public pieces as they come.

        Raises:
            LatticeError: whatever the llm actor answers.
        """
        self.count += 1
        try:
            with self.steps.step(f"llm.{step}") as timed:
                async with aclosing(answering.parts(prompt, seconds=seconds)) as sayings:
                    async for saying in sayings:
                        yield saying
            self.pace.took(timed.took_s)
        finally:
            self.counted(answering)

    async def whole(
        self, step: str, answering: Answering, prompt: tuple[ChatMessage, ...], *, seconds: float, chosen: bool = False
    ) -> Answering:
        """Make a call in private, and keep what it says as a draft, also when it breaks off.

        Raises:
            LatticeError: whatever the llm actor answers.
        """
        try:
            async with aclosing(self.parts(step, answering, prompt, seconds=seconds)) as sayings:
                async for _ in sayings:
                    pass
        finally:
            self.keep(step, answering, chosen=chosen)
        return answering

    def keep(self, step: str, answering: Answering, *, chosen: bool = False) -> None:
        """Keep what a call wrote as a draft of the thought."""
        generated = answering.generated
        if not answering.text and not answering.reasoning:
            return

        self.drafts.append(
            Draft(
                step=step,
                text=answering.text[:LONGEST_DRAFT],
                reasoning=answering.reasoning[:LONGEST_DRAFT],
                model=generated.model if generated is not None else answering.wish.model or "",
                endpoint=generated.endpoint if generated is not None else None,
                chosen=chosen,
            )
        )

    def choose(self, step: str) -> None:
        """What was written in a step is what goes out, and nothing else is."""
        self.drafts = [draft.model_copy(update={"chosen": draft.step == step}) for draft in self.drafts]

    def counted(self, answering: Answering) -> None:
        """Count what a call took, and learn from how it went."""
        generated = answering.generated
        models = (answering.wish.model, generated.model if generated is not None else answering.wish.model)
        if answering.stray:
            self.quirks.learn(*models)
        elif generated is not None:
            self.quirks.began_plainly(*models)
        if answering.leaked:
            self.notes.append("the model began in the middle of its reasoning, which went out; its next streams are held back")

        self.attempts += generated.attempts if generated is not None else answering.broken + answering.failed
        if generated is None:
            self.cost = None
            return

        self.usage = added(self.usage, generated.usage) if self.count > 1 else generated.usage
        self.cost = None if self.cost is None or generated.cost is None else self.cost + generated.cost
        self.endpoint = generated.endpoint

    async def tried(
        self,
        step: str,
        prompt: tuple[ChatMessage, ...],
        *,
        seconds: float,
        options: dict[str, JsonValue] | None = None,
        tags: tuple[str, ...] = (),
    ) -> Answering | None:
        """A call that the thought can do without: None, and a note, where it fails."""
        try:
            answering = self.answering(step, stream=True, options=options, tags=tags)
            return await self.whole(step, answering, prompt, seconds=seconds)
        except LatticeError as error:
            self.notes.append(f"{step}: {error.code}: {error.message}")
            return None


def added(one: Usage, other: Usage) -> Usage:
    """The usage of two calls together."""
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        total_tokens=one.total_tokens + other.total_tokens,
        prompt_tokens_details=summed(one.prompt_tokens_details, other.prompt_tokens_details),
        completion_tokens_details=summed(one.completion_tokens_details, other.completion_tokens_details),
    )


def summed(one: dict[str, int] | None, other: dict[str, int] | None) -> dict[str, int] | None:
    """Details together; None where neither has any."""
    if one is None or other is None:
        return one or other

    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
