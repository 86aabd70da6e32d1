"""A disk that refuses: a VFS of SQLite's own kind, the default for every database. Where the house lies it fails as it is told.

`full`, `read-only`, `error` (EIO on writing), `unreadable` (EIO on reading), `sync` (fsync fails), `slow SECONDS` (a sync takes
so long).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import apsw

from chaos.shims.told import PLACE, told

__all__ = ["Disk"]

NAME: Final = "refusing"
USUAL: Final = apsw.vfs_names()[0]
"""The default until now: ours stands on it."""


class File(apsw.VFSFile):
    """A file on it."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__(USUAL, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.elsewhere = path is not None and not path.startswith(str(Path(os.environ[PLACE]).parent))

    def told(self) -> str:
        """What is broken now. Another disk is as it was."""
        return "" if self.elsewhere else told()

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 (SQLite's own name)
        """Fails while the disk cannot be read."""
        if self.told() == "unreadable":
            raise apsw.IOError("the disk cannot be read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 (SQLite's own name)
        """Fails while there is no room, no permission, or an error."""
        match self.told():
            case "full":
                raise apsw.FullError("no space left on device")
            case "read-only":
                raise apsw.ReadOnlyError("read-only file system")
            case "error":
                raise apsw.IOError("input/output error")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 (SQLite's own name)
        """Fails, or takes its time."""
        what, _, seconds = self.told().partition(" ")
        if what == "sync":
            raise apsw.IOError("fsync failed")
        if what == "slow":
            time.sleep(float(seconds))
        super().xSync(flags)


class Disk(apsw.VFS):
    """Everything of the usual file system, but for what it refuses. It is the default of whoever opens a database."""

    def __init__(self) -> None:
        super().__init__(NAME, USUAL, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> File:  # noqa: N802 (SQLite's own name)
        """A file on this disk."""
        return File(name, flags)
