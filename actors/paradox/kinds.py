"""What sort of paradox it is: about facts, times, preferences, values, oneself, or the assistant."""

from __future__ import annotations

import re
from typing import Literal

from actors.memory.messages import Memory

__all__ = ["kind_of"]

Kind = Literal["factual", "temporal", "preference", "value", "self_image", "assistant"]

PREFERENCE = re.compile(
    r"\b(like|love|hate|prefer|favou?rite|enjoy|can't stand|dislike|rather|fan of|fond of)\b", re.IGNORECASE
)
VALUE = re.compile(
    r"\b(should|ought|must|believe in|against|in favou?r|wrong to|right to|moral|ethical|fair|unfair)\b", re.IGNORECASE
)
# What somebody has or must not eat is a fact about a body, however it is worded: there the facts' advice holds.
BODILY = re.compile(
    r"\b(?:allerg\w+|intoleran\w+|diabet\w+|asthma\w*|coeliac|celiac|epilep\w+|pregnant|vaccinated|h(?:a)?emophiliac|blind|deaf"
    r"|colou?r-?blind|left-handed|right-handed|\d+)\b",
    re.IGNORECASE,
)
SELF = re.compile(r"\bI(?:'m| am|'ve always been| have always been) (?!at|in|on|going|from)\w+", re.IGNORECASE)
TIMED = ("figure: clock", "figure: day", "figure: year", "exclusive: weekday", "exclusive: month", "exclusive: season")


def kind_of(earlier: Memory, later: Memory, why: str) -> Kind:
    """The sort of a paradox between two memories, from who spoke, which rule found it, and how both are worded."""
    if earlier.role == "assistant" and later.role == "assistant":
        return "assistant"
    if why.startswith(TIMED):
        return "temporal"
    for kind, pattern in (("preference", PREFERENCE), ("value", VALUE), ("self_image", SELF)):
        if kind == "self_image" and (BODILY.search(earlier.text) or BODILY.search(later.text)):
            continue
        if pattern.search(earlier.text) and pattern.search(later.text):
            return kind  # type: ignore[return-value]
    return "factual"
