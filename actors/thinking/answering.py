"""Answering: one answer from the llm actor, taken up again where it stopped when that actor is replaced in the middle of it.

What the model thinks aloud is told apart here, before anything else sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import JsonValue

from actors.llm.messages import ChatMessage, Choice, Delta, Generate, Generated
from actors.runtime import AsyncActor
from actors.thinking.ear import PRIVATE_FIELDS, Ear
from actors.thinking.messages import Saying
from actors.thinking.openings import Begins
from actors.thinking.presence import Presence
from transport.errors import DeadlineExceeded, LatticeError, PeerReplaced, Unavailable

__all__ = ["Answering", "CallOptions"]

WHOLE: Final = "stop"


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How a model is to be asked."""

    key: str
    """Stable over a re-ask of the same thought: the llm actor keeps the call for a minute and joins it, so that a thought which
    is begun again after this actor was killed costs no second model call."""

    namespace: str = "default"
    model: str | None = None
    tags: tuple[str, ...] = ()
    """Endpoints that have all of these are asked first."""

    options: dict[str, JsonValue] = field(default_factory=dict)
    stream: bool = False
    continuations: int = 3
    literal: bool = False
    """The user asked for a think-tag by its name."""

    begins: Begins = "plainly"
    """How answers of the model begin."""

    show: bool = False
    """The client asked for the reasoning."""

    silence_s: float | None = None
    """How long the model may say nothing, not even in private; None: as long as the call lasts."""


