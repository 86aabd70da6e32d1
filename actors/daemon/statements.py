"""Statements: what the assistant would like to bring up. The text is memory's; here are urgency, expiry, and who said it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apsw

from actors.daemon.messages import Deliver, Delivered, ListStatements, Statement, Statements
from actors.daemon.store import Store, micros, moment
from actors.daemon.work import Asks
from actors.memory.messages import Found, Get
from transport.errors import Conflict, NotFound

__all__ = ["deliver", "expire", "is_known", "listed", "open_count", "put"]

COLUMNS = "memory, why, urgency, created, expires, state, thought"
ASK_S = 5.0


def put(
    connection: apsw.Connection,
    namespace: str,
    memory: str,
    *,
    why: str,
    urgency: float,
    created: int,
    opens: int,
    expires: int,
) -> None:
    """Hold a statement; one that is held stays as it is."""
    connection.execute(
        "INSERT OR IGNORE INTO statement (namespace, memory, why, urgency, created, opens, expires)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (namespace, memory, why, urgency, created, opens, expires),
    )


def open_count(connection: apsw.Connection, namespace: str) -> int:
    """How many are open."""
    row: Any = connection.execute(
        "SELECT count(*) FROM statement WHERE namespace = ? AND state = 'open'", (namespace,)
    ).fetchone()
    count: int = row[0]
    return count


def is_known(connection: apsw.Connection, namespace: str, memory: str) -> bool:
    """Whether a statement is held, whatever became of it."""
    row = connection.execute("SELECT 1 FROM statement WHERE namespace = ? AND memory = ?", (namespace, memory)).fetchone()
    return row is not None


def expire(connection: apsw.Connection, now: int) -> int:
    """Let go of what nobody had occasion for; how many."""
    connection.execute("UPDATE statement SET state = 'expired' WHERE state = 'open' AND expires <= ?", (now,))
    return connection.changes()


async def listed(store: Store, ask: Asks, message: ListStatements, now: datetime) -> Statements:
    """Statements with their texts, most urgent first; what memory has forgotten is left out."""

    def select(connection: apsw.Connection) -> list[Any]:
        return connection.execute(
            f"SELECT {COLUMNS} FROM statement WHERE namespace = ?1 AND (?2 IS NULL OR state = ?2)"  # noqa: S608 (fixed)
            " AND (?2 IS NULL OR state <> 'open' OR (opens <= ?3 AND expires > ?3))"
            " ORDER BY urgency DESC, created, memory LIMIT ?4",
            (message.namespace, message.state, micros(now), message.limit),
        ).fetchall()

    rows = await store.read(select)
    told = await asyncio.gather(*(told_of(ask, message.namespace, row) for row in rows))
    return Statements(statements=tuple(statement for statement in told if statement is not None))


async def deliver(store: Store, ask: Asks, message: Deliver, now: datetime) -> Delivered:
    """Give a statement to a thought, once.

    Raises:
        NotFound: there is no such statement in this namespace.
        Conflict: another thought has it, or it has expired.
    """

    def take(connection: apsw.Connection) -> Any:
        key = (message.namespace, message.id)
        row: Any = connection.execute(
            f"SELECT {COLUMNS} FROM statement WHERE namespace = ? AND memory = ?",  # noqa: S608 (fixed)
            key,
        ).fetchone()
        if row is None:
            raise NotFound(f"id: no statement {message.id!r} in this namespace", detail={"field": "id"})
        state, thought, expires = row[5], row[6], row[4]
        if state == "delivered" and thought == message.thought:
            return row
        if state != "open" or expires <= micros(now):
            raise Conflict(f"id: the statement is {'expired' if state == 'open' else state}", detail={"field": "id"})
        connection.execute(
            "UPDATE statement SET state = 'delivered', thought = ? WHERE namespace = ? AND memory = ?", (message.thought, *key)
        )
        return (*row[:5], "delivered", message.thought)

    row = await store.write(take)
    told = await told_of(ask, message.namespace, row)
    if told is None:
        raise NotFound(f"id: no statement {message.id!r} in this namespace", detail={"field": "id"})
    return Delivered(statement=told)


async def told_of(ask: Asks, namespace: str, row: Sequence[Any]) -> Statement | None:
    """A statement with the text of its record; None where that is forgotten."""
    memory, why, urgency, created, expires, state, thought = row
    try:
        found: Found = await ask(Get(namespace=namespace, id=memory), timeout=ASK_S)
    except NotFound:
        return None
    return Statement(
        id=memory,
        text=found.memory.text,
        why=why,
        urgency=round(urgency, 4),
        created=moment(created),
        expires=moment(expires),
        state=state,
        delivered_in=thought,
    )
