"""In which memory a cursor of the feed lies: copies of a file go apart, and one that is put back is not what was followed.

Each opening that writes begins a stretch with a name that nobody else gives. A stretch is written by one process to one
file, so of two files that have it, the shorter one's is the beginning of the other's. Told with a cursor are its own stretch
and some of those before, ever further apart: enough to say how far two memories are the same. Knows no record.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import apsw

__all__ = ["shared", "timeline"]

TOLD: Final = (*range(1, 9), 16, 32, 64, 128, 256)
"""Which stretches before a cursor are told, and the first of all. Of memories that went apart in one between, those before it
are known to be the same."""


def timeline(connection: apsw.Connection, cursor: int) -> str:
    """What is told with a cursor: `<cursor> <first seq>.<id> …`, the latest stretch first."""
    rows: Any = connection.execute(
        "SELECT seq, id FROM timeline WHERE seq <= ? ORDER BY seq DESC LIMIT ?", (cursor, TOLD[-1])
    ).fetchall()
    first: Any = connection.execute("SELECT seq, id FROM timeline ORDER BY seq LIMIT 1").fetchall()
    spread = [rows[place - 1] for place in TOLD if place <= len(rows)]
    return " ".join([str(cursor), *(f"{seq}.{name}" for seq, name in dict.fromkeys([*spread, *first]))])


def shared(connection: apsw.Connection, told: str) -> tuple[int, int]:
    """The cursor with which a timeline was told, and up to where what it tells of is this memory's too."""
    cursor, *stretches = told.split(" ")
    begins = [int(stretch.partition(".")[0]) for stretch in stretches]
    # Where each ends at the latest: the one after it began there.
    ends = [int(cursor), *(later - 1 for later, _ in pairwise(begins))]
    for stretch, begin, end in zip(stretches, begins, ends, strict=True):
        row: Any = connection.execute(
            "SELECT (SELECT min(seq) FROM timeline WHERE seq > ?1) FROM timeline WHERE seq = ?1 AND id = ?2",
            (begin, stretch.partition(".")[2]),
        ).fetchone()
        if row is not None:
            return int(cursor), end if row[0] is None else min(end, row[0] - 1)
    return int(cursor), 0
