"""What an open paradox says to whoever answers meanwhile. One sentence or two, without a model; never a verdict."""

from __future__ import annotations

from actors.paradox.messages import Side

__all__ = ["advice", "counsel"]

LONGEST = 160
"""Characters of a side that are quoted."""

OPEN = frozenset({"fresh", "processing"})

BY_TYPE = {
    "factual": "Take neither for granted; where the answer depends on it, say so or ask which holds.",
    "temporal": "Name no date or time from either without checking; where it matters, ask which holds.",
    "preference": "Tastes change and differ by occasion: do not hold the one against the other, ask before relying on either.",
    "value": "Both may matter to them: do not side with one, and do not press for consistency.",
    "self_image": "Do not tell them who they are; leave room for both, and ask only if it helps.",
    "assistant": "You said both yourself: own up to it plainly, and say which of them you can support.",
}


def advice(kind: str, state: str, earlier: Side, later: Side, leaning: str = "") -> str:
    """The sentence for the prompt; empty once the paradox is settled or asleep."""
    told = counsel(kind, state, leaning)
    return f"{said(earlier)} and {said(later)} do not agree. {told}" if told else ""


def counsel(kind: str, state: str, leaning: str = "") -> str:
    """What to do about it, for who is shown both sides anyway: what matters most first, since it may be cut."""
    if state not in OPEN:
        return ""
    return " ".join(part for part in (BY_TYPE.get(kind, BY_TYPE["factual"]), leaning) if part)


def said(side: Side) -> str:
    text = side.text if len(side.text) <= LONGEST else side.text[: LONGEST - 1].rstrip() + "\u2026"
    who = f"{side.speaker}, " if side.speaker else ""
    return f'"{text}" ({who}{side.time:%-d %B %Y})'
