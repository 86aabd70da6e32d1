"""MaxSim: each word of a question looks for its best match among a passage's. Knows arrays of bytes, nothing else.

Products of bytes are added as whole numbers, exactly, in whatever order the processor likes: the same question gets the same
answer to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numkong
import numpy as np
from numpy.typing import NDArray

from actors.memory.search.packed import Packed, filled_up

__all__ = ["Asked", "asked", "best_matches", "best_matches_packed", "nearness", "weighted"]

SCALE = 127.0 * 127.0

ROWS = 65_536
"""Vectors taken at once, about: 4 MB of products with 16 words."""

ABREAST = 4
"""Vectors of a question that are held against others at the same time: what is no multiple of it takes half as long again."""

LEAST = np.iinfo(np.int32).min
"""Less than any match."""


@dataclass(frozen=True)
class Asked:
    """A question's vectors and how much each counts."""

    vectors: NDArray[np.int8]
    """`[n, dimensions]`."""

    weights: NDArray[np.float64]
    """`[n]`, adding up to 1."""

    @cached_property
    def gist(self) -> NDArray[np.int8]:
        """`[dimensions]`: its vectors' mean as it is held against gists of records; only its direction means anything."""
        mean = self.weights @ self.vectors
        gist: NDArray[np.int8] = np.rint(mean * (127 / max(float(np.abs(mean).max()), 1e-9))).astype(np.int8)
        return gist

    @cached_property
    def packed(self) -> Any:
        """Its vectors laid out for being held against many, with zeros up to a multiple of `ABREAST`."""
        return numkong.dots_pack(filled_up(self.vectors, ABREAST))


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
    words = len(question.vectors)
    matches = np.empty((len(starts), words), np.int32)
    first = 0
    while first < len(starts):
        begin = starts[first]
        last = max(first + 1, int(starts.searchsorted(begin + ROWS)))
        end = starts[last] if last < len(starts) else len(vectors)
        similar = np.asarray(numkong.dots_packed(vectors[begin:end], question.packed))[:, :words]
        np.maximum.reduceat(similar, starts[first:last] - begin, axis=0, out=matches[first:last])
        first = last
    return matches


def best_matches_packed(
    packed: Packed, vectors: NDArray[np.int8], starts: NDArray[np.int64], question: Asked
) -> NDArray[np.int32]:
    """As `best_matches`, where `packed` has the vectors too."""
    matches = np.full((len(question.vectors), len(starts)), LEAST, np.int32)
    for begin, similar in packed.products(question.vectors, vectors):
        # A passage may have begun in the block before.
        first = int(starts.searchsorted(begin, "right")) - 1
        last = int(starts.searchsorted(begin + similar.shape[1]))
        here = matches[:, first:last]
        np.maximum(here, np.maximum.reduceat(similar, np.maximum(starts[first:last] - begin, 0), axis=1), out=here)
    return np.ascontiguousarray(matches.T)


def nearness(packed: Packed, gists: NDArray[np.int8], gist: NDArray[np.int8]) -> NDArray[np.int32]:
    """How near each of the gists is to one, in whole numbers.

    Args:
        packed: has the gists too.
        gists: `[n, dimensions]`.
        gist: `[dimensions]`.
    """
    near = np.empty(len(gists), np.int32)
    for begin, product in packed.products(gist[np.newaxis], gists):
        near[begin : begin + product.shape[1]] = product[0]
    return near


def weighted(matches: NDArray[np.float64] | NDArray[np.int32], question: Asked) -> NDArray[np.float64]:
    """The score of each row of matches, about -1 to 1."""
    scores: NDArray[np.float64] = (matches * question.weights).sum(1) / SCALE
    return scores
