"""Listings: records in the order in which they came in, and talks, the latest first; page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from actors.memory.cursor import cursor_of, position_of
from actors.memory.messages import GetSession, List, Listed, ListSessions, Session, SessionFound, Sessions
from actors.memory.sessions import session_number
from actors.memory.store import SPARE, fitting, records
from actors.moments import micros, moment

__all__ = ["get_session", "list_memories", "list_sessions"]

TITLE = 80
"""Characters of a talk's title."""

SESSION = """
    SELECT s.number, s.name, n.name, s.started, s.last,
        (SELECT count(*) FROM memory m WHERE m.session = s.number AND m.chain IS NOT NULL AND m.kind = 'turn'),
        coalesce((SELECT substr(m.text, 1, 400) FROM memory m WHERE m.session = s.number AND m.chain IS NOT NULL
            AND m.kind = 'turn' ORDER BY m.number LIMIT 1), '')
    FROM session s JOIN namespace n ON n.number = s.namespace
"""
"""A talk's row with its number, how many turns it has, and how the first of them begins."""


def list_memories(connection: apsw.Connection, message: List, *, page_bytes: int) -> Listed:
    """One page, and where to go on. A page may end early when its texts are long."""
    filters = (message.kind, message.session, message.stage, message.before, message.current, message.newest)
    order = ("memories", message.namespace, *filters)
    clauses = ["m.namespace = (SELECT number FROM namespace WHERE name = ?)"]
    values: list[Any] = [message.namespace]
    if message.session is not None:
        clauses.append("m.session = (SELECT number FROM session WHERE namespace = m.namespace AND name = ?)")
        values.append(message.session)
    if message.kind is not None:
        # Said as it stands in the index of other kinds, so that SQLite takes that one.
        clauses.append("m.kind = 'turn'" if message.kind == "turn" else "m.kind <> 'turn' AND m.kind = ?")
        values += [] if message.kind == "turn" else [message.kind]
    if message.stage is not None:
        clauses.append("m.stage = ?")
        values.append(message.stage)
    if message.before is not None:
        clauses.append("m.time < ?")
        values.append(micros(message.before))
    if message.current:
        clauses.append("m.valid_to IS NULL AND m.withheld = 0")
    if message.cursor is not None:
        clauses.append(f"m.number {'<' if message.newest else '>'} ?")
        values += position_of(message.cursor, order, parts=1)

    direction = "DESC" if message.newest else "ASC"
    found = records(
        connection, f"WHERE {' AND '.join(clauses)} ORDER BY m.number {direction} LIMIT ?", [*values, message.limit + 1 + SPARE]
    )
    page, more = fitting(found, message.limit, page_bytes)
    return Listed(memories=tuple(memory for _, memory in page), next_cursor=cursor_of(order, page[-1][0]) if more else None)


def list_sessions(connection: apsw.Connection, message: ListSessions) -> Sessions:
    """The talks of a namespace, latest first."""
    order = ("sessions", message.namespace)
    clause, values = "n.name = ?", [message.namespace, message.limit + 1]
    if message.cursor is not None:
        clause += " AND (s.last, s.number) < (?, ?)"
        values[1:1] = position_of(message.cursor, order, parts=2)
    rows = list(connection.execute(f"{SESSION} WHERE {clause} ORDER BY s.last DESC, s.number DESC LIMIT ?", values))
    page = rows[: message.limit]
    more = len(rows) > len(page)
    return Sessions(
        sessions=tuple(session_from(row) for row in page),
        next_cursor=cursor_of(order, page[-1][4], page[-1][0]) if more else None,
    )


def get_session(connection: apsw.Connection, message: GetSession, *, page_bytes: int) -> SessionFound:
    """One talk and its latest turns, oldest of them first."""
    number = session_number(connection, message.namespace, message.name)
    row: Any = connection.execute(f"{SESSION} WHERE s.number = ?", (number,)).fetchone()
    latest = records(
        connection,
        "WHERE m.session = ? AND m.chain IS NOT NULL ORDER BY m.number DESC LIMIT ?",
        (number, message.limit + SPARE),
    )
    turns, _ = fitting(latest, message.limit, page_bytes)
    return SessionFound(session=session_from(row), turns=tuple(memory for _, memory in reversed(turns)))


def session_from(row: Sequence[Any]) -> Session:
    """A talk from a row of `SESSION`."""
    _, name, namespace, started, last, turns, beginning = row
    return Session(
        name=name,
        namespace=namespace,
        turns=turns,
        started=moment(started),
        last=moment(last),
        title=first_words(beginning),
    )


def first_words(text: str) -> str:
    """The beginning of a text, on one line, cut between words where there are any."""
    line = " ".join(text.split())
    if len(line) <= TITLE:
        return line
    return line[: TITLE + 1].rpartition(" ")[0] or line[:TITLE]
