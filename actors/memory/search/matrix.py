"""Token vectors of a namespace's records, one after another: of all of them, or of a sample. Knows a shelf's rows, no query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.vectors import PLACES
from actors.memory.search.columns import Column, places_of
from actors.memory.search.packed import Packed
from actors.memory.search.shelf import Shelf

__all__ = ["Matrix", "Passages", "passages_in_tables"]

Integers = NDArray[np.int64]

AT_ONCE = 256
"""Records that are added together: 2 ms, for which nobody else in the process gets the interpreter."""

STRUCK = 0.25
"""The share of vectors that belong to records which have changed since. Beyond it all are read anew."""

OF_RECORDS = """SELECT v.place, v.start, v.stop, v.tokens, v.vectors FROM memory m
    CROSS JOIN vectors v ON v.place BETWEEN m.number * 2048 AND m.number * 2048 + 2047
    WHERE m.namespace = ? AND m.number > ? AND m.number <= ? AND m.number % ? = 0 AND v.place & 1 = ? AND v.vectors <> x''
    ORDER BY m.number, v.place"""
OF_SHORT = """SELECT v.place, v.start, v.stop, v.vectors
    FROM json_each(?) j CROSS JOIN vectors v ON v.place = j.value * 2048 + ? WHERE v.vectors <> x''"""
"""For texts of one passage. To look whether there is another passage may take reading one more page of the file for each."""

OF_LONG = """SELECT v.place, v.start, v.stop, v.vectors
    FROM json_each(?) j CROSS JOIN vectors v ON v.place BETWEEN j.value * 2048 AND j.value * 2048 + 2047
    WHERE v.place & 1 = ? AND v.vectors <> x''"""
OF_ONE = """SELECT place, start, stop, tokens, vectors FROM vectors
    WHERE place BETWEEN ?1 * 2048 AND ?1 * 2048 + 2047 AND place & 1 = ?2 AND vectors <> x'' ORDER BY place"""


@dataclass(frozen=True, slots=True)
class Passages:
    """Passages to be held against a question, those of a record one after another."""

    rows: Integers
    """Row of each one's record, rising."""

    spans: Integers
    """`[n, 2]`: from which character to which it goes."""

    starts: Integers
    """Where its vectors begin."""

    vectors: NDArray[np.int8]
    """`[vectors, dimensions]`."""

    packed: Packed | None = None
    """What has these vectors too, laid out for asking of all of them."""


