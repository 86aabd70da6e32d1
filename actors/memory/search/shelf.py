"""A shelf: one namespace's records as arrays, for searching all of them at once. Read from the database, never written to it.

Records are appended; one that changed is appended anew and its old row struck out, so that what a talk adds costs what it adds.
Lives in the reader's thread. Knows no query and no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.messages import Kind
from actors.memory.search.traits import traits_of
from actors.memory.search.words import Words, stems_of

__all__ = ["KINDS", "Column", "Shelf"]

KINDS: tuple[str, ...] = get_args(Kind)
PLACES = 2048

RECORD = (
    "SELECT m.number, coalesce(m.session, -1), coalesce(m.speaker, ''), m.time, m.importance, m.kind, m.valid_from, "
    "coalesce(m.valid_to, 1 << 62), m.chain IS NOT NULL, m.text FROM memory m WHERE m.withheld = 0"
)

STRUCK = 0.25
"""Of rows struck out: beyond it a shelf is read anew."""


class Column:
    """An array that grows at its end."""

    def __init__(self, dtype: Any, width: int = 0) -> None:
        self._shape = (width,) if width else ()
        self._room: NDArray[Any] = np.empty((16, *self._shape), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> NDArray[Any]:
        """What it holds; valid until it grows."""
        return self._room[: self._length]

    @property
    def nbytes(self) -> int:
        """Of the room that it takes."""
        return self._room.nbytes

    def extend(self, values: Any) -> None:
        """Add values at the end."""
        values = np.asarray(values, self._room.dtype).reshape(-1, *self._shape)
        length = self._length + len(values)
        if length > len(self._room):
            room = np.empty((max(length, len(self._room) * 3 // 2), *self._shape), self._room.dtype)
            room[: self._length] = self._room[: self._length]
            self._room = room
        self._room[self._length : length] = values
        self._length = length


class Shelf:
    """One namespace's records.

    Args:
        namespace: its number.
        side: the last bit of the places of the vectors that are used; None where there are none.
        every: which of its records: those whose number this divides. 1 for all; more makes a sample, the same each time.
    """

    def __init__(self, namespace: int, side: int | None, every: int = 1) -> None:
        self.namespace = namespace
        self.side = side
        self.every = every
        self.names: list[str] = []
        self._place_of_name: dict[str, int] = {}
        self.numbers = Column(np.int64)
        self.sessions = Column(np.int64)
        self.speakers = Column(np.int64)
        self.times = Column(np.int64)
        self.importances = Column(np.float64)
        self.kinds = Column(np.int64)
        self.begins = Column(np.int64)
        self.ends = Column(np.int64)
        self.placed = Column(np.bool_)
        self.alive = Column(np.bool_)
        self.traits = Column(np.int64)
        self.words = Words()
        self.passages = Column(np.int64)
        """Which row each passage belongs to, rising."""

        self.starts = Column(np.int64)
        """Where each passage's vectors begin."""

        self.spans = Column(np.int64, 2)
        """From which character to which each passage goes."""

        self.tokens = Column(np.uint16)
        self.vectors: Column | None = None
        """`[n, dimensions] int8`; made with the first."""

        self.frequencies: NDArray[np.int64] = np.zeros(1 << 16, np.int64)
        """How many records have each token."""

        self.records = 0
        """Rows alive that have vectors."""

        self._row_of: dict[int, int] = {}
        self._struck = 0
        self._neighbours: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        vectors = 0 if self.vectors is None else self.vectors.nbytes
        return vectors + 260 * len(self) + self.words.nbytes + self.frequencies.nbytes + self.tokens.nbytes

    @property
    def worn(self) -> bool:
        """Whether so many rows are struck out that it is better read anew."""
        return self._struck > 64 and self._struck > STRUCK * len(self)

    def load(self, connection: apsw.Connection) -> None:
        """Read all of it."""
        values = (self.namespace, self.every)
        rows: Any = connection.execute(
            f"{RECORD} AND m.namespace = ? AND m.number % ? = 0 ORDER BY m.number", values
        ).fetchall()
        self._add(connection, rows)
        if self.side is not None:
            rows = connection.execute(
                "SELECT v.place, v.start, v.stop, v.tokens, v.vectors FROM memory m "
                "CROSS JOIN vectors v ON v.place BETWEEN m.number * 2048 AND m.number * 2048 + 2047 "
                "WHERE m.namespace = ? AND m.number % ? = 0 AND m.withheld = 0 ORDER BY m.number, v.place",
                values,
            ).fetchall()
            self._add_vectors(rows)

    def refresh(self, connection: apsw.Connection, numbers: Sequence[int]) -> None:
        """Read some records again: they came, changed, went, or got vectors."""
        numbers = sorted({number for number in numbers if number % self.every == 0})
        struck = {number: row for number in numbers if (row := self._strike(number)) is not None}
        found: list[Any] = []
        vectors: list[Any] = []
        for number in numbers:
            row = connection.execute(f"{RECORD} AND m.number = ? AND m.namespace = ?", (number, self.namespace)).fetchone()
            if row is None:
                continue
            found.append(row)
            if self.side is not None:
                vectors += connection.execute(
                    "SELECT place, start, stop, tokens, vectors FROM vectors "
                    "WHERE place BETWEEN ?1 * 2048 AND ?1 * 2048 + 2047 ORDER BY place",
                    (number,),
                ).fetchall()
        self._add(connection, found)
        for number in struck.keys() - self._row_of.keys():
            self.words.drop(struck[number])
        self._add_vectors(vectors)

    def has(self, number: int) -> bool:
        """Whether the record is here."""
        return number in self._row_of

    def rows(self, numbers: Sequence[int]) -> NDArray[np.int64]:
        """The row of each record; -1 for what is not here."""
        return np.fromiter((self._row_of.get(number, -1) for number in numbers), np.int64, len(numbers))

    def neighbours(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each row that of the turn before it in its talk, and of the one after; -1 for none."""
        if self._neighbours is None:
            rows = np.flatnonzero(self.alive.values & self.placed.values & (self.sessions.values >= 0))
            sessions = self.sessions.values[rows]
            rows = rows[np.lexsort((self.numbers.values[rows], sessions))]
            sessions = self.sessions.values[rows]
            joined = sessions[1:] == sessions[:-1]
            previous = np.full(len(self), -1)
            following = np.full(len(self), -1)
            previous[rows[1:][joined]] = rows[:-1][joined]
            following[rows[:-1][joined]] = rows[1:][joined]
            self._neighbours = previous, following
        return self._neighbours

    def _strike(self, number: int) -> int | None:
        """The row that it had."""
        row = self._row_of.pop(number, None)
        if row is None:
            return None
        self.alive.values[row] = False
        self._struck += 1
        self._neighbours = None
        first, last = np.searchsorted(self.passages.values, (row, row + 1))
        if first < last:
            self.records -= 1
            begin, end = self._extent(first, last)
            self.frequencies[np.unique(self.tokens.values[begin:end])] -= 1
        return row

    def _extent(self, first: int, last: int) -> tuple[int, int]:
        starts = self.starts.values
        return int(starts[first]), int(starts[last]) if last < len(starts) else len(self.tokens)

    def _add(self, connection: apsw.Connection, records: Sequence[Any]) -> None:
        if not records:
            return
        numbers, sessions, speakers, times, importances, kinds, begins, ends, placed, texts = zip(*records, strict=True)
        base = len(self)
        self._row_of.update((number, base + place) for place, number in enumerate(numbers))
        self.numbers.extend(numbers)
        self.sessions.extend(sessions)
        self.speakers.extend([self._place(name) for name in speakers])
        self.times.extend(times)
        self.importances.extend(importances)
        self.kinds.extend([KINDS.index(kind) for kind in kinds])
        self.begins.extend(begins)
        self.ends.extend(ends)
        self.placed.extend(placed)
        self.alive.extend(np.ones(len(numbers), bool))
        self.traits.extend([traits_of(text) for text in texts])
        self._neighbours = None
        if self.every > 1:
            return
        # As the full-text index has them: with the speaker's name.
        said = [f"{speaker}: {text}" if speaker else text for speaker, text in zip(speakers, texts, strict=True)]
        self.words.extend(base, stems_of(connection, said))

    def _place(self, name: str) -> int:
        if not name:
            return -1
        place = self._place_of_name.get(name)
        if place is None:
            place = self._place_of_name[name] = len(self.names)
            self.names.append(name)
        return place

    def _add_vectors(self, rows: Sequence[Any]) -> None:
        """Add passages of records that were added just before, in the order of these."""
        rows = [row for row in rows if row[0] & 1 == self.side and row[0] // PLACES in self._row_of and row[4]]
        if not rows:
            return
        places, starts, stops, tokens, vectors = zip(*rows, strict=True)
        records = np.array([self._row_of[place // PLACES] for place in places])
        counts = np.array([len(one) // 2 or 1 for one in tokens])
        if self.vectors is None:
            self.vectors = Column(np.int8, len(vectors[0]) // int(counts[0]))
        # A vector without a token (an endpoint's) is given token 0, which no text has.
        flat = np.frombuffer(b"".join(one or b"\0\0" for one in tokens), np.uint16)
        base = len(self.tokens)
        self.starts.extend(base + np.cumsum(counts) - counts)
        self.passages.extend(records)
        self.spans.extend(np.stack((starts, stops), axis=1))
        self.tokens.extend(flat)
        self.vectors.extend(np.frombuffer(b"".join(vectors), np.int8))
        pairs = np.unique(np.repeat(records, counts) << 16 | flat)
        self.frequencies += np.bincount(pairs & 0xFFFF, minlength=1 << 16)
        self.records += len(np.unique(records))
