"""What could not be judged, as rows: each failure counted, what was left out listed, and judged after all once asked.

Functions over the writer's connection, called inside a transaction of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from actors.idempotency import Once, made_before, note
from actors.moments import moment
from actors.paradox.messages import SetAside
from transport.errors import NotFound

__all__ = ["count", "drop", "listed", "named", "noted", "outcome"]

LEFT_OUT = "FROM poison WHERE namespace = ? AND seq <= (SELECT cursor FROM follow)"
"""Changes beyond which the feed was followed. A change that is still being tried is none of them."""


def count(connection: apsw.Connection, seq: int, namespace: str, memory: str, *, error: str, now: int) -> int:
    """One more failure; how many there were."""
    rows: Any = connection.execute(
        "INSERT INTO poison VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET attempts = attempts + 1,"
        " error = excluded.error, time = excluded.time RETURNING attempts",
        (seq, namespace, memory, error, now),
    ).fetchall()
    return int(rows[0][0])


def listed(connection: apsw.Connection, namespace: str, limit: int) -> tuple[SetAside, ...]:
    """Oldest first."""
    rows: Any = connection.execute(
        f"SELECT seq, namespace, memory, attempts, error, time {LEFT_OUT} ORDER BY seq LIMIT ?",
        (namespace, limit),
    )
    return tuple(as_item(row) for row in rows)


def named(connection: apsw.Connection, namespace: str, identifier: str) -> SetAside:
    """One of them.

    Raises:
        NotFound: nothing is set aside under that id.
    """
    rows: Any = connection.execute(
        f"SELECT seq, namespace, memory, attempts, error, time {LEFT_OUT} AND seq = ?",
        (namespace, int(identifier) if identifier.isdecimal() and len(identifier) < 19 else -1),
    ).fetchall()
    if not rows:
        raise NotFound(f"nothing is set aside under {identifier!r} in this namespace", detail={"field": "id"})
    return as_item(rows[0])


def drop(connection: apsw.Connection, seq: int) -> None:
    """It was judged, or there is nothing left to judge.

    Raises:
        NotFound: another call was faster, or the record was forgotten.
    """
    if not connection.execute("DELETE FROM poison WHERE seq = ? RETURNING seq", (seq,)).fetchall():
        raise NotFound(f"nothing is set aside under '{seq}' any more", detail={"field": "id"})


def noted(connection: apsw.Connection, once: Once | None, found: int) -> None:
    """Note under the call's key what came of it."""
    if once is None:
        return
    note(connection, once)
    connection.execute("INSERT INTO retried VALUES (?, ?, ?, ?)", (once.type, once.namespace, once.key, found))


def outcome(connection: apsw.Connection, once: Once | None) -> int | None:
    """How much came of the call that was made under the same key before; None where there was none.

    Raises:
        KeyReused: its key came with another message.
    """
    if once is None or not made_before(connection, once):
        return None
    rows: Any = connection.execute(
        "SELECT found FROM retried WHERE (type, namespace, key) = (?, ?, ?)", (once.type, once.namespace, once.key)
    ).fetchall()
    return int(rows[0][0])


def as_item(row: Sequence[Any]) -> SetAside:
    seq, namespace, memory, attempts, error, time = row
    return SetAside(id=str(seq), namespace=namespace, memory=memory, attempts=attempts, error=error, time=moment(time))
