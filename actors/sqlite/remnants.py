"""Overwrites what is left of deleted rows in the unused middle of a file's pages.

`secure_delete` overwrites a row where it is deleted. But a row that was moved to a neighbour page before, when a tree was
balanced, stays readable in the page that it left, between the list of cells and their content, until that page is full. SQLite
never reads that gap, and has no statement that empties it; so it is overwritten in the file.

Knows no row and no schema. Pages of an encrypted file are left alone: their remnants are under the key.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from actors.sqlite.commit import REFUSED_BY_THE_DISK
from transport.errors import Unavailable

__all__ = ["Remnants", "gap_of"]

AT_ONCE: Final = 512
"""Pages looked at before other writes have their turn: some 5 ms."""

CHECKPOINT_AT: Final = 1000
"""Pages in the log from which on a commit moves them into the file: SQLite's own default, whose hook this one replaces."""

PLAIN: Final = b"SQLite format 3\0"
HEADER: Final = 100
"""Bytes at the beginning of a file, before its first page's own header."""

INTERIOR: Final = frozenset({2, 5})
TREE: Final = INTERIOR | {10, 13}
"""First bytes of pages of trees. Others begin with a page's number, whose first byte is below them up to `MOST_PAGES`."""

MOST_PAGES: Final = 0x0200_0000
LOG_HEADER: Final = 32
FRAME_HEADER: Final = 24


class Remnants:
    """Knows which pages may hold remnants: all when it begins, then those that were written since they were looked at.

    Only the writer's thread calls it. It costs nothing before the first call.

    Args:
        path: of the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._connection: apsw.Connection | None = None
        self._unseen = range(0)
        """Pages that were there when it began and were not looked at since: of a large file too many to be held one by one."""

        self._suspects: set[int] = set()
        """Those that were written since they were looked at."""

        self._page_size = 0
        self._noted: tuple[bytes, int] = (b"", 0)
        """The log's salt, and how many of its frames were looked at."""

    def follow(self, connection: apsw.Connection) -> None:
        """Note what is written from now on; what was written before, in this file or another, is suspected as a whole.

        Raises:
            Unavailable: the log cannot be read.
            apsw.Error: the file cannot.
        """
        if connection is not self._connection:
            self._page_size = int(connection.pragma("page_size"))
            self._noted = (b"", 0)
            self._unseen = range(1, int(connection.pragma("page_count")) + 1)
            self._suspects.clear()
            connection.set_wal_hook(self._committed)
            self._connection = connection
        frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        try:
            self._note(frames)
        except OSError as error:
            raise Unavailable(f"{self._log.name} cannot be read: {error.strerror}", retry_after_ms=1000) from error

    @property
    def saw_all(self) -> bool:
        """Whether every page was looked at since it began."""
        return not self._unseen

    def written(self) -> list[int]:
        """The numbers of the pages that were written since they were looked at."""
        return sorted(self._suspects)

    def overwrite(self, left: list[int]) -> bool:
        """Overwrite the remnants in some of the pages not seen yet, else in some of `left`, and take those out of it.

        False where the log is not empty, as where another program has written meanwhile: then a page may stand there as well.

        Raises:
            apsw.Error: the disk refuses, or another program is writing; `left` is as it was.
        """
        connection = self._connection
        assert connection is not None  # noqa: S101 (it is followed)
        # Until the end of this nobody else writes, so nothing comes into the file between reading a page and writing to it.
        connection.execute("BEGIN IMMEDIATE")
        stale = False
        try:
            if not self._log_is_empty():
                return False
            stale = True
            stale = self._overwrite_some(left)
        finally:
            connection.execute("ROLLBACK")
            if stale:
                # What it has in memory still has them, and would be written back with the page's next change.
                connection.pragma("shrink_memory")
        return True

    def _log_is_empty(self) -> bool:
        try:
            return self._log.stat().st_size == 0
        except OSError as error:
            raise Unavailable(f"{self._log.name} cannot be found: {error.strerror}", retry_after_ms=1000) from error

    def _overwrite_some(self, left: list[int]) -> bool:
        """Whether there was anything to overwrite."""
        pages: Sequence[int] = self._unseen[:AT_ONCE] or left[-AT_ONCE:]
        # Through SQLite's own file layer: were the file opened and closed beside it, its locks would be gone.
        file = apsw.VFSFile("unix", str(self._path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0])
        overwritten = 0
        try:
            if self._is_plain(file):
                overwritten = sum([self._overwrite(file, page) for page in pages])
            else:
                self._unseen = range(0)
                pages = left[:]
            if overwritten:
                file.xSync(apsw.SQLITE_SYNC_NORMAL)
        finally:
            file.xClose()
        if self._unseen:
            self._unseen = self._unseen[AT_ONCE:]
        else:
            del left[-len(pages) :]
        self._suspects.difference_update(pages)
        return overwritten > 0

    def _is_plain(self, file: apsw.VFSFile) -> bool:
        """Whether its pages can be read, and a page of a tree is told by its first byte."""
        size = file.xFileSize()
        if not 0 < size < MOST_PAGES * self._page_size:
            return False
        head = file.xRead(HEADER, 0)
        moves_pages = any(head[52:56])
        return head.startswith(PLAIN) and not moves_pages

    def _overwrite(self, file: apsw.VFSFile, number: int) -> bool:
        offset = (number - 1) * self._page_size
        if offset + self._page_size > file.xFileSize():
            return False
        page = file.xRead(self._page_size, offset)
        gap = gap_of(page, HEADER if number == 1 else 0)
        if page.count(0, gap.start, gap.stop) == len(gap):
            return False
        file.xWrite(bytes(len(gap)), offset + gap.start)
        return True

    def _committed(self, connection: apsw.Connection, _name: str, frames: int) -> int:
        if frames >= CHECKPOINT_AT:
            # The transaction is on disk: whatever is raised here would tell who waits for it that it is not.
            try:
                self._note(frames)
            except OSError:
                self._connection = None  # all is suspected again
            with suppress(*REFUSED_BY_THE_DISK):  # as SQLite's own hook: the next commit tries again
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK

    def _note(self, frames: int) -> None:
        """Suspect the pages in the log: called before each checkpoint, since the log begins anew after it.

        Args:
            frames: how many are committed. Behind them others may stand, of an earlier round or taken back.
        """
        if frames <= 0:
            return
        log = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        try:
            salt = os.pread(log, 8, 16)
            known = self._noted[1] if self._noted[0] == salt else 0
            for number in range(known, frames):
                frame = LOG_HEADER + number * (FRAME_HEADER + self._page_size)
                self._suspects.add(int.from_bytes(os.pread(log, 4, frame), "big"))
        finally:
            os.close(log)
        self._noted = (salt, frames)


def gap_of(page: bytes, at: int = 0) -> range:
    """What SQLite does not use between the list of cells and their content; empty for what is no sound page of a tree.

    Args:
        page: as it stands in the file.
        at: where its own header begins.
    """
    kind = page[at]
    if kind not in TREE:
        return range(0)
    count = int.from_bytes(page[at + 3 : at + 5], "big")
    pointers = at + (12 if kind in INTERIOR else 8)
    first = pointers + 2 * count
    content = int.from_bytes(page[at + 5 : at + 7], "big") or 65_536
    if not first <= content <= len(page):
        return range(0)
    # Where a cell stands before it, the page is damaged. SQLite finds its cells by these alone, and reads them still.
    cells = struct.unpack_from(f">{count}H", page, pointers)
    return range(first, content) if min(cells, default=content) >= content else range(0)
