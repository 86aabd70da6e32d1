"""Cutting what was said into sentences, for whoever reads talk by rules. Pure. The dots of "St. Mary's" and "3.5" end none."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["sentences", "undotted"]

ABBREVIATIONS: Final = ("mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "approx", "e.g", "i.e")
ABBREVIATED: Final = "".join(rf"(?<!\b{re.escape(word)}\.)" for word in ABBREVIATIONS)
END: Final = re.compile(rf"(?<=[.!?]){ABBREVIATED}\s+|\n+", re.IGNORECASE)
INNER_DOT: Final = re.compile(rf"\b({'|'.join(re.escape(word) for word in ABBREVIATIONS)})\.|(?<=\d)\.(?=\d)", re.IGNORECASE)

LONGEST: Final = 20_000
"""Characters of a text that are looked at."""


def sentences(text: str) -> list[str]:
    """The text cut after each sentence and at each line's end, without what is empty."""
    return [sentence.strip() for sentence in END.split(text[:LONGEST]) if sentence.strip()]


def undotted(text: str) -> str:
    """The text without the dots that end no sentence."""
    return INNER_DOT.sub(lambda found: (found[1] or "").replace(".", ""), text)