class Matrix:
    """Vectors that are held.

    Args:
        shelf: whose records'.
        every: of those whose number this divides. 1 for all; more makes a sample, the same each time.
    """

    def __init__(self, shelf: Shelf, every: int) -> None:
        self.every = every
        self.vectors: Column | None = None
        self.frequencies: Integers = np.zeros(1 << 16, np.int64)
        """How many records have each token."""

        self.records = 0
        """How many have vectors."""

        self._packed = Packed()
        self._shelf = shelf
        self._rows = Column(np.int64)
        self._starts = Column(np.int64)
        self._lengths = Column(np.int64)
        self._spans = Column(np.int64, 2)
        self._tokens = Column(np.uint16)
        self._first = Column(np.int32)
        """For each row of the shelf, the place of its first passage."""

        self._count = Column(np.int32)
        """How many it has."""

        self._struck = 0
        self._rising = True
        self._expected = 16
        """Vectors that there will be."""

    def make_room_like(self, sample: Matrix) -> None:
        """Expect as many vectors as a sample tells of: to move what is there whenever there is more takes 0.1 s at last."""
        self._expected = len(sample._tokens) * sample.every * 9 // 8

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        vectors = 0 if self.vectors is None else self.vectors.nbytes
        return vectors + self._packed.nbytes + self._tokens.nbytes + 48 * len(self._rows) + self.frequencies.nbytes

    @property
    def worn(self) -> bool:
        """Whether so much of it is of no use any more that it is better read anew."""
        return self._struck > 1024 and self._struck > STRUCK * len(self._tokens)

    def read(self, connection: apsw.Connection, after: int, through: int) -> None:
        """Read the vectors of records numbered above `after`, up to `through`."""
        shelf = self._shelf
        found = connection.execute(OF_RECORDS, (shelf.namespace, after, through, self.every, shelf.side))
        # A record's passages are to come together.
        for _, some in groupby(found, lambda passage: passage[0] // (PLACES * AT_ONCE * self.every)):
            self._add([*some])

    def refresh(self, connection: apsw.Connection, numbers: Sequence[int]) -> None:
        """Read those of some records again: they changed, or went."""
        wanted = [number for number in numbers if number % self.every == 0]
        for row in self._shelf.rows(wanted).tolist():
            self._strike(row)
        found: list[Any] = []
        for number in wanted:
            found += connection.execute(OF_ONE, (number, self._shelf.side))
        self._add(found)

    def all(self) -> Passages:
        """Every passage of it."""
        if not (self._rising and not self._struck):
            return self.of(np.flatnonzero(self._count.values))
        return Passages(self._rows.values, self._spans.values, self._starts.values, self._vectors(), self._packed)

    def of(self, rows: Integers) -> Passages:
        """The passages of some records, given as rows in rising order; of a matrix that holds all."""
        rows = rows[: rows.searchsorted(len(self._count))]
        counts = self._count.values[rows].astype(np.int64)
        passages = self._first.values[rows].astype(np.int64)
        # Nearly every text is one passage: mostly there is nothing to repeat.
        if (counts != 1).any():
            rows, passages = np.repeat(rows, counts), places_of(passages, counts)
        starts = self._starts.values[passages]
        lengths = self._lengths.values[passages]
        vectors = np.take(self._vectors(), places_of(starts, lengths), axis=0)
        return Passages(rows, self._spans.values[passages], np.cumsum(lengths) - lengths, vectors)

    def _vectors(self) -> NDArray[np.int8]:
        return np.empty((0, 1), np.int8) if self.vectors is None else self.vectors.values

    def _strike(self, row: int) -> None:
        if not 0 <= row < len(self._count) or not self._count.values[row]:
            return
        first = int(self._first.values[row])
        last = first + int(self._count.values[row]) - 1
        begin, end = int(self._starts.values[first]), int(self._starts.values[last] + self._lengths.values[last])
        self._count.values[row] = 0
        self.records -= 1
        self.frequencies[np.unique(self._tokens.values[begin:end])] -= 1
        # Nothing of what was forgotten stays.
        self._vectors()[begin:end] = 0
        self._packed.drop(range(begin, end))
        self._tokens.values[begin:end] = 0
        self._struck += end - begin

    def _add(self, found: Sequence[Any]) -> None:
        if not found:
            return
        places, starts, stops, tokens, vectors = zip(*found, strict=True)
        rows = self._shelf.rows(np.array(places, np.int64) // PLACES)
        here = rows >= 0
        if not here.all():
            self._add([one for one, wanted in zip(found, here.tolist(), strict=True) if wanted])
            return
        # A vector without a token (an endpoint's) is given token 0, which no text has.
        counts = np.array([len(one) // 2 or 1 for one in tokens])
        flat = np.frombuffer(b"".join(one or b"\0\0" for one in tokens), np.uint16)
        if self.vectors is None:
            self.vectors = Column(np.int8, len(vectors[0]) // int(counts[0]), self._expected)
        passage, base = len(self._rows), len(self._tokens)
        self._rising = self._rising and (not passage or bool(self._rows.values[-1] < rows[0]))
        self._rows.extend(rows)
        self._spans.extend(np.stack((starts, stops), axis=1))
        self._starts.extend(base + np.cumsum(counts) - counts)
        self._lengths.extend(counts)
        self._tokens.extend(flat)
        self.vectors.extend(np.frombuffer(b"".join(vectors), np.int8))
        owners, firsts, passages = np.unique(rows, return_index=True, return_counts=True)
        for column in (self._first, self._count):
            column.extend(np.zeros(len(self._shelf) - len(column), np.int32))
        self._first.values[owners] = passage + firsts
        self._count.values[owners] = passages
        pairs = np.unique(np.repeat(rows, counts) << 16 | flat)
        self.frequencies += np.bincount(pairs & 0xFFFF, minlength=1 << 16)
        self.records += len(owners)


def passages_in_tables(connection: apsw.Connection, shelf: Shelf, rows: Integers, dimensions: int) -> Passages:
    """As `Matrix.of`, read from the database: of a namespace whose vectors are not held."""
    rows = rows[shelf.read.values[rows]]
    several = shelf.long.values[rows]
    found: list[Any] = []
    for statement, some in ((OF_SHORT, rows[~several]), (OF_LONG, rows[several])):
        if len(some):
            numbers = json.dumps(shelf.numbers.values[some].tolist())
            found += connection.execute(statement, (numbers, shelf.side))
    if len(several) and several.any():
        found.sort()
    if not found:
        none = np.empty(0, np.int64)
        return Passages(none, np.empty((0, 2), np.int64), none, np.empty((0, dimensions), np.int8))
    places, starts, stops, vectors = zip(*found, strict=True)
    counts = np.array([len(one) for one in vectors]) // dimensions
    return Passages(
        shelf.rows(np.array(places, np.int64) // PLACES),
        np.stack((starts, stops), axis=1),
        np.cumsum(counts) - counts,
        np.frombuffer(b"".join(vectors), np.int8).reshape(-1, dimensions),
    )
