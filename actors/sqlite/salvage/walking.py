"""Reads a table row by row through SQLite itself, around what it cannot read: by number, by key, or by an index."""

# ruff: noqa: S608 (the names in SQL are the schema's own)
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import apsw

from actors.sqlite.salvage.tables import UNREADABLE, Table, merged, quoted

__all__ = ["PROBES", "copy_table", "putter"]

PROBES: Final = 200_000
"""How often a table's readable parts are looked for, at most: halving around damage takes tens of probes a page."""


def copy_table(source: apsw.Connection, target: apsw.Connection, table: Table) -> None:
    """Every row that can be reached."""
    try:
        there = {row[1] for row in source.execute(f'PRAGMA table_info("{table.name}")')}
    except UNREADABLE:
        there = set()
    columns = [column for column in table.columns if column in there]
    if not columns:
        table.unread = True
        return
    put = putter(target, table, columns)
    if table.rowid is None:
        copy_keyed(source, table, columns, put)
    else:
        copy_numbered(source, table, columns, put)
    if table.lost or table.unread:
        copy_by_index(source, table, columns, put)


def copy_numbered(source: apsw.Connection, table: Table, columns: Sequence[str], put: Callable[[Sequence[Any]], None]) -> None:
    """Read forwards until it fails, backwards until it fails, and halve what lies between."""
    select = f'SELECT "{table.rowid}", {quoted(columns)} FROM "{table.name}" WHERE "{table.rowid}" BETWEEN ? AND ?'
    order = f'ORDER BY "{table.rowid}"'
    ranges = [(-(1 << 63), (1 << 63) - 1)]
    probes = 0
    while ranges:
        low, high = ranges.pop()
        probes += 1
        if probes > PROBES:
            table.lost.append((low, high))
            continue
        done = read_into(source, f"{select} {order}", (low, high), put)
        if done is None:
            continue
        low = max(low, done + 1) if done != NOTHING else low
        back = read_into(source, f"{select} {order} DESC", (low, high), put)
        if back is None:
            continue
        high = min(high, back - 1) if back != NOTHING else high
        if low == high or (low < high and (low == -(1 << 63) or high == (1 << 63) - 1)):
            table.lost.append((low, high))
        elif low < high:
            middle = (low + high) // 2
            ranges += [(low, middle), (middle + 1, high)]
    table.lost = merged(table.lost)


NOTHING: Final = 1 << 70


def read_into(source: apsw.Connection, sql: str, values: Sequence[Any], put: Callable[[Sequence[Any]], None]) -> int | None:
    """Read until the end (None) or until it fails: the last number read, `NOTHING` when none was."""
    last = NOTHING
    rows = Readable(source, sql, values)
    for row in rows:
        put(row[1:])
        last = row[0]
    return last if rows.failed else None


class Readable:
    """A query's rows up to the first that cannot be read. What fails elsewhere, as in writing them, is not taken for that."""

    def __init__(self, source: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> None:
        self._source = source
        self._query = sql, values
        self.failed = False

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            rows = self._source.execute(*self._query)
        except UNREADABLE:
            self.failed = True
            return
        while True:
            try:
                row = next(rows, None)
            except UNREADABLE:
                self.failed = True
                return
            if row is None:
                return
            yield row


def copy_keyed(source: apsw.Connection, table: Table, columns: Sequence[str], put: Callable[[Sequence[Any]], None]) -> None:
    """Read a table without numbers from both ends."""
    for direction in ("ASC", "DESC"):
        order = ", ".join(f'"{column}" {direction}' for column in table.keys)
        rows = Readable(source, f'SELECT {quoted(columns)} FROM "{table.name}" ORDER BY {order}')
        for row in rows:
            put(row)
        table.unread = rows.failed
        if not table.unread:
            return


def copy_by_index(source: apsw.Connection, table: Table, columns: Sequence[str], put: Callable[[Sequence[Any]], None]) -> None:
    """What an index holds whole: of a small table all of it."""
    found: list[str] = []
    with suppress(*UNREADABLE):
        for _, index, _, _, partial in list(source.execute(f'PRAGMA index_list("{table.name}")')):
            held = {row[2] for row in source.execute(f'PRAGMA index_info("{index}")')} | {table.rowid}
            if not partial and set(columns) <= held:
                found.append(f'SELECT {quoted(columns)} FROM "{table.name}" INDEXED BY "{index}"')
    for sql in found:
        for row in Readable(source, sql):
            put(row)


def putter(target: apsw.Connection, table: Table, columns: Sequence[str]) -> Callable[[Sequence[Any]], None]:
    """Writes a row where none of its key is; one that breaks the schema's rules, or has a NUL in a text, is counted."""
    sql = f'INSERT OR IGNORE INTO "{table.name}" ({quoted(columns)}) VALUES ({", ".join("?" * len(columns))})'

    def put(row: Sequence[Any]) -> None:
        if any(isinstance(value, str) and "\0" in value for value in row):
            table.rejected += 1
            return
        try:
            target.execute(sql, row)
        except apsw.ConstraintError:
            table.rejected += 1

    return put
