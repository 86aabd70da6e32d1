"""Overwrites what is left of deleted rows in the unused middle of a file's pages.

`secure_delete` overwrites a row where it is deleted. But a row that was moved to a neighbour page before, when a tree was
balanced, stays readable in the page that it left, between the list of cells and their content, until that page is full. SQLite
never reads that gap, and has no statement that empties it; so it is overwritten in the file.

Knows no row and no schema. Pages of an encrypted file are left alone: their remnants are under the key.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

import apsw

from actors.sqlite.commit import REFUSED_BY_THE_DISK

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
        self._suspects: set[int] = set()
        self._page_size = 0
        self._noted: tuple[bytes, int] = (b"", 0)
        """The log's salt, and how many of its frames were looked at."""

    def follow(self, connection: apsw.Connection) -> None:
        """Note what is written from now on; what was written before, in this file or another, is suspected as a whole."""
        if connection is not self._connection:
            self._connection = connection
            self._page_size = int(connection.pragma("page_size"))
            self._noted = (b"", 0)
            self._suspects = set(range(1, int(connection.pragma("page_count")) + 1))
            connection.set_wal_hook(self._committed)
        self._note()

    def suspects(self) -> set[int]:
        """The numbers of all pages that may hold remnants."""
        return set(self._suspects)

    def overwrite(self, left: set[int]) -> None:
        """Overwrite the remnants in some of the pages `left`, and take those pages out of it. The log has to be empty.

        Raises:
            apsw.Error: the disk refuses; `left` is as it was.
        """
        connection = self._connection
        assert connection is not None  # noqa: S101 (it is followed)
        pages = sorted(islice(left, AT_ONCE))
        # Through SQLite's own file layer: were the file opened and closed beside it, its locks would be gone.
        file = apsw.VFSFile("unix", str(self._path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0])
        try:
            if not self._is_plain(file):
                pages = sorted(left)
            elif sum([self._overwrite(file, page) for page in pages]):
                file.xSync(apsw.SQLITE_SYNC_NORMAL)
                # What it has in memory still has them, and would be written back with the page's next change.
                connection.pragma("shrink_memory")
        finally:
            file.xClose()
        left.difference_update(pages)
        self._suspects.difference_update(pages)

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

    def _committed(self, connection: apsw.Connection, _name: str, pages: int) -> int:
        if pages >= CHECKPOINT_AT:
            self._note()
            with suppress(*REFUSED_BY_THE_DISK):  # as SQLite's own hook: the next commit tries again
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return apsw.SQLITE_OK

    def _note(self) -> None:
        """Suspect the pages in the log: called before each checkpoint, since the log begins anew after it."""
        try:
            log = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            salt = os.pread(log, 8, 16)
            frame = FRAME_HEADER + self._page_size
            count = max(0, os.fstat(log).st_size - LOG_HEADER) // frame
            known = self._noted[1] if self._noted[0] == salt else 0
            for number in range(known, count):
                self._suspects.add(int.from_bytes(os.pread(log, 4, LOG_HEADER + number * frame), "big"))
            # Frames of an earlier round may stand behind those of this one, and be written over: they are looked at again.
            self._noted = (salt, self._written(log, salt, frame, count))
        finally:
            os.close(log)
        self._suspects.discard(0)

    @staticmethod
    def _written(log: int, salt: bytes, frame: int, count: int) -> int:
        """How many frames are of this round: a search by halves, since they stand before all others."""
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if os.pread(log, 8, LOG_HEADER + middle * frame + 8) == salt:
                low = middle + 1
            else:
                high = middle
        return low


def gap_of(page: bytes, at: int = 0) -> range:
    """What SQLite does not use between the list of cells and their content; empty for what is no page of a tree.

    Args:
        page: as it stands in the file.
        at: where its own header begins.
    """
    kind = page[at]
    if kind not in TREE:
        return range(0)
    first = at + (12 if kind in INTERIOR else 8) + 2 * int.from_bytes(page[at + 3 : at + 5], "big")
    content = int.from_bytes(page[at + 5 : at + 7], "big") or 65_536
    return range(first, content) if content <= len(page) else range(0)
