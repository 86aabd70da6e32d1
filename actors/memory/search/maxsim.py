"""MaxSim: each word of a question looks for its best match among a passage's. Knows arrays of bytes, nothing else.

Products of bytes are added as whole numbers, exactly, in whatever order the processor likes: the same question gets the same
answer to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numkong
import numpy as np
from numpy.typing import NDArray

__all__ = ["Asked", "asked", "best_matches", "nearness", "weighted"]

SCALE = 127.0 * 127.0

ROWS = 65_536
"""Vectors taken at once, about: 4 MB of products with 16 words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's vectors and how much each counts."""

    vectors: NDArray[np.int8]
    """`[n, dimensions]`."""

    weights: NDArray[np.float64]
    """`[n]`, adding up to 1."""

    @property
    def gist(self) -> NDArray[np.int8]:
        """`[dimensions]`: its vectors' mean as it is held against gists of records; only its direction means anything."""
        mean = self.weights @ self.vectors
        gist: NDArray[np.int8] = np.rint(mean * (127 / max(float(np.abs(mean).max()), 1e-9))).astype(np.int8)
        return gist


def asked(vectors: NDArray[np.int8], frequencies: NDArray[np.int64], records: int) -> Asked:
    """A question, its words weighted by the root of their idf (found by trial: idf itself overrates rare words).

    Args:
        vectors: `[n, dimensions]`.
        frequencies: `[n]`, how many records have each word.
        records: how many there are.
    """
    weights = np.sqrt(np.log1p((records - frequencies + 0.5) / (frequencies + 0.5)))
    return Asked(np.ascontiguousarray(vectors), weights / weights.sum())


def best_matches(vectors: NDArray[np.int8], starts: NDArray[np.int64], question: Asked) -> NDArray[np.int32]:
    """`[passages, n]`: each passage's best match for each of the question's words, in whole numbers.

    Args:
        vectors: `[n, dimensions]`, of all passages one after another.
        starts: `[passages]`, where each begins; none is empty.
        question: what is asked.
    """
    packed = numkong.dots_pack(question.vectors)
    matches = np.empty((len(starts), len(question.weights)), np.int32)
    first = 0
    while first < len(starts):
        begin = starts[first]
        last = max(first + 1, int(np.searchsorted(starts, begin + ROWS)))
        end = starts[last] if last < len(starts) else len(vectors)
        similar = np.asarray(numkong.dots_packed(vectors[begin:end], packed))
        np.maximum.reduceat(similar, starts[first:last] - begin, axis=0, out=matches[first:last])
        first = last
    return matches


def nearness(gists: NDArray[np.int8], gist: NDArray[np.int8]) -> NDArray[np.float64]:
    """How near each of the gists is to one, in whole numbers. A product with one vector is half as long so as with many.

    Args:
        gists: `[n, dimensions]`.
        gist: `[dimensions]`.
    """
    if not len(gists):
        return np.empty(0)
    return np.asarray(numkong.dot(gists, gist))


def weighted(matches: NDArray[np.float64] | NDArray[np.int32], question: Asked) -> NDArray[np.float64]:
    """The score of each row of matches, about -1 to 1."""
    scores: NDArray[np.float64] = (matches.astype(np.float64) * question.weights).sum(1) / SCALE
    return scores
