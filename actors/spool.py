"""A place for a file that comes in by pieces and has to be there whole: small ones in memory, large ones on disk, unreadable.

What lies on disk is encrypted with a key that nobody keeps, in a file that has no name any more: neither a copy of the disk nor
a kill leaves a word of it, whether databases are encrypted or not. SQLite does the writing, as it does for them.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import apsw

from actors.sqlite.encryption import StoreKey
from transport.errors import Unavailable

__all__ = ["IN_MEMORY", "Spool"]

IN_MEMORY: Final = 8 << 20
"""Bytes that are kept in memory."""

PIECE: Final = 256 << 10
"""Bytes a row."""


class Spool:
    """Written from its beginning to its end, then read: `with Spool() as spool: spool.write(…); spool.opened().read()`.

    Args:
        in_memory: bytes; what is longer goes to disk.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._begun = io.BytesIO()
        self._pieces: Pieces | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pieces is not None:
            self._pieces.close()

    def write(self, data: bytes) -> None:
        """Write on.

        Raises:
            Unavailable: the disk does not take it.
        """
        self._begun.write(data)
        limit = self._in_memory if self._pieces is None else PIECE
        if self._begun.tell() > limit:
            self._move()

    def opened(self) -> IO[bytes]:
        """All of it, from the beginning. Nothing is written afterwards.

        Raises:
            Unavailable: the disk does not take the rest.
        """
        if self._pieces is None:
            self._begun.seek(0)
            return self._begun
        self._move(whole=True)
        return io.BufferedReader(self._pieces, PIECE)

    def _move(self, *, whole: bool = False) -> None:
        with told_of_disk():
            if self._pieces is None:
                self._pieces = Pieces()
            content = self._begun.getbuffer()
            end = len(content) if whole else len(content) - len(content) % PIECE
            for start in range(0, end, PIECE):
                self._pieces.add(content[start : min(start + PIECE, end)])
            rest = bytes(content[end:])
            content.release()
        self._begun = io.BytesIO()
        self._begun.write(rest)


class Pieces(io.RawIOBase):
    """The pieces on disk, as a file to be read. All are of one size but for the last."""

    def __init__(self) -> None:
        super().__init__()
        self._connection = nameless_database()
        self._count = 0
        self._place = 0
        self._size = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def add(self, piece: memoryview) -> None:
        """Put one behind the others."""
        self._connection.execute("INSERT INTO piece VALUES (?, ?)", (self._count, bytes(piece)))
        self._count += 1
        self._size += len(piece)

    def close(self) -> None:
        """Nothing of it is left."""
        if not self.closed:
            self._connection.close()
        super().close()

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether its place can be set: always."""
        return True

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the place of the next byte."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("there is nothing before the beginning")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Read on, at most to the end of a piece."""
        number, offset = divmod(self._place, PIECE)
        if self._place >= self._size:
            return 0
        if self._held[0] != number:
            row: Any = self._connection.execute("SELECT content FROM piece WHERE number = ?", (number,)).fetchone()
            self._held = (number, row[0])
        found = self._held[1][offset : offset + len(buffer)]
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)


def nameless_database() -> apsw.Connection:
    """A database under a key of its own, whose file has lost its name before anything is in it."""
    descriptor, name = tempfile.mkstemp(prefix="lattice-", suffix=".spool")
    try:
        os.close(descriptor)
        connection = apsw.Connection(name, flags=apsw.SQLITE_OPEN_READWRITE)
        StoreKey(StoreKey.new_text()).unlock(connection)
        for pragma, value in (
            ("page_size", 65536),
            ("journal_mode", "off"),
            ("synchronous", "off"),
            ("locking_mode", "exclusive"),
        ):
            connection.pragma(pragma, value)
        connection.execute("CREATE TABLE piece (number INTEGER PRIMARY KEY, content BLOB NOT NULL)")
    finally:
        Path(name).unlink(missing_ok=True)
    return connection


@contextmanager
def told_of_disk() -> Iterator[None]:
    """What the disk has against it, in the house's words."""
    try:
        yield
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unavailable(f"there is no room for so large a file in {tempfile.gettempdir()}: {reason}") from error
