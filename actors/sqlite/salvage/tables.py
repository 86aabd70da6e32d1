"""The tables of a schema, as rows go into them, and which rows fit. Knows schemas by what SQLite says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from actors.sqlite.damage import SIGNS

__all__ = ["UNREADABLE", "Table", "is_whole", "merged", "numbers", "quoted", "row_fits", "tables_of"]

UNREADABLE: Final = (*SIGNS, apsw.IOError, apsw.SQLError, UnicodeDecodeError)
"""Errors that SQLite raises where it meets damage."""


@dataclass(slots=True)
class Table:
    """A table of the schema, as rows go into it."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    required: tuple[bool, ...]
    """Which columns a row of any age has."""

    filled: tuple[bool, ...]
    """Which columns a row has that was written since the last of them was added."""

    keys: tuple[str, ...]
    """Its primary key's columns."""

    rowid: str | None
    """The column that is the row's number; None in a table without one."""

    lost: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of numbers that could not be read, both ends included."""

    rejected: int = 0
    unread: bool = False


def tables_of(connection: apsw.Connection) -> list[Table]:
    """The tables that hold rows of their own."""
    listed: Any = connection.execute("PRAGMA table_list").fetchall()
    tables = []
    for schema, name, kind, _, without_rowid, *_ in listed:
        if schema != "main" or kind != "table" or name.startswith("sqlite_"):
            continue
        info: Any = connection.execute(f'PRAGMA table_info("{name}")').fetchall()
        keys = tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])
        alone = len(keys) == 1 and not without_rowid
        number = next((row[1] for row in info if alone and row[1] == keys[0] and row[2].upper() == "INTEGER"), None)
        tables.append(
            Table(
                name=name,
                columns=tuple(row[1] for row in info),
                types=tuple(row[2].upper() for row in info),
                required=tuple(bool(row[3]) and row[4] is None for row in info),
                filled=tuple(bool(row[3]) for row in info),
                keys=keys,
                rowid=number or (None if without_rowid else "rowid"),
            )
        )
    return tables


KINDS: Final[dict[str, Any]] = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": (float, int)}


def is_whole(table: Table, values: Sequence[Any]) -> bool:
    """Whether a row that fits has a value wherever today's rows of the table have one."""
    columns = zip(table.columns, table.filled, values, strict=False)
    return all(value is not None for column, filled, value in columns if filled and column != table.rowid)


def row_fits(table: Table, values: Sequence[Any]) -> bool:
    """Whether a row could be the table's: by the types of its values, and by what must not be missing.

    A text with a NUL in it was overwritten: nothing that is kept here has one.
    """
    if any(isinstance(value, str) and "\0" in value for value in values):
        return False
    if any(value is not None for value in values[len(table.columns) :]):
        return False
    for column, kind, required, value in zip(table.columns, table.types, table.required, values, strict=False):
        if column == table.rowid:
            if value is not None:
                return False
        elif value is None:
            if required:
                return False
        elif not isinstance(value, KINDS.get(kind, object)):
            return False
    return True


def numbers(low: int, high: int) -> str:
    """A range of row numbers in words."""
    if low == high:
        return f"row {low}"
    return f"rows {'the first' if low == -(1 << 63) else low} to {'the last' if high == (1 << 63) - 1 else high}"


def merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers in as few ranges as possible, in order."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return joined


def quoted(columns: Sequence[str]) -> str:
    """Column names for SQL."""
    return ", ".join(f'"{column}"' for column in columns)
