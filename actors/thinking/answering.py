"""Answering: one answer from the llm actor, taken up again where it stopped when that actor is replaced in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from actors.llm.messages import ChatMessage, Choice, Delta, Generate, Generated
from actors.runtime import AsyncActor
from actors.thinking.messages import Saying, Think
from transport.errors import PeerReplaced, Unavailable

__all__ = ["Answering"]


class Answering:
    """One answer under way: what was said of it so far, and the whole once it is there."""

    def __init__(self, actor: AsyncActor, message: Think, *, key: str, continuations: int) -> None:
        self.actor = actor
        self.message = message
        self.key = key
        self.continuations = continuations

        self.said: dict[int, str] = {}
        self.only_text = True
        """Whether nothing but the text of a single choice went out: only that can be taken up by another process, or cut."""

        self.broken = 0
        self.generated: Generated | None = None

    async def parts(self, prompt: tuple[ChatMessage, ...], *, seconds: float) -> AsyncGenerator[Saying]:
        """The public pieces as they come; none when the client did not ask for a stream. `generated` is set at the end.

        Reasoning stays in the field in which the endpoint sent it and never becomes part of the text.

        Raises:
            Unavailable: the llm actor was replaced in the middle of tool calls or of several choices, or too often.
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
                if not self.only_text or self.broken > self.continuations:
                    raise Unavailable("the model's answer broke off and cannot be taken up again") from error

    async def attempt(self, prompt: tuple[ChatMessage, ...], *, seconds: float) -> AsyncGenerator[Saying]:
        """Ask once, from where the answer stands.

        The first key is stable over a re-ask of the same thought: the llm actor keeps the call for a minute and joins it, so
        that a thought which is begun again after this actor was killed costs no second model call.
        """
        before = self.said.get(0, "")
        effort = self.message.effort
        options = self.message.options if effort is None else {"reasoning_effort": effort, **self.message.options}
        request = Generate(
            model=self.message.model,
            messages=prompt,
            options=options,
            stream=self.message.stream,
            said=before,
        )
        key = f"{self.key}:{self.broken}" if self.broken else self.key
        async with self.actor.stream(request, timeout=seconds, key=key) as stream:
            async for delta in stream:
                saying = self.heard(delta)
                if saying is not None:
                    yield saying

            self.generated = self.whole(stream.reply, before)

    def heard(self, delta: Delta) -> Saying | None:
        """Take note of a piece. None for what a continuation says anew: who speaks."""
        public = dict(delta.delta)
        content = public.get("content")
        if isinstance(content, str):
            self.said[delta.index] = self.said.get(delta.index, "") + content
        if delta.index or public.get("tool_calls"):
            self.only_text = False
        if self.broken:
            public.pop("role", None)
            if not public:
                return None

        return Saying(index=delta.index, delta=public, logprobs=delta.logprobs)

    def whole(self, reply: Generated, before: str) -> Generated:
        """The reply with what had been said before it, and with the calls that broke counted."""
        if not self.broken:
            return reply

        first, *others = reply.choices
        content = first.message.get("content")
        text = before + (content if isinstance(content, str) else "")
        choices = (first.model_copy(update={"message": {**first.message, "content": text}}), *others)
        return reply.model_copy(update={"choices": choices, "attempts": reply.attempts + self.broken})

    @property
    def begun(self) -> bool:
        """Whether something of the answer itself went out."""
        return any(self.said.values()) or not self.only_text

    def cut(self) -> tuple[Choice, ...]:
        """What was said when time is up, as a choice that ended for want of room. Empty when nothing can go out like that."""
        text = self.said.get(0, "")
        if not text or not self.only_text:
            return ()
        return (Choice(message={"role": "assistant", "content": text}, finish_reason="length"),)
