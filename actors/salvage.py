"""Recovers what can be read of a damaged database file into a new one of the same schema.

Rows are read table by table through SQLite itself, around what it cannot read. Where the tables cannot be walked any more,
every page is read by itself (`actors/pages.py`) and a row goes to the one table that it fits. What is derived (indexes,
full-text) is made anew. Works on a copy: the damaged file is only read. Knows schemas by their migrations alone.
"""

# ruff: noqa: S608 (the names in SQL are the schema's own)
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from actors.damage import SIGNS, Salvaged, everything_wrong, remove
from actors.encryption import APPLICATION, StoreKey
from actors.pages import Pages

__all__ = ["fits", "salvage"]

PROBES: Final = 200_000
"""How often a table's readable parts are looked for, at most: halving around damage takes tens of probes a page."""

GAP: Final = 1_000_000
"""How far numbers are advanced when some may have been lost with the end of a table: none is given twice."""

UNREADABLE: Final = (*SIGNS, apsw.IOError, apsw.SQLError, UnicodeDecodeError)


@dataclass(slots=True)
class Table:
    """A table of the schema, as rows go into it."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    required: tuple[bool, ...]
    keys: tuple[str, ...]
    """Its primary key's columns."""

    rowid: str | None
    """The column that is the row's number; None in a table without one."""

    lost: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of numbers that could not be read, both ends included."""

    rejected: int = 0
    unread: bool = False


def salvage(damaged: Path, new: Path, migrations: Sequence[str], key: StoreKey | None, mend: str = "") -> Salvaged:
    """Write what can be read of `damaged` into `new`, brought up to date; then run `mend`, which makes anew what is derived.

    Raises:
        apsw.Error: the new file cannot be written.
        OSError: the copy cannot be.
    """
    copy = damaged.with_name(f"{damaged.name}.salvaging")
    remove(copy)
    try:
        copy_with_log(damaged, copy)
        return recover(copy, new, migrations, key, mend)
    finally:
        remove(copy)


def fits(path: Path, key: StoreKey) -> bool:
    """Whether any page of an encrypted file opens with the key. True where there is none to try but the first."""
    copy = path.with_name(f"{path.name}.salvaging")
    remove(copy)
    try:
        shutil.copyfile(path, copy)
        pages = Pages(copy, key)
        return pages.count < 2 or pages.any_opens()
    finally:
        remove(copy)


def copy_with_log(path: Path, copy: Path) -> None:
    """A file and its log under another name, for the owner alone."""
    for suffix in ("", "-wal"):
        source, target = path.with_name(path.name + suffix), copy.with_name(copy.name + suffix)
        if source.exists() or not suffix:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            if source.exists():
                shutil.copyfile(source, target)
    if not copy.stat().st_size:
        # SQLite would delete the log of an empty file.
        copy.write_bytes(bytes(4096))


def recover(copy: Path, new: Path, migrations: Sequence[str], key: StoreKey | None, mend: str) -> Salvaged:
    """Build `new` at the version of `copy`, fill it, bring it up to date and check it."""
    remove(new)
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    report = Salvaged()
    source, version = opened(copy, migrations, key, report)
    pages = copy.with_name(f"{copy.name}-pages")
    target = apsw.Connection(str(new))
    try:
        if key is not None:
            key.unlock(target)
        for name, value in (("journal_mode", "delete"), ("synchronous", "off"), ("foreign_keys", "off")):
            target.pragma(name, value)
        target.execute("".join(migrations[:version]))
        triggers: Any = target.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            target.execute(f'DROP TRIGGER "{name}"')

        tables = tables_of(target)
        report.lost += fill(target, tables, source, lambda: Pages(shutil.copyfile(copy, pages), key))
        rebuild(target)
        for _, sql in triggers:
            target.execute(sql)
        target.execute("".join(migrations[version:]) + mend)
        target.pragma("user_version", len(migrations))
        target.pragma("application_id", APPLICATION)
        count(target, tables, report)
        if wrong := everything_wrong(target):
            raise apsw.CorruptError(f"the recovered file is not sound: {wrong}")
    finally:
        remove(pages)
        target.close()
        if source is not None:
            source.close()
    return report


def fill(
    target: apsw.Connection, tables: Sequence[Table], source: apsw.Connection | None, lost_pages: Callable[[], Pages]
) -> list[str]:
    """Put every row that can be read into the new file, and mend what refers to those that cannot; says what was mended."""
    target.execute("BEGIN IMMEDIATE")
    for table in tables:
        target.execute(f'DELETE FROM "{table.name}"')
        if source is not None:
            copy_table(source, target, table)
        else:
            table.unread = True
    if any(table.lost or table.unread for table in tables):
        from_pages(lost_pages(), target, tables)
    sequences(source, target, tables)
    mended = drop_dangling(target, tables)
    target.execute("COMMIT")
    return mended


def opened(copy: Path, migrations: Sequence[str], key: StoreKey | None, report: Salvaged) -> tuple[apsw.Connection | None, int]:
    """The copy, if its schema can be read, and the version of its schema; the newest where that is not known."""
    connection = None
    try:
        connection = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)
        if key is not None:
            key.unlock(connection)
        connection.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)  # a file that is too short is read as far as it goes
        version = connection.pragma("user_version")
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    except (apsw.Error, UnicodeDecodeError) as error:
        if connection is not None:
            connection.close()
        report.lost.append(f"its first page or schema could not be read ({error}): rows were taken page by page")
        return None, len(migrations)
    if not names or not 1 <= version <= len(migrations):
        connection.close()
        report.lost.append("it holds no table of this program" if names else "it holds nothing")
        return None, len(migrations)
    return connection, version


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
                keys=keys,
                rowid=number or (None if without_rowid else "rowid"),
            )
        )
    return tables


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
    """Writes a row where none of its key is; one that breaks the schema's rules is counted."""
    sql = f'INSERT OR IGNORE INTO "{table.name}" ({quoted(columns)}) VALUES ({", ".join("?" * len(columns))})'

    def put(row: Sequence[Any]) -> None:
        try:
            target.execute(sql, row)
        except apsw.ConstraintError:
            table.rejected += 1

    return put


