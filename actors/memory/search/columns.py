"""Columns: arrays that grow at their end, and what is done with places in them. Knows nothing of records."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Column", "once", "places_of"]


class Column:
    """An array that grows at its end.

    Args:
        dtype: of its values.
        width: of a row; 0 where a value is one number.
        room: rows that are expected. What is not used of it takes no memory.
    """

    def __init__(self, dtype: Any, width: int = 0, room: int = 16) -> None:
        self._shape = (width,) if width else ()
        self._room: NDArray[Any] = np.empty((room, *self._shape), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> NDArray[Any]:
        """What it holds; valid until it grows."""
        return self._room[: self._length]

    @property
    def nbytes(self) -> int:
        """Of what it holds: room that was never written to takes no memory."""
        return self.values.nbytes

    def extend(self, values: Any) -> None:
        """Add values at the end."""
        values = np.asarray(values, self._room.dtype).reshape(-1, *self._shape)
        length = self._length + len(values)
        if length > len(self._room):
            room = np.empty((max(length, len(self._room) * 5 // 4), *self._shape), self._room.dtype)
            room[: self._length] = self._room[: self._length]
            self._room = room
        self._room[self._length : length] = values
        self._length = length


def places_of(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of runs one after another: `start`, `start + 1`, … for each, `count` of them."""
    ends = np.cumsum(counts)
    places: NDArray[np.int64] = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)
    return places


def once(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each of the values once, rising. numpy's own takes three times as long for some hundred."""
    risen = np.sort(values)
    different = np.ones(len(risen), bool)
    np.not_equal(risen[1:], risen[:-1], out=different[1:])
    return risen[different]
