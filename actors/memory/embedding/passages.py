"""Passages: pieces of a text that fit an encoder's window, and overlap. Knows text, no encoder and no database."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["CONTEXT", "Piece", "before", "pieces", "said"]

LONG = 900
"""Characters of a passage at most: about 200 of the 254 tokens that MiniLM reads in English, so that some context has room."""

OVERLAP = 150
"""About how many characters a passage shares with the next one: a sentence that the end of one cuts is whole in the other."""

CONTEXT = 240
"""Characters of what was said before that are read with a turn, from its end backwards."""

MOST = 1024
"""Passages of one text; the longest text has half as many."""

BREAK = re.compile(r"(?<=[.!?\u2026\u3002\uff01\uff1f])\s|\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """`text[start:stop]`."""

    start: int
    stop: int


def pieces(text: str) -> list[Piece]:
    """The text's passages, in order; one where it is short. They end where a sentence does, or a word, where that is near."""
    found: list[Piece] = []
    start = 0
    while len(text) - start > LONG and len(found) < MOST - 1:
        stop = start + _good_end(text[start : start + LONG])
        found.append(Piece(start, stop))
        start = max(start + 1, stop - OVERLAP + _word_begin(text[stop - OVERLAP : stop]))
    return [*found, Piece(start, len(text))]


def said(speaker: str | None, text: str) -> str:
    """As it is read: with the speaker's name, by which a question may ask."""
    return text if speaker is None else f"{speaker}: {text}"


def before(turns: list[str]) -> str:
    """What is read before a turn: the end of the turns before it, oldest first."""
    return " ".join(turns)[-CONTEXT:]


def _good_end(window: str) -> int:
    """Where a passage ends in its window: at the last sentence of its second half, else at the last word, else at its end."""
    half = len(window) // 2
    ends = [match.start() for match in BREAK.finditer(window, half)]
    if ends:
        return ends[-1]
    space = window.rfind(" ", half)
    return space if space > 0 else len(window)


def _word_begin(overlap: str) -> int:
    """Where the first whole word of an overlap begins."""
    space = overlap.find(" ")
    return space + 1 if space >= 0 else 0
