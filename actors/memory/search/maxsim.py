"""MaxSim: each word of a question looks for its best match among a passage's. Knows arrays of bytes, nothing else.

Sums of products of whole numbers below 2^24 are exact in float32, in whatever order and by however many threads they are added:
the same question gets the same answer to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Asked", "asked", "best_matches", "max_sim", "weighted"]

SCALE = 127.0 * 127.0

WIDTH = 8
"""Columns of a product: OpenBLAS takes 1.2 ms for `ROWS` by 7, and 0.33 ms for `ROWS` by 8."""

ROWS = 8192
"""Vectors taken at once: four MiB as float32, which stays in the cache."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's vectors and how much each counts."""

    vectors: NDArray[np.float32]
    """`[dimensions, n]`, whole numbers; columns of zeros follow up to a multiple of `WIDTH`."""

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
    columns = np.zeros((vectors.shape[1], -(-len(vectors) // WIDTH) * WIDTH), np.float32)
    columns[:, : len(vectors)] = vectors.T
    return Asked(columns, weights / weights.sum())


def best_matches(vectors: NDArray[np.int8], starts: NDArray[np.int64], question: Asked) -> NDArray[np.float32]:
    """`[passages, n]`: each passage's best match for each of the question's words, in whole numbers.

    Args:
        vectors: `[n, dimensions]`, of all passages one after another.
        starts: `[passages]`, where each begins; none is empty.
        question: what is asked.
    """
    words = len(question.weights)
    matches = np.empty((len(starts), words), np.float32)
    first = 0
    while first < len(starts):
        begin = starts[first]
        last = max(first + 1, int(np.searchsorted(starts, begin + ROWS)))
        end = starts[last] if last < len(starts) else len(vectors)
        similar = vectors[begin:end].astype(np.float32) @ question.vectors
        matches[first:last] = np.maximum.reduceat(similar, starts[first:last] - begin, axis=0)[:, :words]
        first = last
    return matches


def max_sim(vectors: NDArray[np.int8], starts: NDArray[np.int64], question: Asked) -> NDArray[np.float64]:
    """The score of each passage; arguments as `best_matches` has them."""
    return weighted(best_matches(vectors, starts, question), question)


def weighted(matches: NDArray[np.float32] | NDArray[np.float64], question: Asked) -> NDArray[np.float64]:
    """The score of each row of matches, about -1 to 1."""
    scores: NDArray[np.float64] = (matches.astype(np.float64) * question.weights).sum(1) / SCALE
    return scores
