"""MaxSim: each word of a question looks for its best match among a passage's. Knows arrays of bytes, nothing else.

Sums of products of whole numbers below 2^24 are exact in float32, in whatever order and by however many threads they are added:
the same question gets the same answer to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Asked", "asked", "max_sim"]

SCALE = 127.0 * 127.0

ROWS = 8192
"""Vectors taken at once: four MiB as float32, which stays in the cache."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's vectors and how much each counts."""

    vectors: NDArray[np.float32]
    """`[dimensions, n]`, whole numbers."""

    weights: NDArray[np.float64]
    """`[n]`, adding up to 1."""


def asked(vectors: NDArray[np.int8], frequencies: NDArray[np.int64], records: int) -> Asked:
    """A question, its words weighted by the root of their idf (found by trial: idf itself overrates rare words).

    Args:
        vectors: `[n, dimensions]`.
        frequencies: `[n]`, how many records have each word.
        records: how many there are.
    """
    weights = np.sqrt(np.log1p((records - frequencies + 0.5) / (frequencies + 0.5)))
    return Asked(np.ascontiguousarray(vectors.T.astype(np.float32)), weights / weights.sum())


def max_sim(vectors: NDArray[np.int8], starts: NDArray[np.int64], question: Asked) -> NDArray[np.float64]:
    """The score of each passage.

    Args:
        vectors: `[n, dimensions]`, of all passages one after another.
        starts: `[passages]`, where each begins; none is empty.
        question: what is asked.
    """
    scores = np.empty(len(starts))
    first = 0
    while first < len(starts):
        begin = starts[first]
        last = max(first + 1, int(np.searchsorted(starts, begin + ROWS)))
        end = starts[last] if last < len(starts) else len(vectors)
        similar = vectors[begin:end].astype(np.float32) @ question.vectors
        best = np.maximum.reduceat(similar, starts[first:last] - begin, axis=0)
        scores[first:last] = (best.astype(np.float64) * question.weights).sum(1) / SCALE
        first = last
    return scores
