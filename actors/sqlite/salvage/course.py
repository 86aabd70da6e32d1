"""The course of a recovery: from a copy of the damaged file into a new one, checked, with what is derived made anew.

The damaged file is only read. Knows schemas by their migrations alone.
"""

# ruff: noqa: S608 (the names in SQL are the schema's own)
from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import apsw

from actors.sqlite.damage import Salvaged, everything_wrong, remove
from actors.sqlite.encryption import APPLICATION, StoreKey
from actors.sqlite.pages import Pages
from actors.sqlite.salvage.first_page import restored
from actors.sqlite.salvage.leftovers import from_pages
from actors.sqlite.salvage.tables import UNREADABLE, Table, numbers, tables_of
from actors.sqlite.salvage.walking import copy_table

__all__ = ["fits", "salvage"]

GAP: Final = 1_000_000
"""How far numbers are advanced when some may have been lost with the end of a table: none is given twice."""


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
        connection = connected(copy, migrations, key, report)
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


def connected(copy: Path, migrations: Sequence[str], key: StoreKey | None, report: Salvaged) -> apsw.Connection:
    """The copy, with a new first page where it has none that can be read. What is encrypted has no second one."""
    connection = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)
    if key is not None:
        key.unlock(connection)
        return connection
    try:
        connection.pragma("user_version")
    except UNREADABLE:
        connection.close()
        if restored(copy, migrations):
            report.lost.append("its first page could not be read: it was made anew, and everything else is sound")
        connection = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE)
    return connection


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
    return [told_of(name, parent, many) for (name, parent), many in gone.items()]


def told_of(name: str, parent: str, many: int) -> str:
    """What became of rows that referred to lost ones."""
    told = f"{many} rows of {name} referred to rows of {parent} that are lost"
    return f"{told}; their namespace is called recovered- and its number now" if parent == "namespace" else told


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
