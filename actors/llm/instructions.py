"""System messages that stand behind others, put where every chat template takes them.

What changes from turn to turn (memories, the time) is told late in a talk, so that providers find its beginning in their prefix
caches. Some templates of open models refuse a system message that is not the first.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from actors.llm.messages import ChatMessage

INSTRUCTING = {"system", "developer"}


def speaks_of_roles(told: str) -> bool:
    """Whether a refusal is about where a system message stands: templates of chat models have many words for that."""
    return any(word in told.lower() for word in ("system", "role", "alternate", "template"))


def has_late(messages: Sequence[ChatMessage]) -> bool:
    """Whether a system message stands behind another."""
    roles = [message.get("role") in INSTRUCTING for message in messages]
    return any(later and not earlier for earlier, later in itertools.pairwise(roles))


def with_early(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """The talk with each system message that stands behind another one put before the text of the user's next turn."""
    kept: list[ChatMessage] = []
    held: list[str] = []
    for message in messages:
        if message.get("role") in INSTRUCTING and any(known.get("role") not in INSTRUCTING for known in kept):
            held.append(text_of(message.get("content")))
        elif held and message.get("role") == "user":
            kept.append({**message, "content": behind("\n\n".join(held), message.get("content"))})
            held = []
        else:
            kept.append(message)

    return [*kept, {"role": "user", "content": "\n\n".join(held)}] if held else kept


def behind(text: str, content: Any) -> Any:
    """A message's content with a text before it."""
    return [{"type": "text", "text": text}, *content] if isinstance(content, list) else f"{text}\n\n{content or ''}"


def text_of(content: Any) -> str:
    """The text of a message's content."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))

    return str(content or "")
