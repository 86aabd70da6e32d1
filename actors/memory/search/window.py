"""Windows: the turns beside a turn help to match a query, word by word.

A question names the thing and its answer says "it": for each word of the query a turn may count its own match or, somewhat
less, that of a turn beside it, whichever is better. Sums over words come after that, so that a window is as good as a turn
that has all of the words, and no better than that. Knows arrays, no database.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["MEANING", "WORDS", "around", "beside", "turns_beside"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)

MEANING = {-1: 0.8, -2: 0.7}
"""How much of a match by meaning counts for the turn after it, and for the one after that. Found by trial (0.7 and 0.5 do as
well); the turn that follows adds nothing, since vectors were read with the turns before only."""

WORDS = {-1: 0.7, -2: 0.5, 1: 0.4, 2: 0.2}
"""The same for matches of words. Without these, about half of what windows add to R@1 is lost."""


def turns_beside(previous: Integers, following: Integers) -> dict[int, Integers]:
    """For each row the rows up to two turns away, by how many; below 0 before. -1 where there is none.

    Args:
        previous: the row before each in its talk; -1 for none.
        following: the row after.
    """
    return {-1: previous, -2: beside(previous, previous, -1), 1: following, 2: beside(following, following, -1)}


def around(matches: Floats, turns: dict[int, Integers], reach: dict[int, float]) -> Floats:
    """`[rows, words]`: the best match of each word in each row's window.

    Args:
        matches: `[rows, words]`, each row's own.
        turns: see `turns_beside`.
        reach: how much a match counts, by how many turns away it is; below 0 before.
    """
    best = matches
    known = with_missing(matches, 0)
    for distance, share in reach.items():
        best = np.maximum(best, share * known[turns[distance]])
    return best


def with_missing(values: NDArray[Scalar], missing: float) -> NDArray[Scalar]:
    """With one row more at its end: where there is no row, -1 leads to it."""
    more = np.full((1, *values.shape[1:]), missing, values.dtype)
    return np.concatenate((values, more))


def beside(values: NDArray[Scalar], rows: Integers, missing: float) -> NDArray[Scalar]:
    """The value at each row, `missing` where there is no row."""
    return with_missing(values, missing)[rows]
