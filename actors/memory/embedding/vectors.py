"""Vectors in the database: which records wait for theirs, and how these are kept and replaced.

Records are embedded in the order in which they came in, so that one number, `reached`, says which wait; what changed behind it
stands in `unembedded`. Functions of a connection. Knows no encoder: its vectors are bytes here.

Two sets may stand side by side while one embedder takes another's place: they differ in the last bit of `place`. A change of
embedder shows only once the new set is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np

from actors.memory.embedding.passages import Piece, before, pieces, said
from actors.memory.search.traits import traits_of

__all__ = ["Batch", "VectorSet", "Work", "active", "adopt", "clear_some", "gist_of", "keep", "pending", "waiting"]

PARTS = 1024
"""Passages of a record at most."""

PLACES = 2 * PARTS
"""Places of a record: `number * PLACES + part * 2 + side`."""

LAST = (1 << 63) // PLACES - 1
"""No record has a higher number whose places are integers of SQLite's."""

TURNS_BEFORE = 2


@dataclass(frozen=True, slots=True)
class VectorSet:
    """A set of vectors that one model made."""

    number: int
    name: str
    reached: int
    """Every record up to this number has its vectors, but for those of `unembedded`."""

    complete: bool
    """Whether it had all at some time: since then it is used, and what is new is only a while behind."""

    @property
    def side(self) -> int:
        """The last bit of its vectors' places."""
        return self.number & 1


@dataclass(frozen=True, slots=True)
class Work:
    """A record that waits for its vectors, as it is to be read."""

    number: int
    speaker: str | None
    text: str
    before: str
    """The end of the turns before it."""

    pieces: tuple[Piece, ...]

    def passage(self, piece: Piece) -> tuple[str, str]:
        """One passage, with the speaker's name, and what is read before it."""
        known = before([self.text[: piece.start]]) if piece.start else self.before
        return said(self.speaker, self.text[piece.start : piece.stop]), known


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to be embedded together."""

    vector_set: VectorSet
    works: tuple[Work, ...]
    idle: tuple[int, ...]
    """Numbers that were to be read and need not be: gone, empty, or a tool's output."""

    through: int
    """What `reached` becomes."""


def active(connection: apsw.Connection) -> VectorSet | None:
    """The set to search by: the newest that is complete, else the newest."""
    return _vector_set(connection, "WHERE replaced = 0 ORDER BY complete DESC, number DESC LIMIT 1")


def adopt(connection: apsw.Connection, name: str) -> VectorSet | None:
    """The set of vectors of the model that is to be used from now on; a new one where there is none yet.

    A set that was begun for another model, and is neither in use nor complete, is marked for deletion. None while there is no
    room for a new set: both sides are taken, or an earlier set of the same name is still being deleted (`clear_some`).
    """
    in_use = active(connection)
    if in_use is not None and in_use.name == name:
        connection.execute("UPDATE embedder SET replaced = 1 WHERE number <> ?", (in_use.number,))
        return in_use
    kept = in_use.number if in_use is not None and in_use.complete else 0
    connection.execute("UPDATE embedder SET replaced = 1 WHERE name <> ? AND number <> ?", (name, kept))
    known = _vector_set(connection, "WHERE name = ? AND replaced = 0", (name,))
    if known is not None:
        return known
    rows: Any = connection.execute("SELECT number, name FROM embedder").fetchall()
    number = max((number for number, _ in rows), default=0) + 1
    sides = {number & 1 for number, _ in rows}
    free = [number + step for step in (0, 1) if (number + step) & 1 not in sides]
    if not free or any(other == name for _, other in rows):
        return None
    connection.execute("INSERT INTO embedder (number, name) VALUES (?, ?)", (free[0], name))
    return VectorSet(free[0], name, 0, complete=False)


def clear_some(connection: apsw.Connection, after: int, passages: int) -> int | None:
    """Delete some of the vectors of a set that was replaced, in the order of their records.

    Args:
        connection: inside a transaction.
        after: the record up to which they are deleted already; 0: none is known to be. What another set has of those is not
            gone through again, which would take longer with each call.
        passages: about how many are deleted.

    Returns:
        The last record that has none any more, 0 once the set is gone; None where no set was replaced.
    """
    row: Any = connection.execute("SELECT number FROM embedder WHERE replaced = 1 ORDER BY number LIMIT 1").fetchone()
    if row is None:
        return None
    side = row[0] & 1
    first = after + 1
    last: Any = connection.execute(
        "SELECT place / ?1 FROM vectors WHERE place >= ?2 * ?1 AND place & 1 = ?3 ORDER BY place LIMIT 1 OFFSET ?4",
        (PLACES, first, side, passages - 1),
    ).fetchone()
    through = LAST if last is None else last[0]
    for table, places in (("vectors", PLACES), ("gist", 2)):
        connection.execute(
            f"DELETE FROM {table} WHERE place BETWEEN ? AND ? AND place & 1 = ?",  # noqa: S608 (our own names)
            (first * places, through * places + places - 1, side),
        )
    if last is None:
        connection.execute("DELETE FROM embedder WHERE number = ?", row)
        return 0
    return int(through)


