"""What is held in memory of the namespaces that were searched last, kept true to the database. Lives in the reader's thread."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import apsw

from actors.memory.embedding.vectors import VectorSet, active
from actors.memory.search.matrix import Matrix
from actors.memory.search.shelf import Shelf
from actors.memory.search.words import Words

__all__ = ["NamespaceArrays", "Shelves"]

SAMPLE = 256
"""Records of a sample at least; twice as many at most."""

RECORD_BYTES = 2600
"""About what a record of fifteen words takes, with its vectors."""

ROW_BYTES = 370
"""What a record takes whose vectors are not held."""

PIECE = 256
"""Records that are read ahead at once, of which the vectors are held: a few milliseconds, for which others wait."""

MOST_TOLD = 256
"""Batches that are noted while nobody recalls. Beyond so many, all is read anew when somebody does."""

MOST_CHANGES = 5_000
"""When more records than that have changed at once, all is read anew when it is next needed."""


@dataclass(slots=True)
class NamespaceArrays:
    """One namespace's arrays."""

    shelf: Shelf
    words: Words
    whole: bool
    """Whether every record is measured."""

    all: Matrix | None
    """The vectors of all records; None where there are none, too many to be held, or where they are still being read ahead."""

    sample: Matrix | None
    """The vectors of some records, for a namespace of which not every record is measured."""

    read_through: int
    """Up to this record, vectors were read. Those that changed later are told by number."""

    reading: Matrix | None = None
    """The vectors of all records while they are still being read ahead, before anybody has asked for them."""

    reached: int = 0
    """The number of the last record in `reading`."""

    @property
    def measure(self) -> Matrix | None:
        """The vectors from which it is judged how rare a word is, and how unusual a match."""
        return self.all if self.whole else self.sample

    @property
    def matrices(self) -> list[Matrix]:
        """All that there are."""
        return [matrix for matrix in (self.all, self.sample) if matrix is not None]

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        reading = 0 if self.reading is None else self.reading.nbytes
        return self.shelf.nbytes + self.words.nbytes + reading + sum(matrix.nbytes for matrix in self.matrices)


