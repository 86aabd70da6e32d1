"""Features: a text as a sparse vector of hashed words, word pairs, character n-grams, marks of its form, and rules that match.

Knows no actor and no model. Training (training/intent/train.py) and the running classifier must make the same features of a
text, so both call this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from actors.thinking.signs import RULES

__all__ = ["BUCKETS", "buckets_of_words", "features_of"]

BUCKETS: Final = 1 << 17
"""So many that words which were not seen in training seldom share a bucket with one that was."""
LONGEST: Final = 600
"""Characters that are looked at of either end. What people want stands at one of the ends of what they paste."""

SHORTEST, LONGEST_GRAM = 3, 5
WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[?!]")
TAG_QUESTION: Final = re.compile(
    r"\b(?:isn't|aren't|wasn't|weren't|don't|doesn't|didn't|haven't|hasn't|won't|wouldn't|shouldn't|can't|couldn't|am|is|was|did|do|does)"
    r" (?:i|it|you|he|she|they|that|there)\s*\?|\b(?:right|yes|no|yeah|innit|correct)\s*\?"
)
SENTENCE: Final = re.compile(
    r"(?<=[.!?;])\s+|,? and (?:also |then )?(?=i\b|i'm|can\b|could|what|when|how|please|tell|compose|write)"
    r"|, (?=please|i'm|i feel|but |so how|which|who)"
)
"""Where sentences, or halves of them that want something of their own, are parted."""

LONGEST_SENTENCE: Final = 500
"""Characters of a sentence that rules look at: some take time quadratic in it. With it the worst text that was tried
("write " over and over) took 2 ms, without it 63 ms."""

ASKS: Final = frozenset(["who", "what", "when", "where", "which", "why", "how", "whose", "whom"])
HELPERS: Final = frozenset(("is", "are", "was", "were", "do", "does", "did", "can", "could", "would", "should", "will")) | {
    *("may", "might", "am", "have", "has", "had"),
}
NUMBER: Final = re.compile(r"\d+")
ENDS: Final = re.compile(r"[.!?]+(?:\s|$)")


def normal(text: str) -> str:
    """The ends of a text in lower case, with one kind of apostrophe, single spaces, and numbers as 0."""
    if len(text) > 2 * LONGEST:
        text = f"{text[:LONGEST]} {text[-LONGEST:]}"
    return " ".join(NUMBER.sub("0", text.lower().replace("\u2019", "'")).split())


def features_of(text: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Buckets `[n] int32` and weights `[n] float32`, each kind of feature of length one."""
    seen = normal(text)
    places: list[NDArray[np.int32]] = []
    values: list[NDArray[np.float32]] = []
    for kind, weight in ((words_in(seen), 1.0), (grams_in(seen), 0.8), (marks_of(seen), 0.6), (rules_in(seen), 1.0)):
        found = np.unique(np.fromiter((bucket(name) for name in kind), dtype=np.int32))
        places.append(found)
        values.append(np.full(len(found), weight / max(len(found), 1) ** 0.5, dtype=np.float32))
    return np.concatenate(places), np.concatenate(values)


def buckets_of_words(text: str) -> NDArray[np.int32]:
    """The buckets of a text's words alone `[n] int32`, to tell how much of it is known."""
    return np.fromiter((bucket(f"w {word}") for word in WORD.findall(normal(text)) if word not in "?!"), dtype=np.int32)


def bucket(name: str) -> int:
    """The bucket of a feature."""
    return crc32(name.encode("utf-8", "replace")) % BUCKETS


def words_in(text: str) -> Iterator[str]:
    """Words and pairs of them."""
    before = "^"
    for word in WORD.findall(text):
        yield f"w {word}"
        yield f"b {before} {word}"
        before = word
    yield f"b {before} $"


def grams_in(text: str) -> Iterator[str]:
    """Pieces of words: what spelling, endings and slang have in common."""
    for word in WORD.findall(text):
        padded = f"<{word}>"
        for size in range(SHORTEST, LONGEST_GRAM + 1):
            for at in range(len(padded) - size + 1):
                yield f"c {padded[at : at + size]}"


def rules_in(text: str) -> Iterator[str]:
    """Which of signs.py's rules match one of its sentences. Training gives each its weight."""
    for sentence in SENTENCE.split(text):
        for number, (intent, _, pattern) in enumerate(RULES):
            if pattern.search(sentence[:LONGEST_SENTENCE]):
                yield f"r {number}"
                yield f"r {intent}"


def marks_of(text: str) -> Iterator[str]:
    """What the form says: questions, who is spoken of, how long it is."""
    words = WORD.findall(text)
    first = words[0] if words else ""
    spoken = set(words)
    yield f"m length {min(len(words) // 4, 8)}"
    yield f"m first {first}"
    if "?" in text:
        yield "m asks"
        yield "m asks by word" if spoken & ASKS else "m asks without word"
    if text.endswith("?"):
        yield "m ends asking"
    if "!" in text:
        yield "m exclaims"
    if first in ASKS:
        yield "m begins asking"
    if first in HELPERS:
        yield "m begins with helper"
    if TAG_QUESTION.search(text):
        yield "m tag question"
    if spoken & {"i", "i'm", "i've", "i'd", "my", "me", "im"}:
        yield "m of me"
    if spoken & {"you", "you're", "your", "you've", "ur", "u"}:
        yield "m of you"
    if spoken & {"we", "our", "us", "let's"}:
        yield "m of us"
    yield f"m sentences {min(len(ENDS.findall(text)), 4)}"