class Answering:
    """One answer under way: what was said of it so far, and the whole once it is there."""

    def __init__(self, actor: AsyncActor, wish: CallOptions, presence: Presence) -> None:
        self.actor = actor
        self.wish = wish
        self.presence = presence
        self.ears: dict[int, Ear] = {}
        self.only_text = True
        """Whether nothing but the text of a single choice went out: only that can be taken up by another process, or cut."""

        self.broken = 0
        self.failed = 0
        """Calls made upstream without an answer, as far as that is known: where time was up here, one."""

        self.generated: Generated | None = None
        """The whole, its private parts taken out."""

    async def parts(self, prompt: tuple[ChatMessage, ...], *, seconds: float) -> AsyncGenerator[Saying]:
        """The public pieces as they come; none where no stream is wished for. `generated` is set at the end.

        Raises:
            Unavailable: the llm actor was replaced in the middle of tool calls or of several choices, or too often.
            Unavailable: the llm actor gives no sign of life.
            LatticeError: whatever the llm actor answers.
        """
        until = asyncio.get_running_loop().time() + seconds
        while self.generated is None:
            left = max(until - asyncio.get_running_loop().time(), 0.001)
            try:
                async for saying in self.attempt(prompt, seconds=left):
                    yield saying
            except PeerReplaced as error:
                self.broken += 1
                if not self.only_text or self.broken > self.wish.continuations:
                    raise Unavailable("the model's answer broke off and cannot be taken up again") from error
            except LatticeError as error:
                self.failed = attempts_of(error)
                raise

    async def attempt(self, prompt: tuple[ChatMessage, ...], *, seconds: float) -> AsyncGenerator[Saying]:
        """Ask once, from where the answer stands."""
        wish = self.wish
        request = Generate(
            namespace=wish.namespace,
            model=wish.model,
            tags=wish.tags,
            messages=prompt,
            options=wish.options,
            stream=wish.stream,
            said="".join(self.ears[0].raw) if 0 in self.ears else "",
        )
        key = f"{wish.key}:{self.broken}" if self.broken else wish.key
        async with self.actor.stream(request, timeout=seconds, key=key) as stream:
            pieces = aiter(stream)
            # The first piece may take its time; that the llm actor lives is looked after meanwhile.
            delta = await self.soon(self.presence.first("llm", anext(pieces, None)))
            while delta is not None:
                saying = self.heard(delta)
                if saying is not None:
                    yield saying
                delta = await anext(pieces, None)

            reply: Generated = stream.reply

        for saying in self.rest(reply):
            yield saying
        self.generated = self.whole(reply)

    async def soon(self, first: Awaitable[Delta | None]) -> Delta | None:
        """The first piece, before the silence has lasted too long.

        Raises:
            Unavailable: it has.
        """
        seconds = self.wish.silence_s
        try:
            async with asyncio.timeout(seconds):
                return await first
        except TimeoutError:
            message = f"no model has said anything within {seconds:g} s"
            raise Unavailable(message, retry_after_ms=1000, detail={"attempts": 1}) from None

    def heard(self, delta: Delta) -> Saying | None:
        """Take note of a piece. None for what is private, and for what a continuation says anew: who speaks."""
        public, logprobs = self.ear(delta.index).hear(delta)
        if delta.index or public.get("tool_calls"):
            self.only_text = False
        if self.broken:
            public.pop("role", None)

        return Saying(index=delta.index, delta=public, logprobs=logprobs) if public else None

    def rest(self, reply: Generated) -> list[Saying]:
        """What of a stream was held back to its end."""
        if not self.wish.stream:
            return []

        ends = {choice.index: choice.finish_reason == WHOLE for choice in reply.choices}
        told = [(index, *ear.end(whole=ends.get(index, False))) for index, ear in self.ears.items()]
        return [Saying(index=index, delta=public, logprobs=logprobs) for index, public, logprobs in told if public]

    def whole(self, reply: Generated) -> Generated:
        """The reply without its private parts, with what had been said before it and with the calls that broke counted."""
        choices = tuple(self.choice(choice) for choice in reply.choices)
        return reply.model_copy(update={"choices": choices, "attempts": reply.attempts + self.broken})

    def choice(self, choice: Choice) -> Choice:
        """A whole choice without its private parts; its text is what a stream of it said."""
        ear = self.ears.get(choice.index)
        if ear is None:
            ear = self.ear(choice.index)
            ear.hear(Delta(index=choice.index, delta=choice.message))
            ear.end(whole=choice.finish_reason == WHOLE)

        message: dict[str, Any] = {name: value for name, value in choice.message.items() if name not in PRIVATE_FIELDS}
        if isinstance(message.get("content"), str):
            message["content"] = ear.text
        if self.wish.show and ear.reasoning:
            message["reasoning_content"] = ear.reasoning

        logprobs = None if ear.sieve.found else choice.logprobs
        return choice.model_copy(update={"message": message, "logprobs": logprobs})

    def ear(self, index: int) -> Ear:
        """The ear for a choice."""
        ear = self.ears.get(index)
        if ear is None:
            # A whole text shows by itself where its reasoning ends.
            begins = self.wish.begins if self.wish.stream else "plainly"
            ear = self.ears[index] = Ear(literal=self.wish.literal, begins=begins, show=self.wish.show)
        return ear

    @property
    def text(self) -> str:
        """What the first choice has said in public so far."""
        return self.ears[0].text if 0 in self.ears else ""

    @property
    def reasoning(self) -> str:
        """What was thought aloud so far."""
        return "\n\n".join(ear.reasoning for ear in self.ears.values() if ear.reasoning)

    @property
    def stray(self) -> bool:
        """Whether the model began in the middle of reasoning."""
        return any(ear.sieve.stray for ear in self.ears.values())

    @property
    def leaked(self) -> bool:
        """Whether some of that had gone out before it was known."""
        return self.wish.stream and any(ear.sieve.leaked for ear in self.ears.values())

    @property
    def begun(self) -> bool:
        """Whether something of the answer itself went out."""
        return any(ear.public for ear in self.ears.values()) or not self.only_text

    @property
    def only_thought(self) -> bool:
        """Whether the model came to its end, thought aloud, and said nothing in public."""
        generated = self.generated
        if generated is None or not self.reasoning:
            return False

        return self.says_nothing and all(choice.finish_reason == WHOLE for choice in generated.choices)

    @property
    def says_nothing(self) -> bool:
        """Whether the whole answer has no public word, and no tool call: all its room went to reasoning, perhaps."""
        generated = self.generated
        return generated is not None and not any(
            str(choice.message.get("content") or "").strip()
            or choice.message.get("tool_calls")
            or choice.message.get("refusal")
            for choice in generated.choices
        )

    def cut(self) -> tuple[Choice, ...]:
        """What was said when time is up, as a choice that ended for want of room. Empty when nothing can go out like that."""
        if not self.text or not self.only_text:
            return ()

        return (Choice(message={"role": "assistant", "content": self.text}, finish_reason="length"),)


def attempts_of(error: LatticeError) -> int:
    """How many calls were made upstream before it. Whose time is up before the llm actor has told so knows of one."""
    told = (error.detail or {}).get("attempts")
    return told if isinstance(told, int) else int(isinstance(error, DeadlineExceeded))
