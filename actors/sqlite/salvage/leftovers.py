"""Rows out of single pages, where a table cannot be walked any more: each goes to the one table that it fits."""

# ruff: noqa: S608 (the names in SQL are the schema's own)
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import apsw

from actors.sqlite.pages import Pages
from actors.sqlite.salvage.tables import Table, is_whole, merged, row_fits
from actors.sqlite.salvage.walking import PROBES, putter

__all__ = ["from_pages"]


def from_pages(pages: Pages, target: apsw.Connection, tables: Sequence[Table]) -> None:
    """Rows of pages that no table leads to any more: each to the one table that it fits."""
    numbered = [table for table in tables if table.rowid is not None]
    wanted = {table.name: table for table in numbered if table.lost or table.unread}
    puts: dict[tuple[str, int], Callable[[Sequence[Any]], None]] = {}
    for number, values in pages.rows(max(len(table.columns) for table in tables)):
        table = table_of(values, numbered)
        if table is None or table.name not in wanted:
            continue
        if table.lost and not any(low <= number <= high for low, high in table.lost):
            continue
        row = list(values[: len(table.columns)])
        if table.rowid != "rowid":
            row[table.columns.index(str(table.rowid))] = number
        while row[-1] is None:  # an older row ends before columns that were added: they take their defaults
            row.pop()
        if (table.name, len(row)) not in puts:
            puts[table.name, len(row)] = putter(target, table, table.columns[: len(row)])
        puts[table.name, len(row)](row)
    for table in wanted.values():
        table.lost = still_missing(target, table)


def table_of(values: Sequence[Any], tables: Sequence[Table]) -> Table | None:
    """The one table that a row fits, or of several the one in which nothing of it is missing; None where that is not clear."""
    fitting = [table for table in tables if row_fits(table, values)]
    if len(fitting) > 1:
        fitting = [table for table in fitting if is_whole(table, values)]
    return fitting[0] if len(fitting) == 1 else None


def still_missing(target: apsw.Connection, table: Table) -> list[tuple[int, int]]:
    """What is left of the ranges that could not be read, less the rows that were found elsewhere."""
    missing = []
    for low, high in table.lost:
        if high - low > PROBES:
            missing.append((low, high))
            continue
        found = {
            number
            for (number,) in target.execute(
                f'SELECT "{table.rowid}" FROM "{table.name}" WHERE "{table.rowid}" BETWEEN ? AND ?', (low, high)
            )
        }
        missing += [(number, number) for number in range(low, high + 1) if number not in found]
    return merged(missing)
