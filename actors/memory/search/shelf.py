"""A shelf: what one namespace's records are like, as arrays with a row a record, for looking at all of them at once.

Rows stand in the order of numbers, and a record keeps its row: what a talk adds is appended, what changes is written over. A
row takes about 370 bytes with its gist, the mean of its vectors. Read from the database, never written to it. Lives in the
reader's thread. Knows no query and no score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, get_args

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.passages import LONG
from actors.memory.messages import EARLIEST, LATEST, UNSAID, Kind
from actors.memory.search.columns import Column
from actors.memory.search.packed import Packed
from actors.memory.search.traits import traits_of
from actors.moments import micros

__all__ = ["KINDS", "Shelf"]

KINDS: tuple[str, ...] = get_args(Kind)
FIRST, LAST = micros(EARLIEST), micros(LATEST)
PLACE_OF_KIND = {kind: place for place, kind in enumerate(KINDS)}

RECORD = """SELECT m.number, coalesce(m.session, -1), coalesce(m.speaker, ''), m.time, m.importance, m.kind, m.valid_from,
    coalesce(m.valid_to, :never), m.chain IS NOT NULL, m.withheld = 0, length(m.text) > :long, g.vector, g.traits,
    iif(g.traits IS NULL, m.text, '')
    FROM memory m LEFT JOIN gist g ON g.place = m.number * 2 + :side WHERE m.namespace = :namespace"""

NEVER = 1 << 62
"""When what has no end ends."""

AT_ONCE = 1000
"""Rows that are made arrays of together: 2 ms, for which nobody else in the process gets the interpreter."""

WEIGHT = 73
"""Bytes of a row without its gist."""


class Shelf:
    """One namespace's records.

    Args:
        namespace: its number.
        side: the last bit of the places of the vectors that are used; None where there are none.
    """

    def __init__(self, namespace: int, side: int | None) -> None:
        self.namespace = namespace
        self.side = side
        self.names: list[str] = []
        self.numbers = Column(np.int64)
        self.sessions = Column(np.int64)
        self.speakers = Column(np.int32)
        self.times = Column(np.int64)
        self.importances = Column(np.float64)
        self.kinds = Column(np.int8)
        self.begins = Column(np.int64)
        self.ends = Column(np.int64)
        self.placed = Column(np.bool_)
        """Whether it has a place in its talk."""

        self.alive = Column(np.bool_)
        self.traits = Column(np.int8)
        self.previous = Column(np.int32)
        """Row of the turn before in its talk; -1 for none."""

        self.following = Column(np.int32)
        self.long = Column(np.bool_)
        """Whether its text has more than one passage."""

        self.read = Column(np.bool_)
        """Whether it has vectors, and so a gist."""

        self.gists: Column | None = None
        """`[n, dimensions] int8`; made with the first. Zeros for what has no vectors."""

        self.packed = Packed()
        """The gists, laid out for asking of all of them."""

        self._place_of_name: dict[str, int] = {}
        self._last_of: dict[int, int] = {}
        """Rows of the last turns of talks, as far as these were looked for."""

        self._joined = True
        """Whether `previous` and `following` are right."""

        self._said: tuple[NDArray[np.bool_], NDArray[np.int64]] | None = None
        """See `said`: which rows these are whatever the time, and which of them have an end. None once rows have changed."""

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def last(self) -> int:
        """The number of the last record; 0 where there is none."""
        return int(self.numbers.values[-1]) if len(self) else 0

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        gists = 0 if self.gists is None else self.gists.nbytes
        return WEIGHT * len(self) + 100 * len(self._last_of) + gists + self.packed.nbytes

    def rows(self, numbers: Any) -> NDArray[np.int64]:
        """The row of each record; -1 for what is not here."""
        wanted = np.asarray(numbers, np.int64)
        known = self.numbers.values
        if not len(known):
            return np.full(len(wanted), -1)
        if known[-1] - known[0] == len(known) - 1:
            # No number is missing, as where there is one namespace: nothing need be looked for.
            rows = wanted - known[0]
            return np.where((rows >= 0) & (rows < len(known)), rows, -1)
        rows = np.minimum(known.searchsorted(wanted), len(known) - 1)
        return np.where(known[rows] == wanted, rows, -1)

    def said(self, at: int) -> NDArray[np.bool_]:
        """Which rows are found where no kinds are named, as far as they have not ended at a time.

        Nearly every recall asks for it. Of a large namespace only the few that have an end are looked at each time.
        """
        if self._said is None:
            mask = self.alive.values & ~self.of_kinds(UNSAID)
            self._said = mask, np.flatnonzero(mask & (self.ends.values < NEVER))
        mask, ending = self._said
        mask = mask.copy()
        mask[ending] = self.ends.values[ending] > at
        return mask

    def of_kinds(self, kinds: Sequence[str]) -> NDArray[np.bool_]:
        """Which rows are of one of the kinds."""
        mask = np.zeros(len(self), bool)
        for kind in kinds:
            mask |= self.kinds.values == PLACE_OF_KIND[kind]
        return mask

    def append(self, connection: apsw.Connection, most: int | None = None) -> bool:
        """Read the records that came in, or so many of them; whether there are more, perhaps."""
        new = connection.execute(
            f"{RECORD} AND m.number > :last ORDER BY m.number",
            self._named_values(last=self.last),
        )
        if most is not None:
            rows = [*islice(new, most)]
            new.close()
            self._add(rows)
            return len(rows) == most
        while rows := [*islice(new, AT_ONCE)]:
            self._add(rows)
        return False

    def refresh(self, connection: apsw.Connection, numbers: Sequence[int]) -> None:
        """Read some records again: they changed, went, or got other vectors."""
        self._said = None
        rows = self.rows(numbers)
        for row in rows[rows >= 0].tolist():
            record: Any = connection.execute(
                f"{RECORD} AND m.number = :number",
                self._named_values(number=int(self.numbers.values[row])),
            ).fetchone()
            self.read.values[row] = False
            if self.gists is not None:
                self.gists.values[row] = 0
                self.packed.drop([row])
            stood = self.alive.values[row] and self.placed.values[row]
            if record is None or not makes_sense(record):
                self.alive.values[row] = False
            else:
                self._write(row, record)
            if stood and not (self.alive.values[row] and self.placed.values[row]):
                self._part(row)
            elif not stood and self.alive.values[row] and self.placed.values[row]:
                self._joined = False

    def read_gists(self, connection: apsw.Connection, after: int, through: int) -> None:
        """Read the gists of records whose vectors were made: those numbered above `after`, up to `through`."""
        found = connection.execute(
            "SELECT m.number, g.vector FROM memory m CROSS JOIN gist g ON g.place = m.number * 2 + ? "
            "WHERE m.namespace = ? AND m.number > ? AND m.number <= ? AND g.vector <> x'' ORDER BY m.number",
            (self.side, self.namespace, after, through),
        )
        while some := [*islice(found, AT_ONCE)]:
            numbers, gists = zip(*some, strict=True)
            self._take_gists(self.rows(numbers), gists)

    def neighbours(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """For each row that of the turn before it in its talk, and of the one after; -1 for none."""
        if not self._joined:
            self._join_all()
        return self.previous.values, self.following.values

    def _named_values(self, **more: int) -> dict[str, int | None]:
        return {"long": LONG, "never": NEVER, "side": self.side, "namespace": self.namespace, **more}

    def _add(self, rows: Sequence[Any]) -> None:
        rows = [row for row in rows if makes_sense(row)]
        if not rows:
            return
        self._said = None
        base = len(self)
        numbers, sessions, speakers, times, importances, kinds, begins, ends, placed, alive, long, gists, traits, texts = zip(
            *rows, strict=True
        )
        self.numbers.extend(numbers)
        self.sessions.extend(sessions)
        self.speakers.extend([self._place(name) for name in speakers])
        self.times.extend(times)
        self.importances.extend(importances)
        self.kinds.extend([PLACE_OF_KIND[kind] for kind in kinds])
        self.begins.extend(begins)
        self.ends.extend(ends)
        self.placed.extend(placed)
        self.alive.extend(alive)
        self.long.extend(long)
        self.traits.extend([traits_of(text) if known is None else known for known, text in zip(traits, texts, strict=True)])
        self.read.extend(np.zeros(len(rows), bool))
        self.previous.extend(np.full(len(rows), -1))
        self.following.extend(np.full(len(rows), -1))
        if self.gists is not None:
            self.gists.extend(np.zeros((len(rows), self.gists.values.shape[1])))
        self._take_gists(np.flatnonzero([bool(gist) for gist in gists]) + base, [gist for gist in gists if gist])
        if base and len(rows) < AT_ONCE:
            for row in range(base, len(self)):
                self._join(row)
        else:
            self._joined = False

    def _write(self, row: int, record: Sequence[Any]) -> None:
        _, session, speaker, time, importance, kind, begins, ends, placed, alive, long, gist, traits, text = record
        self.sessions.values[row] = session
        self.speakers.values[row] = self._place(speaker)
        self.times.values[row] = time
        self.importances.values[row] = importance
        self.kinds.values[row] = PLACE_OF_KIND[kind]
        self.begins.values[row] = begins
        self.ends.values[row] = ends
        self.placed.values[row] = placed
        self.alive.values[row] = alive
        self.long.values[row] = long
        self.traits.values[row] = traits_of(text) if traits is None else traits
        if gist:
            self._take_gists(np.array([row]), [gist])

    def _take_gists(self, rows: NDArray[np.int64], gists: Sequence[bytes]) -> None:
        if not len(rows):
            return
        if self.gists is None:
            self.gists = Column(np.int8, len(gists[0]))
            self.gists.extend(np.zeros((len(self), len(gists[0]))))
        self.gists.values[rows] = np.frombuffer(b"".join(gists), np.int8).reshape(len(rows), -1)
        self.packed.drop(rows.tolist())
        self.read.values[rows] = True

    def _place(self, name: str) -> int:
        if not name:
            return -1
        place = self._place_of_name.get(name)
        if place is None:
            place = self._place_of_name[name] = len(self.names)
            self.names.append(name)
        return place

    # Neighbours: joined one by one as turns come and go, since all of a large namespace take 20 ms.

    def _join_all(self) -> None:
        rows = np.flatnonzero(self.alive.values & self.placed.values & (self.sessions.values >= 0))
        sessions = self.sessions.values[rows]
        order = np.argsort(sessions, kind="stable")
        rows, sessions = rows[order], sessions[order]
        joined = sessions[1:] == sessions[:-1]
        self.previous.values[:] = self.following.values[:] = -1
        self.previous.values[rows[1:][joined]] = rows[:-1][joined]
        self.following.values[rows[:-1][joined]] = rows[1:][joined]
        self._last_of.clear()
        self._joined = True

    def _join(self, row: int) -> None:
        session = int(self.sessions.values[row])
        if not (self._joined and session >= 0 and self.alive.values[row] and self.placed.values[row]):
            return
        last = self._last_of.get(session)
        if last is None:
            mine = (self.sessions.values[:row] == session) & self.alive.values[:row] & self.placed.values[:row]
            last = int(np.flatnonzero(mine)[-1]) if mine.any() else -1
        self.previous.values[row] = last
        if last >= 0:
            self.following.values[last] = row
        self._last_of[session] = row

    def _part(self, row: int) -> None:
        before, after = int(self.previous.values[row]), int(self.following.values[row])
        self.previous.values[row] = self.following.values[row] = -1
        if before >= 0:
            self.following.values[before] = after
        if after >= 0:
            self.previous.values[after] = before
        session = int(self.sessions.values[row])
        if self._last_of.get(session) == row:
            self._last_of[session] = before


def makes_sense(record: Sequence[Any]) -> bool:
    """Whether a record's time and kind are ones that were ever written: damage may have left others."""
    return FIRST <= record[3] <= LAST and record[5] in PLACE_OF_KIND
