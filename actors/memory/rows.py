"""Rows of new records and of their events that wait to be written, many with one statement.

The interpreter is given away for each statement and has to be got back from the loop's thread afterwards, which costs more than
a row does. So what comes in is gathered over a whole transaction. Numbers are given here, as SQLite would give them. Knows the
columns of two tables, and nobody who writes records.
"""

from __future__ import annotations

import secrets
from functools import cache
from itertools import chain
from typing import Any, Final

import apsw

__all__ = ["Rows", "last_given"]

AT_ONCE: Final = 128
"""Rows of one statement. More make no difference that could be measured."""

MOST: Final = 1024
"""Records that wait, and half of the events that do: it bounds the memory that they take. What one message may bring."""

RECORD: Final = """number, id, namespace, session, kind, speaker, role, text, time, ingested, valid_from, valid_to, importance,
    metadata, key, fingerprint, chain, provenance, affect_user, affect_assistant"""
EVENT: Final = "seq, change, memory, time, cause, detail"


class Rows:
    """What came in during a transaction and is not in the database yet. To be written before anyone looks there."""

    def __init__(self) -> None:
        self.keys: dict[tuple[int, str], str] = {}
        """The ids of those that wait, by namespace and key."""

        self._records: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._number: int | None = None
        self._seq: int | None = None
        self._stretch = secrets.token_hex(8)
        """The name of what this opening writes of the event table."""

    def add_record(self, connection: apsw.Connection, values: tuple[Any, ...]) -> int:
        """Take the row of a new record, less its number; returns the number."""
        if len(self._records) >= MOST:
            self.write(connection)
        if self._number is None:
            self._number = last_given(connection, "memory")
        self._number += 1
        self._records.append((self._number, *values))
        return self._number

    def add_event(self, connection: apsw.Connection, values: tuple[Any, ...]) -> None:
        """Take the row of an event, less its number."""
        if len(self._events) >= 2 * MOST:
            self.write(connection)
        if self._seq is None:
            self._seq = last_given(connection, "event")
            self._begin_stretch(connection, self._seq + 1)
        self._seq += 1
        self._events.append((self._seq, *values))

    def write(self, connection: apsw.Connection) -> None:
        """Write all that waits."""
        if self._records:
            insert(connection, "memory", RECORD, self._records)
            self._records.clear()
            self.keys.clear()
        if self._events:
            insert(connection, "event", EVENT, self._events)
            self._events.clear()

    def _begin_stretch(self, connection: apsw.Connection, seq: int) -> None:
        connection.execute(
            "INSERT INTO timeline SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM timeline WHERE id = ?2)", (seq, self._stretch)
        )

    def clear(self) -> None:
        """Forget everything: the transaction is taken back, and with it the numbers that it gave."""
        self.keys.clear()
        self._records.clear()
        self._events.clear()
        self._number = self._seq = None


def last_given(connection: apsw.Connection, table: str) -> int:
    """The highest number that was ever given in a table with AUTOINCREMENT."""
    row: Any = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return int(row[0]) if row else 0


def insert(connection: apsw.Connection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows with few statements, of which there are only those for powers of two: they are kept prepared."""
    done = 0
    while done < len(rows):
        left = len(rows) - done
        taken = AT_ONCE if left >= AT_ONCE else 1 << (left.bit_length() - 1)
        connection.execute(statement(table, columns, taken), tuple(chain.from_iterable(rows[done : done + taken])))
        done += taken


@cache
def statement(table: str, columns: str, count: int) -> str:
    """The statement that inserts so many rows."""
    row = f"({', '.join('?' * (columns.count(',') + 1))})"
    return f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * count)}"  # noqa: S608 (our own names)
