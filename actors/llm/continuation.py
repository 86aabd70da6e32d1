"""A stream broke after its first token: how the next model is told to go on, and how the seam is made whole.

The instruction is a user's turn, not a system message (which would weaken the persona that the talk has), and asks for the
language of what was said.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from actors.llm.form import Event, Finish, Piece
from actors.llm.messages import ChatMessage

INSTRUCTION = (
    "Your last message was cut off in transit. Go on from exactly where it stops, in the same language and form: "
    "do not repeat any of it, do not begin anew, and do not mention the interruption."
)
MIN_OVERLAP = 8
"""Shorter repetitions at the seam are trimmed only where they are space, or one word that would otherwise stand there twice
without a space between. In characters."""


def instructed(messages: Sequence[ChatMessage], said: str) -> list[ChatMessage]:
    """The talk, with what was said and a request to go on from there."""
    return [*messages, {"role": "assistant", "content": said}, {"role": "user", "content": INSTRUCTION}]


def prefilled(messages: Sequence[ChatMessage], said: str) -> list[ChatMessage]:
    """The talk, ending in the assistant's unfinished turn. Space at its end is refused by those who allow this at all."""
    return [*messages, {"role": "assistant", "content": said.rstrip()}]


async def seamless(events: AsyncGenerator[Event], said: str) -> AsyncGenerator[Event]:
    """The events of a model that goes on from `said`, without what it repeats of it."""
    seam = Seam(said)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Piece) and not seam.settled and event.delta.get("content"):
                content = seam.feed(event.delta["content"])
                delta = {**event.delta, "content": content} if content else without(event.delta, "content")
                if delta:
                    yield replace(event, delta=delta, logprobs=event.logprobs if content == event.delta["content"] else None)
                continue

            if isinstance(event, Finish) and (content := seam.close()):
                yield Piece(0, {"content": content})

            yield event


def without(delta: dict[str, Any], name: str) -> dict[str, Any]:
    """A delta less one of its fields."""
    return {key: value for key, value in delta.items() if key != name}


class Seam:
    """Trims what a model repeats of `said` when it goes on from there.

    Text is held back only as long as it could still be such a repetition.
    """

    def __init__(self, said: str) -> None:
        self.said = said
        self.held = ""
        self.settled = not said

    def feed(self, text: str) -> str:
        """What can be passed on of it now."""
        if self.settled:
            return text

        self.held += text
        if not self.held or self.could_repeat():
            return ""

        return self.close()

    def close(self) -> str:
        """No more will come, or no more is needed: what is held back, trimmed."""
        held, self.held, self.settled = self.held, "", True
        return held[self.overlap(held) :]

    def could_repeat(self) -> bool:
        """Whether more text could make what is held a longer repetition than it is."""
        return len(self.held) < len(self.said) and self.held in self.said

    def overlap(self, held: str) -> int:
        """How many characters at the start of `held` repeat the end of `said` (or all of it)."""
        for start in range(max(len(self.said) - len(held), 0), len(self.said)):
            if held.startswith(self.said[start:]) and self.is_repetition(start):
                return len(self.said) - start

        return 0

    def is_repetition(self, start: int) -> bool:
        """Whether an overlap that begins at `start` is said twice, rather than a chance likeness."""
        overlap = self.said[start:]
        if start == 0 or len(overlap) >= MIN_OVERLAP or overlap.isspace():
            return True

        return overlap.isalnum() and not self.said[start - 1].isalnum()