def waiting(connection: apsw.Connection, vector_set: VectorSet, records: int, passages: int) -> Batch:
    """The next records to embed, as many as have about so many passages; first those that changed.

    Args:
        connection: to read from.
        vector_set: whose vectors are missing.
        records: at most so many.
        passages: stop with the record that reaches so many.
    """
    changed = connection.execute(
        "SELECT memory FROM unembedded WHERE memory <= ? ORDER BY memory LIMIT ?", (vector_set.reached, records)
    )
    numbers = [number for (number,) in changed]
    fresh = connection.execute(
        "SELECT number FROM memory WHERE number > ? ORDER BY number LIMIT ?", (vector_set.reached, records - len(numbers))
    )
    numbers += [number for (number,) in fresh]

    works: list[Work] = []
    idle: list[int] = []
    through = vector_set.reached
    for number in numbers:
        work = work_of(connection, number)
        through = max(through, number)
        if work is None:
            idle.append(number)
            continue
        works.append(work)
        passages -= len(work.pieces)
        if passages <= 0:
            break
    return Batch(vector_set, tuple(works), tuple(idle), through)


def work_of(connection: apsw.Connection, number: int) -> Work | None:
    """A record as it is read now; None where nothing is to be embedded: it is gone, empty, or a tool's output."""
    row: Any = connection.execute(
        "SELECT speaker, text, iif(chain IS NULL, NULL, session) FROM memory WHERE number = ? AND kind <> 'tool'", (number,)
    ).fetchone()
    if row is None or not row[1]:
        return None
    speaker, text, session = row
    earlier: list[str] = []
    if session is not None:
        turns = connection.execute(
            "SELECT speaker, substr(text, -240) FROM memory WHERE session = ? AND number < ? AND chain IS NOT NULL "
            "ORDER BY number DESC LIMIT ?",
            (session, number, TURNS_BEFORE),
        )
        earlier = [said(*turn) for turn in turns][::-1]
    return Work(number, speaker, text, before(earlier), tuple(pieces(text)))


def keep(connection: apsw.Connection, batch: Batch, vectors: Sequence[tuple[bytes, bytes]]) -> bool:
    """Keep a batch's vectors, and that they need no longer be waited for. True when the set is complete with it.

    What changed since it was read waits on; so does everything when the set was given up meanwhile.

    Args:
        connection: inside a transaction.
        batch: what was read.
        vectors: tokens and vectors of each passage, in the order of the records and of their passages.
    """
    vector_set = _vector_set(connection, "WHERE number = ? AND replaced = 0", (batch.vector_set.number,))
    if vector_set is None:
        return False
    left = iter(vectors)
    for work in batch.works:
        rows = [
            (work.number * PLACES + 2 * part + vector_set.side, piece.start, piece.stop, *next(left))
            for part, piece in enumerate(work.pieces)
        ]
        if work_of(connection, work.number) != work:
            connection.execute("INSERT OR IGNORE INTO unembedded SELECT number FROM memory WHERE number = ?", (work.number,))
            continue
        connection.execute("DELETE FROM unembedded WHERE memory = ?", (work.number,))
        connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?, ?)", rows)
        gist = gist_of([(row[3], row[4]) for row in rows])
        connection.execute(
            "INSERT OR REPLACE INTO gist VALUES (?, ?, ?)", (work.number * 2 + vector_set.side, gist, traits_of(work.text))
        )
    for number in batch.idle:
        if work_of(connection, number) is None:
            connection.execute("DELETE FROM unembedded WHERE memory = ?", (number,))
    reached = max(vector_set.reached, batch.through)
    last: Any = connection.execute("SELECT coalesce(max(number), 0) FROM memory").fetchone()
    complete: bool = reached >= last[0]
    connection.execute(
        "UPDATE embedder SET reached = ?, complete = max(complete, ?) WHERE number = ?", (reached, complete, vector_set.number)
    )
    if complete:
        connection.execute("UPDATE embedder SET replaced = 1 WHERE number <> ?", (vector_set.number,))
    return complete


def gist_of(vectors: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The mean of a record's vectors, `[dimensions] int8`; empty where it has none.

    Args:
        vectors: tokens and vectors of each of its passages.
    """
    count = sum(len(tokens) // 2 or 1 for tokens, _ in vectors)
    flat = np.frombuffer(b"".join(one for _, one in vectors), np.int8)
    if not len(flat):
        return b""
    mean = flat.reshape(count, -1).sum(0, dtype=np.float64)
    mean *= np.sqrt(len(mean)) / max(float(np.linalg.norm(mean)), 1e-9)
    # Components deviate by about 1 now: 127 stands for six of that.
    gist: bytes = np.clip(np.rint(mean * (127 / 6)), -127, 127).astype(np.int8).tobytes()
    return gist


def pending(connection: apsw.Connection, namespace: int, embedder: str) -> int:
    """How many records of a namespace wait for vectors of that model; of the one in use where it is empty."""
    known = active(connection) if not embedder else _vector_set(connection, "WHERE name = ? AND replaced = 0", (embedder,))
    reached = 0 if known is None else known.reached
    row: Any = connection.execute(
        "SELECT (SELECT count(*) FROM memory WHERE namespace = ?1 AND number > ?2 AND kind <> 'tool') + "
        "(SELECT count(*) FROM unembedded u CROSS JOIN memory m ON m.number = u.memory "
        "WHERE u.memory <= ?2 AND m.namespace = ?1 AND m.kind <> 'tool')",
        (namespace, reached),
    ).fetchone()
    count: int = row[0]
    return count


def _vector_set(connection: apsw.Connection, clause: str, values: Sequence[Any] = ()) -> VectorSet | None:
    row: Any = connection.execute(
        f"SELECT number, name, reached, complete FROM embedder {clause}",  # noqa: S608 (clauses are our own)
        values,
    ).fetchone()
    return None if row is None else VectorSet(row[0], row[1], row[2], bool(row[3]))
