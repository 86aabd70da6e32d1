"""Timelines: how a follower of the feed learns whether memory's database still is the one that it followed.

A file may be copied, or replaced by a backup. It then shares the beginning of its feed with the file that was followed, and
goes on differently. So each opening that writes begins a stretch of the feed with a name of its own. A stretch is written by
one process to one file; of two files that have the same stretch, the shorter one's is the beginning of the other's. With a
cursor its stretch is told, and some of those before it, ever further apart: enough to say up to where two files are the same.
Knows no record.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import apsw

__all__ = ["shared", "timeline"]

TOLD: Final = (*range(1, 9), 16, 32, 64, 128, 256)
"""Which stretches before a cursor are told: so many places back, and the first of all. Where two files went apart in one that
is not told, they are known to be the same up to the one before it that is."""


def timeline(connection: apsw.Connection, cursor: int) -> str:
    """What is told with a cursor: `<cursor> <first seq>.<id> …`, the latest stretch first."""
    rows: Any = connection.execute(
        "SELECT seq, id FROM timeline WHERE seq <= ? ORDER BY seq DESC LIMIT ?", (cursor, TOLD[-1])
    ).fetchall()
    first: Any = connection.execute("SELECT seq, id FROM timeline ORDER BY seq LIMIT 1").fetchall()
    spread = [rows[place - 1] for place in TOLD if place <= len(rows)]
    return " ".join([str(cursor), *(f"{seq}.{name}" for seq, name in dict.fromkeys([*spread, *first]))])


def shared(connection: apsw.Connection, told: str) -> tuple[int, int]:
    """The cursor with which a timeline was told, and up to which change that timeline is this memory's too."""
    cursor, *stretches = told.split(" ")
    begins = [int(stretch.partition(".")[0]) for stretch in stretches]
    # A stretch ends where the next one begins, at the latest.
    ends = [int(cursor), *(later - 1 for later, _ in pairwise(begins))]
    for stretch, begin, end in zip(stretches, begins, ends, strict=True):
        row: Any = connection.execute(
            "SELECT (SELECT min(seq) FROM timeline WHERE seq > ?1) FROM timeline WHERE seq = ?1 AND id = ?2",
            (begin, stretch.partition(".")[2]),
        ).fetchone()
        if row is not None:
            return int(cursor), end if row[0] is None else min(end, row[0] - 1)
    return int(cursor), 0
