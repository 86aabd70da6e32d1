"""Reads the rows of a database file page by page, where its first page or the way to the others is damaged.

The first page is replaced by that of an empty database of the same size and key, whose tables are then said to begin at every
page in turn: SQLite itself decodes, decrypts and follows overflow chains. Changes the file: give it a copy.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import apsw

from actors.sqlite.encryption import StoreKey

__all__ = ["Pages"]

AT_ONCE: Final = 400
"""Pages whose tables are declared in one schema."""

SIZES: Final = tuple(512 << shift for shift in range(8))
TRIED: Final = 512
"""Pages that are tried with a key before it is said not to fit: some of them hold a table's rows."""


class Pages:
    """The pages of a file.

    Args:
        path: a copy of the database, without its log.
        key: what it is encrypted with.
    """

    def __init__(self, path: Path, key: StoreKey | None) -> None:
        self._path = path
        self._key = key
        with path.open("rb") as file:
            head = file.read(100)
        size = int.from_bytes(head[16:18], "big")
        self._size = size if size in SIZES else 4096
        self.count = path.stat().st_size // self._size
        """How many whole pages there are."""

    def any_opens(self) -> bool:
        """Whether a page beside the first can be read with the key."""
        with suppress(apsw.Error):
            connection = self._graft()
            try:
                return any(self._opens(connection, page) for page in range(2, min(self.count, TRIED) + 1))
            finally:
                connection.close()
        return False

    def rows(self, columns: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Every row of every readable page: its number and its first `columns` values, None where it has fewer.

        A row comes more than once where a page above its own can be read too. Rows of indexes do not come.
        """
        connection = self._graft()
        names = ", ".join(f"c{column}" for column in range(columns + 1))
        try:
            for first in range(2, self.count + 1, AT_ONCE):
                pages = range(first, min(first + AT_ONCE, self.count + 1))
                self._declare(connection, pages, names)
                for page in pages:
                    with suppress(apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.IOError, UnicodeDecodeError):
                        for row in connection.execute(f"SELECT rowid, * FROM p{page}"):  # noqa: S608 (a number)
                            yield row[0], tuple(row[1:])
        finally:
            connection.close()

    def _graft(self) -> apsw.Connection:
        """Open the file with the first page of an empty one in place of its own."""
        self._path.with_name(f"{self._path.name}-wal").unlink(missing_ok=True)
        empty = self._path.with_name(f"{self._path.name}.graft")
        empty.unlink(missing_ok=True)
        try:
            with apsw.Connection(str(empty)) as connection:
                if self._key is not None:
                    self._key.unlock(connection)
                connection.pragma("page_size", self._size)
                connection.execute("CREATE TABLE filler (x)")
                connection.execute("INSERT INTO filler VALUES (zeroblob(?))", ((self.count + 1) * self._size,))
            connection.close()
            with empty.open("rb") as file:
                page = file.read(self._size)
            grown = empty.stat().st_size
        finally:
            empty.unlink(missing_ok=True)

        with self._path.open("r+b") as file:
            file.write(page)
            file.truncate(max(grown, self.count * self._size))
            os.fsync(file.fileno())
        connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
        if self._key is not None:
            self._key.unlock(connection)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
        connection.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)
        connection.pragma("journal_mode", "off")
        connection.pragma("synchronous", "off")
        return connection

    def _declare(self, connection: apsw.Connection, pages: range, names: str) -> None:
        # Committed, at the end of the file: a page that does not decrypt spoils every further read of its transaction.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM sqlite_schema")
        connection.executemany(
            "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', ?1, ?1, ?2, ?3)",
            ((f"p{page}", page, f"CREATE TABLE p{page} ({names})") for page in pages),
        )
        connection.pragma("schema_version", pages.start + (1 << 20))
        connection.execute("COMMIT")

    def _opens(self, connection: apsw.Connection, page: int) -> bool:
        self._declare(connection, range(page, page + 1), "c0")
        try:
            connection.execute(f"SELECT rowid FROM p{page} LIMIT 1").fetchall()  # noqa: S608 (a number)
        except (apsw.CorruptError, apsw.NotADBError):
            return False
        return True
