"""Packed: many vectors laid out for being held against a few. Knows arrays of bytes, nothing else.

A product of a few vectors with many is up to five times as fast when the many are packed as when the few are (10,000 of 128
bytes by one vector: 0.19 and 0.04 ms; by five: 0.46 and 0.18). Packing takes as long as a product by five, so that it is worth
its time for what is asked of again and again; of what changes only the block is packed anew in which it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numkong
import numpy as np
from numpy.typing import NDArray

__all__ = ["Packed", "filled_up"]

BLOCK = 4096
"""Vectors of a block: 0.07 ms to pack."""

EDGE = 16
"""A number of vectors that is no multiple of it takes twice as long."""


class Packed:
    """Copies of the vectors of an array that others own, block by block, each made when it is first needed."""

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[int, Any]] = {}
        """By place: of how many vectors, and these."""

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(block.nbytes for _, block in self._blocks.values())

    def drop(self, places: Iterable[int]) -> None:
        """Vectors at these places have changed. What stood there is not kept either."""
        for block in {place // BLOCK for place in places}:
            self._blocks.pop(block, None)

    def products(self, few: NDArray[np.int8], vectors: NDArray[np.int8]) -> Iterator[tuple[int, NDArray[np.int32]]]:
        """Each block's first place, and `[len(few), block]`: the products with all of its vectors, in whole numbers.

        Args:
            few: `[n, dimensions]`.
            vectors: `[many, dimensions]`, the whole array; it may have grown at its end.
        """
        for number, begin in enumerate(range(0, len(vectors), BLOCK)):
            some = vectors[begin : begin + BLOCK]
            count, block = self._blocks.get(number, (0, None))
            if count != len(some):
                block = numkong.dots_pack(filled_up(some, EDGE))
                self._blocks[number] = len(some), block
            yield begin, np.asarray(numkong.dots_packed(few, block))[:, : len(some)]


def filled_up(vectors: NDArray[np.int8], edge: int) -> NDArray[np.int8]:
    """With vectors of zeros at its end, up to a multiple of `edge`."""
    missing = -len(vectors) % edge
    return vectors if not missing else np.concatenate((vectors, np.zeros((missing, vectors.shape[1]), np.int8)))
