"""A client's messages, in OpenAI's form, read as a talk: its texts, its turns, what was asked. Knows no actor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from actors.llm.messages import ChatMessage
from actors.memory.messages import Turn
from actors.private_reasoning import asks_for_tags, public_of
from actors.thinking.degraded import is_degraded

__all__ = [
    "SYSTEM_ROLES",
    "asker",
    "ends_of",
    "is_long",
    "plain",
    "question",
    "read",
    "speaker_of",
    "text_of",
    "turns_of",
    "visible",
]

Value = TypeVar("Value")

SYSTEM_ROLES = ("system", "developer")
LONGEST_TURN = 262_144
"""Characters of a message that memory keeps; what is compared with what it holds is cut likewise."""

LONGEST_SPEAKER = 256
LONGEST_END = 8_192
"""Characters at a question's beginning and at its end by which its manner is judged."""

LONG = 65_536
"""Characters of a talk that a loop has no time to read: the texts of a megabyte take some 15 ms each time."""

ROLES = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}


def text_of(message: ChatMessage) -> str:
    """A message's text: its content, or its text parts joined. Empty for tool calls; other parts show as `[image_url]`.

    NUL characters are left out: memory takes none, and a talk that has one is to be remembered all the same.
    """
    content = message.get("content")
    if isinstance(content, str):
        return content.replace("\0", "")
    if not isinstance(content, list):
        return ""

    pieces = []
    for part in content:
        if not isinstance(part, dict):
            continue

        text = part.get("text")
        pieces.append(text if isinstance(text, str) else f"[{part.get('type', 'part')}]")
    return "\n".join(pieces).replace("\0", "")


def question(messages: Sequence[ChatMessage]) -> str:
    """The text of the last user message, as far as memory would keep it; empty when there is none."""
    return next((text_of(message)[:LONGEST_TURN] for message in reversed(messages) if message.get("role") == "user"), "")


def asker(messages: Sequence[ChatMessage]) -> str | None:
    """The name that whoever asked goes by, as memory has it; None where the client gives none."""
    return next((speaker_of(message) for message in reversed(messages) if message.get("role") == "user"), None)


def speaker_of(message: ChatMessage) -> str | None:
    """A message's name, as memory keeps it."""
    name = message.get("name")
    return name.replace("\0", "")[:LONGEST_SPEAKER] or None if isinstance(name, str) else None


def ends_of(text: str) -> str:
    """A text, or the beginning and the end of one that is too long to be looked at as a whole.

    What is wanted of a pasted document stands before or behind it.
    """
    return text if len(text) <= 2 * LONGEST_END else f"{text[:LONGEST_END]}\n{text[-LONGEST_END:]}"


def is_long(messages: Iterable[ChatMessage]) -> bool:
    """Whether reading a talk's texts takes longer than a loop has time for."""
    room = LONG
    for message in messages:
        content = message.get("content")
        room -= len(content) if isinstance(content, str) else len(text_of(message))
        if room < 0:
            return True
    return False


async def read(messages: Sequence[ChatMessage], texts: Callable[[Sequence[ChatMessage]], Value]) -> Value:
    """Something that is read out of all the talk's texts; in a thread where they are long, so that nobody else waits."""
    return await asyncio.to_thread(texts, messages) if is_long(messages) else texts(messages)


def turns_of(messages: Sequence[ChatMessage]) -> tuple[Turn, ...]:
    """The talk as memory takes it.

    What an assistant's turn has in think-tags is taken out. Left out are system prompts, messages without text (an assistant's
    bare tool calls), and degraded answers that come back in the client's history: they are our notice of a failure, not
    something that the assistant knows.
    """
    turns = []
    asked = ""
    for message in messages:
        role = ROLES.get(str(message.get("role")))
        text = text_of(message)[:LONGEST_TURN]
        if role == "user":
            asked = text
        elif role == "assistant":
            text = public_of(text, literal=asks_for_tags(asked)).public
        if role is None or not text.strip() or (role == "assistant" and is_degraded(text)):
            continue

        turns.append(Turn.model_validate({"role": role, "text": text, "speaker": speaker_of(message)}))
    return tuple(turns)


def plain(text: str) -> str:
    """A text in the form in which two are compared: single spaces, no case."""
    return " ".join(text.split()).casefold()


def visible(messages: Iterable[ChatMessage]) -> frozenset[str]:
    """What the model sees anyway, in comparable form."""
    return frozenset(plain(text_of(message)[:LONGEST_TURN]) for message in messages)
