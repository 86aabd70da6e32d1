"""A database of books for the tests of damage: what fills it, what damages it, and what must hold after it was recovered."""

from __future__ import annotations

from pathlib import Path

import apsw

from actors.sqlite.damage import reports
from actors.sqlite.database import Database
from actors.sqlite.encryption import StoreKey

ROWS = 3000
SCHEMA = (
    """
    CREATE TABLE shelf (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE book (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        shelf INTEGER NOT NULL REFERENCES shelf,
        title TEXT NOT NULL,
        pages INTEGER
    ) STRICT;
    CREATE INDEX book_title ON book (title);
    CREATE TABLE reads (book INTEGER NOT NULL, reader TEXT NOT NULL, PRIMARY KEY (book, reader)) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (title, content = 'book', content_rowid = 'number');
    CREATE TRIGGER book_in AFTER INSERT ON book BEGIN
        INSERT INTO words (rowid, title) VALUES (new.number, new.title);
    END;
    """,
    "ALTER TABLE book ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0",
)


def fill(connection: apsw.Connection) -> None:
    connection.execute("INSERT INTO shelf VALUES (1, 'default')")
    for number in range(1, ROWS + 1):
        connection.execute("INSERT INTO book (shelf, title, pages) VALUES (1, ?, ?)", (f"book {number} " + "x" * 60, number))
        connection.execute("INSERT INTO reads VALUES (?, 'ana')", (number,))


def titles(connection: apsw.Connection) -> set[int]:
    return {int(title.split()[1]) for (title,) in connection.execute("SELECT title FROM book NOT INDEXED")}


def add(connection: apsw.Connection) -> int:
    connection.execute("INSERT INTO book (shelf, title) VALUES (1, 'book 99999 new')")
    return connection.last_insert_rowid()


def found_by_words(connection: apsw.Connection) -> int:
    return len(list(connection.execute("SELECT rowid FROM words WHERE words MATCH 'book'")))


async def written(directory: Path) -> Path:
    """A closed database of `ROWS` books."""
    database = Database(directory / "books.db", SCHEMA)
    await database.open()
    await database.write(fill)
    await database.close()
    return database.path


async def opened(path: Path) -> Database:
    database = Database(path, SCHEMA)
    await database.open()
    return database


def pages_of(path: Path, key: StoreKey | None, name: str, kind: str) -> list[int]:
    """The pages of a table or an index that are leaves or not, found by asking SQLite which ones it reads."""
    connection = apsw.Connection(str(path))
    if key is not None:
        key.unlock(connection)
    rows = connection.execute(
        "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno", (name, kind)
    ).fetchall()
    connection.close()
    return [page for (page,) in rows]


def overwrite(path: Path, page: int, data: bytes = b"\xa5" * 4096) -> bytes:
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(data)
    return path.read_bytes()


def set_aside(path: Path) -> tuple[Path, dict]:
    (report,) = reports(path.parent)
    return path.with_name(str(report["set_aside"])), report


async def recovered(path: Path) -> tuple[set[int], dict]:
    """What is there after opening, once it has been seen that it works, and that the damaged file is kept."""
    damaged = path.read_bytes()  # noqa: ASYNC240 (a test may wait for a small file)
    database = await opened(path)
    try:
        there = await database.read(titles)
        new = await database.write(add)
        assert new > ROWS, "a number was given twice"
        assert await database.read(found_by_words) == len(there) + 1
        assert await database.read(lambda connection: connection.pragma("integrity_check")) == "ok"
    finally:
        await database.close()
    aside, report = set_aside(path)
    assert aside.read_bytes() == damaged
    assert report["rows"]["book"] == len(there)
    assert not [file for file in path.parent.iterdir() if "salvag" in file.name or "recover" in file.name]

    again = await opened(path)
    assert len(await again.read(titles)) == len(there) + 1
    await again.close()
    assert len(reports(path.parent)) == 1
    return there, report


async def with_a_log(path: Path, commits: int) -> Path:
    """Leave committed transactions in the log, as a kill does."""
    database = await opened(path)
    for number in range(commits):
        await database.write(
            lambda connection, number=number: connection.execute("UPDATE book SET pages = ?", (number,)) and None
        )
    kept = {suffix: path.with_name(path.name + suffix).read_bytes() for suffix in ("", "-wal")}
    await database.close()
    for suffix, data in kept.items():
        path.with_name(path.name + suffix).write_bytes(data)
    return path.with_name(f"{path.name}-wal")


def one_value(connection: apsw.Connection) -> list[int]:
    return [pages for (pages,) in connection.execute("SELECT DISTINCT pages FROM book WHERE pages < 100")]


def as_a_kill_leaves_it(path: Path, log: bytes) -> None:
    path.with_name(f"{path.name}-open").touch()
    path.with_name(f"{path.name}-wal").write_bytes(log)
