"""The answer when no model is left: what memory holds on the question, quoted, and plainly said to be no more than that.

Knows no actor. What it writes is never remembered as the assistant's words: it is a notice of a failure, and recalling it later
as something that the assistant knew would be wrong. `is_degraded` finds it again in the histories that clients send.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from actors.memory.messages import Recollection

__all__ = ["MODEL", "degraded_text", "is_degraded", "takes_prose"]

MODEL = "lattice-memory"
"""The model's name in an answer that no model gave."""

OPENING = "No language model can be reached right now, so this is not a considered answer."
FOUND = "This is what I remember that may bear on it:"
NOTHING = "I also found nothing in memory about it. Please ask again in a little while."
NO_MEMORY = "Memory cannot be reached in time either. Please ask again in a little while."
KEPT_OUT = "This talk is kept out of memory, so I have nothing else to offer. Please ask again in a little while."
LONGEST_QUOTE = 600


def degraded_text(memories: Sequence[Recollection] | None, *, kept_out: bool = False) -> str:
    """The answer from memory alone.

    `memories` is what was recalled for the question, best first; None when memory did not answer. `kept_out` is set when the
    client asked that memory stay out of this talk.
    """
    if kept_out:
        return f"{OPENING} {KEPT_OUT}"
    if memories is None:
        return f"{OPENING} {NO_MEMORY}"
    if not memories:
        return f"{OPENING} {NOTHING}"

    return "\n".join([f"{OPENING} {FOUND}", "", *(quoted(memory) for memory in memories)])


def quoted(memory: Recollection) -> str:
    """One memory as a line: date, speaker, words."""
    words = " ".join(memory.text.split())
    if len(words) > LONGEST_QUOTE:
        words = f"{words[:LONGEST_QUOTE].rstrip()} …"
    speaker = " ".join((memory.speaker or memory.role or "unknown speaker").split())
    return f'- {memory.time:%Y-%m-%d}, {speaker}: "{words}"'


def is_degraded(text: str) -> bool:
    """Whether a text was written here."""
    return text.lstrip().startswith(OPENING)


def takes_prose(options: dict[str, JsonValue]) -> bool:
    """Whether a caller with these options can read prose at all: not when it asked for JSON or insists on a tool call."""
    form = options.get("response_format")
    if isinstance(form, dict) and form.get("type") not in (None, "text"):
        return False
    return options.get("tool_choice") in (None, "auto", "none")
