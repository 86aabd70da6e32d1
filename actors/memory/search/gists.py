"""Gists: a vector for each record of a large namespace, to find by meaning those that are worth measuring.

A tenth of a shelf's size or less. Read from the database, never written to it. Lives in the reader's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.search.shelf import Column

__all__ = ["Gists"]

ROWS = 8192
"""Taken at once, so that they stay in the cache as float32."""


class Gists:
    """One namespace's gists.

    Args:
        namespace: its number.
        side: the last bit of the places of the vectors that are used.
    """

    def __init__(self, namespace: int, side: int) -> None:
        self.namespace = namespace
        self.side = side
        self._numbers = Column(np.int64)
        self._vectors: Column | None = None
        self._row_of: dict[int, int] = {}
        self._struck = 0

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return self._numbers.nbytes + 100 * len(self._row_of) + (0 if self._vectors is None else self._vectors.nbytes)

    @property
    def worn(self) -> bool:
        """Whether so many rows are struck out that it is better read anew."""
        return self._struck > 1024 and self._struck > len(self._numbers) // 4

    def has(self, number: int) -> bool:
        """Whether the record is here."""
        return number in self._row_of

    def load(self, connection: apsw.Connection) -> None:
        """Read all of it."""
        rows: Any = connection.execute(
            "SELECT m.number, g.vector FROM memory m CROSS JOIN gist g ON g.place = m.number * 2 + ? "
            "WHERE m.namespace = ? AND m.withheld = 0 AND g.vector <> x'' ORDER BY m.number",
            (self.side, self.namespace),
        )
        self._add(rows.fetchall())

    def refresh(self, connection: apsw.Connection, numbers: Sequence[int]) -> None:
        """Read some records again: they came, changed, went, or got vectors."""
        found: list[Any] = []
        for number in sorted(set(numbers)):
            row = self._row_of.pop(number, None)
            if row is not None:
                self._numbers.values[row] = -1
                self._struck += 1
            found += connection.execute(
                "SELECT m.number, g.vector FROM memory m CROSS JOIN gist g ON g.place = m.number * 2 + ? "
                "WHERE m.number = ? AND m.namespace = ? AND m.withheld = 0 AND g.vector <> x''",
                (self.side, number, self.namespace),
            ).fetchall()
        self._add(found)

    def nearest(self, question: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Numbers of the records whose gists are nearest, best first, equals in the order of their numbers.

        Args:
            question: `[dimensions]`, whole numbers below 2^15: their products are then added exactly.
            count: how many.
        """
        if self._vectors is None or self._vectors.values.shape[1] != len(question):
            return np.empty(0, np.int64)
        vectors, numbers = self._vectors.values, self._numbers.values
        scores = np.empty(len(vectors), np.float32)
        for start in range(0, len(vectors), ROWS):
            scores[start : start + ROWS] = vectors[start : start + ROWS].astype(np.float32) @ question
        rows = np.flatnonzero(numbers >= 0)
        if len(rows) > count:
            least = np.partition(scores[rows], len(rows) - count)[len(rows) - count]
            rows = rows[scores[rows] >= least]
        order = np.lexsort((numbers[rows], -scores[rows]))
        nearest: NDArray[np.int64] = numbers[rows[order[:count]]]
        return nearest

    def _add(self, rows: Sequence[Any]) -> None:
        if not rows:
            return
        numbers, vectors = zip(*rows, strict=True)
        if self._vectors is None:
            self._vectors = Column(np.int8, len(vectors[0]))
        base = len(self._numbers)
        self._row_of.update((number, base + place) for place, number in enumerate(numbers))
        self._numbers.extend(numbers)
        self._vectors.extend(np.frombuffer(b"".join(vectors), np.int8))
