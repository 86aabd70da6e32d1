"""Likeness of texts by their words: which of several answers has most in common with the others. Knows no actor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["most_like_the_others"]

WORD: Final = re.compile(r"\w+")


def most_like_the_others(texts: Sequence[str]) -> int:
    """The place of the text that shares most with the others (Jaccard over words); the first among equals.

    What several candidates agree on is more often right than what one of them says alone (self-consistency, Wang et al. 2022).
    """
    words = [frozenset(WORD.findall(text.lower())) for text in texts]
    return max(range(len(texts)), key=lambda n: (sum(alike(words[n], other) for m, other in enumerate(words) if m != n), -n))


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard's index."""
    return len(one & other) / (len(one | other) or 1)
