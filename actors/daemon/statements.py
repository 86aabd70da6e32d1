"""Statements: what the assistant would like to bring up. The text is memory's; here are urgency, expiry, and who said it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import apsw
from loguru import logger

from actors.asks import Asks
from actors.daemon.confidences import confidences_of
from actors.daemon.messages import MOST_STATEMENTS, Deliver, Delivered, ListStatements, Statement, Statements
from actors.daemon.store import Store
from actors.memory.messages import UNNAMED, Found, Get, Memory, may_hear
from actors.moments import micros, moment
from actors.paradox.messages import Found as FoundParadox
from actors.paradox.messages import Get as GetParadox
from transport.errors import Conflict, LatticeError, NotFound

__all__ = ["deliver", "expire", "is_known", "listed", "open_count", "open_ones", "put", "withdraw"]

COLUMNS = "memory, why, urgency, created, expires, state, thought"
ASK_S = 5.0
PARADOX_S = 0.5
"""How long the paradox actor may take, in seconds. Somebody waits for an answer meanwhile, and a killed actor is back
sooner."""


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


def open_ones(connection: apsw.Connection, namespace: str) -> list[str]:
    """The records of those that are open."""
    rows: Any = connection.execute(
        "SELECT memory FROM statement WHERE namespace = ? AND state = 'open' ORDER BY memory", (namespace,)
    ).fetchall()
    return [memory for (memory,) in rows]


def is_known(connection: apsw.Connection, namespace: str, memory: str) -> bool:
    """Whether a statement is held, whatever became of it."""
    row = connection.execute("SELECT 1 FROM statement WHERE namespace = ? AND memory = ?", (namespace, memory)).fetchone()
    return row is not None


def expire(connection: apsw.Connection, now: int) -> int:
    """Let go of what nobody had occasion for; how many."""
    connection.execute("UPDATE statement SET state = 'expired' WHERE state = 'open' AND expires <= ?", (now,))
    return connection.changes()


def withdraw(connection: apsw.Connection, namespace: str, memory: str) -> None:
    """Let go of a statement: what it is about is over."""
    connection.execute(
        "UPDATE statement SET state = 'expired' WHERE namespace = ? AND memory = ? AND state = 'open'", (namespace, memory)
    )


async def listed(store: Store, ask: Asks, message: ListStatements, now: datetime) -> Statements:
    """Statements with their texts, most urgent first; what memory has forgotten is left out, and what is not for who asks."""
    most = message.limit if message.asker is None else MOST_STATEMENTS

    def select(connection: apsw.Connection) -> list[Any]:
        return connection.execute(
            f"SELECT {COLUMNS} FROM statement WHERE namespace = ?1 AND (?2 IS NULL OR state = ?2)"  # noqa: S608 (fixed)
            " AND (?2 IS NULL OR state <> 'open' OR (opens <= ?3 AND expires > ?3))"
            " ORDER BY urgency DESC, created, memory LIMIT ?4",
            (message.namespace, message.state, micros(now), most),
        ).fetchall()

    rows = await store.read(select)
    there = await told_of(store, ask, message.namespace, rows)
    if message.asker is not None:
        there = [statement for statement in there if is_for(message.asker, statement)][: message.limit]
    return Statements(statements=tuple(there))


def is_for(asker: str | None, statement: Statement) -> bool:
    """Whether it may be brought up to somebody: it is meant for no other, and no other's confidence."""
    return statement.speaker in {None, UNNAMED, asker} and may_hear(asker, statement.confided_by)


async def deliver(store: Store, ask: Asks, message: Deliver, now: datetime) -> Delivered:
    """Give a statement to a thought, once.

    Raises:
        NotFound: there is no such statement in this namespace.
        Conflict: another thought has it, or it has expired; or what it is about is settled, or somebody else's confidence.
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

    open_one = await store.read(one_open, message.namespace, message.id)
    if open_one is not None:
        # It expires here where what it is about is settled.
        found = await told_of(store, ask, message.namespace, [open_one])
        if found and not may_hear(message.asker, found[0].confided_by):
            raise Conflict("asker: it is about what somebody else told in confidence", detail={"field": "asker"})
    row = await store.write(take)
    told = await told_of(store, ask, message.namespace, [row])
    if not told:
        raise NotFound(f"id: no statement {message.id!r} in this namespace", detail={"field": "id"})
    return Delivered(statement=told[0])


def one_open(connection: apsw.Connection, namespace: str, memory: str) -> Any:
    select = f"SELECT {COLUMNS} FROM statement WHERE namespace = ? AND memory = ? AND state = 'open'"  # noqa: S608 (fixed)
    return connection.execute(select, (namespace, memory)).fetchone()


async def is_settled(ask: Asks, namespace: str, found: Found) -> bool:
    """Whether the contradiction that a statement is about stands open no longer."""
    paradox = found.memory.metadata.get("paradox")
    if not isinstance(paradox, str):
        return False
    try:
        told: FoundParadox = await ask(GetParadox(namespace=namespace, id=paradox), timeout=PARADOX_S)
    except NotFound:
        return True
    except LatticeError as error:
        logger.info("whether a contradiction is settled could not be asked", paradox=paradox, error=error.code)
        return False
    return told.paradox.state in ("integrated", "dismissed")


async def told_of(store: Store, ask: Asks, namespace: str, rows: Sequence[Sequence[Any]]) -> list[Statement]:
    """Statements with the texts of their records.

    Left out are those whose record is forgotten, and open ones of which what they are about is settled.
    """
    records = await asyncio.gather(*(record_of(store, ask, namespace, row) for row in rows))
    confidences = await confidences_of(ask, namespace, (record.id for record in records if record is not None))
    return [
        statement_of(row, record, confidences.told.get(record.id, ()))
        for row, record in zip(rows, records, strict=True)
        if record is not None and record.id not in confidences.gone
    ]


async def record_of(store: Store, ask: Asks, namespace: str, row: Sequence[Any]) -> Memory | None:
    """A statement's record; None where it is forgotten, or the statement is open and what it is about is settled."""
    memory, *_, state, _ = row
    try:
        found: Found = await ask(Get(namespace=namespace, id=memory), timeout=ASK_S)
    except NotFound:
        return None
    if state == "open" and await is_settled(ask, namespace, found):
        await store.write(lambda connection: withdraw(connection, namespace, memory))
        return None
    return found.memory


def statement_of(row: Sequence[Any], record: Memory, tellers: tuple[str, ...]) -> Statement:
    """A statement, of its row and its record."""
    memory, why, urgency, created, expires, state, thought = row
    speaker = record.metadata.get("speaker")
    return Statement(
        id=memory,
        text=record.text,
        why=why,
        urgency=round(urgency, 4),
        created=moment(created),
        expires=moment(expires),
        state=state,
        delivered_in=thought,
        speaker=speaker if isinstance(speaker, str) else None,
        confided_by=tellers,
    )
