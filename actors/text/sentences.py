"""Cutting what was said into sentences, for whoever reads talk by rules. Pure. The dots of "St. Mary's" and "3.5" end none."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["places", "sentences", "straight", "undotted"]

ABBREVIATIONS: Final = ("mr", "mrs", "ms", "dr", "prof", "st", "mt", "vs", "approx", "e.g", "i.e")
ABBREVIATED: Final = "".join(rf"(?<!\b{re.escape(word)}\.)" for word in ABBREVIATIONS)
END: Final = re.compile(rf"(?<=[.!?]){ABBREVIATED}\s+|\n+", re.IGNORECASE)
INNER_DOT: Final = re.compile(rf"\b({'|'.join(re.escape(word) for word in ABBREVIATIONS)})\.|(?<=\d)\.(?=\d)", re.IGNORECASE)

LETTER: Final = re.compile(r"(?:^|[\s.(])([^\W\d_])\.$")
"""A single letter and its dot: of "5 p.m.", "J. R. Smith", "z. B."."""

INITIAL: Final = re.compile(r"(?:[A-Z][a-z]+|\b[A-Z]\.)\s[A-Z]\.$")
NEXT_LETTER: Final = re.compile(r"[^\W\d_]\.(?:\s|$)")
NUMBER: Final = re.compile(r"(?:^|\s)\d{1,2}\.$")
ALWAYS_SHORT: Final = re.compile(r"\b(?:bzw|ca|nr|inkl|evtl|ggf|sra|dra)\.$", re.IGNORECASE)
"""What German and Spanish abbreviate within a sentence."""

GERMAN_MONTH: Final = re.compile(
    r"(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b", re.IGNORECASE
)

LONGEST: Final = 20_000
"""Characters of a text that are looked at."""

BEFORE: Final = 40
"""Characters before a dot by which it is judged whether a sentence ends there."""

STRAIGHT: Final = str.maketrans("\u2019\u2018\u02bc\u201c\u201d\u201e", "'''\"\"\"")


def sentences(text: str) -> list[str]:
    """The text cut after each sentence and at each line's end, without what is empty."""
    return [text[start:end] for start, end in places(text)]


def places(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends."""
    text = text[:LONGEST]
    found = []
    start = 0
    for end in END.finditer(text):
        if "\n" in end.group() or not goes_on(text[start : end.start()], text[end.end() :][:BEFORE]):
            found.append(trimmed(text, start, end.start()))
            start = end.end()

    found.append(trimmed(text, start, len(text)))
    return [(start, end) for start, end in found if start < end]


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A place without the blanks at both ends of it."""
    cut = text[start:end]
    return start + len(cut) - len(cut.lstrip()), start + len(cut.rstrip())


def goes_on(before: str, after: str) -> bool:
    """Whether a dot before a blank ends no sentence: of "5 p.m. in town", "J. R. Smith", "am 3. Mai", "1. the first"."""
    before = before[-BEFORE:]
    if not before.endswith("."):
        return False
    if ALWAYS_SHORT.search(before):
        return True
    if NUMBER.search(before):
        return len(before.split()) == 1 or GERMAN_MONTH.match(after) is not None

    letter = LETTER.search(before)
    if letter is None or letter[1] == "I":
        return False
    if after[:1].islower() or NEXT_LETTER.match(after) is not None:
        return True
    return letter[1].isupper() and after[:1].isupper() and INITIAL.search(before) is not None


def straight(text: str) -> str:
    """The text with plain apostrophes and quotation marks in place of those that phones and word processors write.

    Each stands in its place, so that what is found in one is found there in the other.
    """
    return text.translate(STRAIGHT)


def undotted(text: str) -> str:
    """The text without the dots that end no sentence."""
    return INNER_DOT.sub(lambda found: (found[1] or "").replace(".", ""), text)
