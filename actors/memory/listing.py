"""Paging through records in the order in which they came in."""

from __future__ import annotations

from typing import Any

import apsw

from actors.memory.cursor import cursor_of, position_of
from actors.memory.messages import List, Listed
from actors.memory.store import SPARE, fitting, records
from actors.moments import micros

__all__ = ["list_memories"]


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
