"""Talks as programs keep them: lists of `{"role", "content"}`, as chat endpoints take them.

One list, `{"messages": [...]}`, a list of these, or one on each line, as for fine-tuning. System prompts do not come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from actors.memory.formats.taken import Broken, Taken, digest, moment_of, pieces, taken

__all__ = ["is_message", "is_talk", "read", "read_one", "talks_of"]

ROLES = {"user": "user", "human": "user", "assistant": "assistant", "ai": "assistant", "tool": "tool", "function": "tool"}
UNSAID = {"system", "developer"}
TIMES = ("created_at", "create_time", "timestamp", "time")


def is_talk(value: Any) -> bool:
    """Whether this is a list of such messages, or an object that holds one."""
    messages = messages_of(value)
    return bool(messages) and all(map(is_message, messages))


def is_message(value: Any) -> bool:
    """Whether this is such a message."""
    return isinstance(value, dict) and isinstance(value.get("role"), str)


def talks_of(value: Any) -> list[Any] | None:
    """The talks in a document; None where there are none."""
    if is_talk(value):
        return [value]
    return value if isinstance(value, list) and value and all(map(is_talk, value)) else None


def read(talks: Iterable[Any], name: str) -> Iterator[Taken]:
    """Every message of every talk. `name` is the file's: the same file imported again is known by it."""
    for number, talk in enumerate(talks, 1):
        if not is_talk(talk):
            yield Broken(f"talk {number}", "it is no list of messages with roles")
            continue
        session = f"{name}#{number}" if number > 1 else name
        for place, message in enumerate(messages_of(talk), 1):
            yield from turns_of(message, f"talk {number}, message {place}", session, place)


def read_one(messages: Iterable[Any], name: str) -> Iterator[Taken]:
    """As `read`, of one talk that is too long to be held as a whole."""
    for place, message in enumerate(messages, 1):
        where = f"talk 1, message {place}"
        if is_message(message):
            yield from turns_of(message, where, name, place)
        else:
            yield Broken(where, "it is no message with a role")


def messages_of(value: Any) -> list[Any]:
    """The messages of what may be a talk."""
    messages = value.get("messages") if isinstance(value, dict) else value
    return messages if isinstance(messages, list) else []


def turns_of(message: dict[str, Any], where: str, session: str, place: int) -> Iterator[Taken]:
    """What a message says, in records' lengths."""
    told = message["role"].lower()
    said = text_of(message.get("content"))
    if told in UNSAID or not said:
        return
    role = ROLES.get(told)
    if role is None:
        yield Broken(where, f"role: nobody is known as {told[:64]!r}")
        return
    name = message.get("name")
    for part, text in enumerate(pieces(said)):
        yield taken(
            where,
            {
                "text": text,
                "role": role,
                "speaker": name if isinstance(name, str) and name else role,
                "kind": "tool" if role == "tool" else "turn",
                "session": session[-256:],
                "time": next((time for field in TIMES if (time := moment_of(message.get(field)))), None),
                "metadata": {"source": "messages"},
                "key": f"messages:{digest(session, place, part, text)}",
            },
        )


def text_of(content: Any) -> str:
    """A message's text; pictures and calls of tools are left out."""
    if isinstance(content, str):
        return content.strip()
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str) and text).strip()
