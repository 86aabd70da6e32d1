"""Following memory's feed for all cycles: which namespaces there are, and which turns each cycle has yet to work on."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from actors.daemon.store import micros
from actors.daemon.work import Work
from actors.memory.messages import Change, Fed, Feed

__all__ = ["FOLLOWERS", "follow", "namespaces"]

FOLLOWERS = ("consolidate", "reflect")
"""Cycles that work on new turns."""

PAGE = 100
CURSOR = "feed"


async def follow(work: Work) -> None:
    """Take over the feed's changes up to its end. Several cycles may do so at once: a page is taken by one of them."""
    cursor = await work.read(position)
    while True:
        fed: Fed = await work.ask(Feed(cursor=cursor, limit=PAGE))
        if not fed.changes:
            return

        def take(connection: apsw.Connection, before: int = cursor, fed: Fed = fed) -> bool:
            return advance(connection, before, fed.cursor, fed.changes)

        taken = await work.commit(take)
        cursor = fed.cursor if taken else await work.read(position)
        await work.pass_on()


def position(connection: apsw.Connection) -> int:
    rows = connection.execute("SELECT value FROM cursor WHERE name = ?", (CURSOR,)).fetchall()
    return int(str(rows[0][0])) if rows else 0


def namespaces(connection: apsw.Connection) -> list[str]:
    """All namespaces that the feed has named, in order."""
    return [str(name) for (name,) in connection.execute("SELECT name FROM namespace ORDER BY name").fetchall()]


def advance(connection: apsw.Connection, before: int, after: int, changes: Sequence[Change]) -> bool:
    """Keep what a page says, and the cursor after it; False where another has taken it already."""
    if position(connection) != before:
        return False
    connection.execute(
        "INSERT INTO cursor VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (CURSOR, str(after))
    )
    for change in changes:
        connection.execute("INSERT OR IGNORE INTO namespace VALUES (?)", (change.namespace,))
        if change.change == "forgotten":
            gone = (change.namespace, change.id)
            connection.execute("DELETE FROM pending WHERE namespace = ? AND memory = ? AND batch IS NULL", gone)
            connection.execute("DELETE FROM fading WHERE namespace = ? AND memory = ?", gone)
        elif change.change == "remembered" and change.memory is not None and change.memory.kind == "turn":
            memory = change.memory
            for cycle in FOLLOWERS:
                connection.execute(
                    "INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?, ?, ?, NULL)",
                    (cycle, change.seq, change.namespace, memory.session or "", change.id, micros(memory.ingested)),
                )

    return True