def from_pages(pages: Pages, target: apsw.Connection, tables: Sequence[Table]) -> None:
    """Rows of pages that no table leads to any more: each to the one table that it fits."""
    numbered = [table for table in tables if table.rowid is not None]
    wanted = {table.name: table for table in numbered if table.lost or table.unread}
    puts: dict[tuple[str, int], Callable[[Sequence[Any]], None]] = {}
    for number, values in pages.rows(max(len(table.columns) for table in tables)):
        fitting = [table for table in numbered if row_fits(table, values)]
        if len(fitting) != 1 or (table := fitting[0]).name not in wanted:
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


KINDS: Final[dict[str, Any]] = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": (float, int)}


def row_fits(table: Table, values: Sequence[Any]) -> bool:
    """Whether a row could be the table's: by the types of its values, and by what must not be missing."""
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


def sequences(source: apsw.Connection | None, target: apsw.Connection, tables: Sequence[Table]) -> None:
    """Numbers go on above all that were ever given, as far as is known."""
    known: dict[str, int] = {}
    if source is not None:
        with suppress(*UNREADABLE):
            rows: Any = source.execute("SELECT name, seq FROM sqlite_sequence")
            known = dict(rows)
    if not target.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'").fetchall():
        return
    counted: Any = target.execute(
        "SELECT tbl_name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
    ).fetchall()
    by_name = {table.name: table for table in tables}
    for (name,) in counted:
        table = by_name[name]
        row: Any = target.execute(f'SELECT max("{table.rowid}") FROM "{name}"').fetchone()
        highest = max(row[0] or 0, known.get(name, 0))
        if table.lost or table.unread or name not in known:
            highest += GAP
        target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        target.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, highest))


def drop_dangling(target: apsw.Connection, tables: Sequence[Table]) -> list[str]:
    """Mend what refers to lost rows: a name is made up for a lost namespace, an optional reference is emptied, a link goes."""
    by_name = {table.name: table for table in tables}
    gone: dict[tuple[str, str], int] = {}
    for _ in range(len(tables)):
        broken: Any = target.execute("PRAGMA foreign_key_check").fetchall()
        if not broken:
            break
        for name, number, parent, which in broken:
            column = next(row[3] for row in target.execute(f'PRAGMA foreign_key_list("{name}")') if row[0] == which)
            table = by_name[name]
            if parent == "namespace" and number is not None:
                target.execute(
                    "INSERT OR IGNORE INTO namespace (number, name) "
                    f'SELECT "{column}", \'recovered-\' || "{column}" FROM "{name}" WHERE rowid = ?',
                    (number,),
                )
            elif number is None:
                target.execute(f'DELETE FROM "{name}" WHERE "{column}" NOT IN (SELECT rowid FROM "{parent}")')
            elif not table.required[table.columns.index(column)]:
                target.execute(f'UPDATE "{name}" SET "{column}" = NULL WHERE rowid = ?', (number,))
            else:
                target.execute(f'DELETE FROM "{name}" WHERE rowid = ?', (number,))
            gone[name, parent] = gone.get((name, parent), 0) + 1
    return [f"{many} rows of {name} referred to rows of {parent} that are lost" for (name, parent), many in gone.items()]


def rebuild(target: apsw.Connection) -> None:
    """Make what is derived anew: the full-text indexes, and counts that are kept as rows come and go."""
    virtual: Any = target.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%USING fts5%'").fetchall()
    virtual += target.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%USING fts5 (%'").fetchall()
    for (name,) in dict.fromkeys(virtual):
        if "vocab" not in str(target.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchall()[0][0]).lower():
            target.execute(f'INSERT INTO "{name}" ("{name}") VALUES (\'rebuild\')')


def count(target: apsw.Connection, tables: Sequence[Table], report: Salvaged) -> None:
    """Tell what is there and what is not."""
    for table in tables:
        row: Any = target.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()
        report.rows[table.name] = row[0]
        if table.unread:
            report.lost.append(f"{table.name}: some of its rows, or all, could not be read")
        if table.rejected:
            report.lost.append(f"{table.name}: {table.rejected} rows made no sense any more")
        report.lost += [f"{table.name}: {numbers(low, high)} could not be read" for low, high in table.lost]


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