class Shelves:
    """The namespaces that were searched last.

    Args:
        most_records: of a namespace that has more, not all are measured.
        most_bytes: what all of them take together, about.
    """

    def __init__(self, most_records: int, most_bytes: int) -> None:
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._held: OrderedDict[int, NamespaceArrays] = OrderedDict()
        self._seen = 0
        self._embedded: deque[list[int] | None] = deque()
        self._telling = threading.Lock()
        self._in_use: VectorSet | None = None
        self.behind: int | None = None
        """The namespace that was searched last, if more of it may be held than is: reading ahead goes on with it. Looked at by
        any thread."""

    def embedded(self, numbers: list[int] | None) -> None:
        """Vectors of these records were made anew and committed; of None: another set came into use. From any thread.

        Of what is embedded for the first time nothing is told: how far the set has come says so.
        """
        with self._telling:
            if len(self._embedded) >= MOST_TOLD:
                self._embedded.clear()
                numbers = None
            self._embedded.append(numbers)

    def follow(self, connection: apsw.Connection) -> None:
        """Bring what is held up to this snapshot.

        Call it before anything else is read in a transaction: what was told before the snapshot was taken is in it.
        """
        with self._whole_or_nothing():
            self._follow(connection)

    def of(self, connection: apsw.Connection, namespace: int, records: int) -> NamespaceArrays:
        """What is held of a namespace, as of this snapshot.

        Args:
            connection: to read from, after `follow`.
            namespace: its number.
            records: how many it has.
        """
        with self._whole_or_nothing():
            return self._of(connection, namespace, records)

    def read_ahead(self, connection: apsw.Connection, namespace: int, records: int, piece: int = PIECE) -> bool:
        """Read a piece of what is to be held; whether there is more of it. What is held of others is not let go of for it."""
        with self._whole_or_nothing():
            self._follow(connection)
            if self.behind == namespace:
                self.behind = None
            if namespace not in self._held:
                each = RECORD_BYTES if self._may_be_held(records) else ROW_BYTES
                if each * records + self.nbytes > self._most_bytes:
                    return False
            held = self._begun(namespace)
            if held.shelf.append(connection, 4 * piece):
                return True
            held.whole = records <= self._most_records
            if self._in_use is not None and not self._read_matrices(connection, held, records, piece):
                return True
            held.shelf.neighbours()
            return False

    def let_go(self, _connection: apsw.Connection, namespace: int) -> None:
        """Hold nothing of a namespace any more: it is forgotten."""
        self._held.pop(namespace, None)
        if self.behind == namespace:
            self.behind = None

    @contextmanager
    def _whole_or_nothing(self) -> Iterator[None]:
        """What a failing disk has left half read is not held."""
        try:
            yield
        except BaseException:
            self._held.clear()
            raise

    def _follow(self, connection: apsw.Connection) -> None:
        with self._telling:
            told = [*self._embedded]
            self._embedded.clear()
        newest: Any = connection.execute("SELECT max(seq) FROM event WHERE change <> 'recalled'").fetchone()
        seen, self._seen = self._seen, newest[0] or 0
        in_use = active(connection)
        if not self._held or None in told or (in_use and in_use.number) != (self._in_use and self._in_use.number):
            self._held.clear()
            self._in_use = in_use
            return

        self._in_use = in_use
        changed = dict.fromkeys((number for numbers in told for number in numbers or ()), True)
        if self._seen > seen:
            changed = self._changed_since(connection, seen) | changed
        if len(changed) > MOST_CHANGES:
            self._held.clear()
        elif changed:
            self._refresh(connection, changed)

    def _of(self, connection: apsw.Connection, namespace: int, records: int) -> NamespaceArrays:
        through = 0 if self._in_use is None else self._in_use.reached
        held = self._begun(namespace)
        held.shelf.append(connection)
        if held.read_through < through:
            held.shelf.read_gists(connection, held.read_through, through)
            for matrix in held.matrices:
                matrix.read(connection, held.read_through, through)
            held.read_through = through
        held.whole = records <= self._most_records
        if self._in_use is not None:
            self._read_matrices(connection, held, records)
            self.behind = namespace if held.all is None and self._may_be_held(records) else None
        self._held.move_to_end(namespace)
        while len(self._held) > 1 and self.nbytes > self._most_bytes:
            self._held.popitem(last=False)
        return held

    @property
    def nbytes(self) -> int:
        """About how much memory all of it takes."""
        return sum(one.nbytes for one in self._held.values())

    def _begun(self, namespace: int) -> NamespaceArrays:
        """What is held of a namespace; nothing of it may have been read yet."""
        held = self._held.get(namespace)
        if held is None:
            side, through = (None, 0) if self._in_use is None else (self._in_use.side, self._in_use.reached)
            shelf = Shelf(namespace, side)
            held = self._held[namespace] = NamespaceArrays(
                shelf, Words(shelf), whole=False, all=None, sample=None, read_through=through
            )
        return held

    def _may_be_held(self, records: int) -> bool:
        """Whether so many records may be held with their vectors."""
        return RECORD_BYTES * records <= self._most_bytes

    def _read_matrices(
        self, connection: apsw.Connection, held: NamespaceArrays, records: int, piece: int | None = None
    ) -> bool:
        """Read what a search needs; with `piece`, so many records of what it is quicker with too. False where some are left."""
        if held.all is not None and held.all.worn:
            held.all = None
        if held.whole:
            held.sample = None
            if held.all is None:
                held.all = self._matrix(connection, held, piece)
            return held.all is not None

        # A power of two: a sample is read anew when the namespace has doubled, not with each record.
        every = 1 << max(0, (records // SAMPLE).bit_length() - 1)
        if held.sample is None or held.sample.every != every or held.sample.worn:
            held.sample = Matrix(held.shelf, every)
            held.sample.read(connection, 0, held.read_through)
            if piece is not None:
                return False
        if not self._may_be_held(records):
            held.all = held.reading = None
        elif held.all is None and piece is not None:
            held.all = self._matrix(connection, held, piece)
            return held.all is not None
        return True

    def _matrix(self, connection: apsw.Connection, held: NamespaceArrays, piece: int | None) -> Matrix | None:
        """That of all records, begun ahead perhaps. With `piece`, so many records more are read; None while some are left."""
        if held.reading is None:
            held.reading, held.reached = Matrix(held.shelf, 1), 0
            if held.sample is not None:
                held.reading.make_room_like(held.sample)
        through = held.read_through
        if piece is not None:
            known = held.shelf.numbers.values
            last = int(known.searchsorted(held.reached, "right")) + piece
            if last < len(known):
                through = min(through, int(known[last]))
        matrix = held.reading
        matrix.read(connection, held.reached, through)
        held.reached = through
        if through < held.read_through:
            return None
        held.reading = None
        return matrix

    def _changed_since(self, connection: apsw.Connection, seq: int) -> dict[int, bool]:
        """Numbers of the records that changed, and whether their texts or vectors may have.

        A stage that recalls brought about is nothing that is held: without them each recall would have a few records read again
        for the next one. By `+memory` SQLite groups what it found; by the index on it, it would go through all events.
        """
        rows: Any = connection.execute(
            "SELECT memory, max(change NOT IN ('superseded', 'reinstated', 'staged', 'linked', 'unlinked')) FROM event "
            "WHERE seq > ? AND change <> 'recalled' AND change NOT IN ('remembered', 'namespace_forgotten') "
            "AND NOT (change = 'staged' AND cause IN ('echo', 'significance')) GROUP BY +memory LIMIT ?",
            (seq, MOST_CHANGES + 1),
        ).fetchall()
        changed = {number: bool(reworded) for number, reworded in rows}
        if any(changed.values()):
            # It took the vectors of the turns behind it, too, which have no event of their own.
            waiting: Any = connection.execute("SELECT memory FROM unembedded LIMIT ?", (MOST_CHANGES,))
            for (number,) in waiting:
                changed[number] = True
        return changed

    def _refresh(self, connection: apsw.Connection, changed: dict[int, bool]) -> None:
        for held in self._held.values():
            shelf = held.shelf
            numbers = sorted(changed)
            mine = [number for number, row in zip(numbers, shelf.rows(numbers).tolist(), strict=True) if row >= 0]
            if not mine:
                continue
            shelf.refresh(connection, mine)
            anew = [number for number in mine if changed[number]]
            if anew:
                held.words.clear()
                for matrix in held.matrices:
                    matrix.refresh(connection, [number for number in anew if number <= held.read_through])
                if held.reading is not None:
                    held.reading.refresh(connection, [number for number in anew if number <= held.reached])
