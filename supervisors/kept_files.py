"""Files of the run directory that nobody else can make again, kept in memory: should they be deleted or spoilt, they come back.

Knows their names, and that they are JSON.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from pathlib import Path

from transport.foreign import put_file, set_aside

__all__ = ["KeptFiles"]


class KeptFiles:
    """The files' contents, as they were at the last look.

    Args:
        run_dir: where they are.
        names: theirs.
    """

    def __init__(self, run_dir: Path, names: Sequence[str]) -> None:
        self.run_dir = run_dir
        self.names = names
        self.known: dict[str, tuple[tuple[int, int], bytes]] = {}

    def look(self) -> bool:
        """Read what has changed, and say whether all are as they should be. Who changes one puts a new file in its place."""
        whole = True
        for name in self.names:
            path = self.run_dir / name
            try:
                found = path.lstat()
            except FileNotFoundError:
                whole = whole and name not in self.known
                continue

            mark = (found.st_ino, found.st_mtime_ns)
            if name in self.known and self.known[name][0] == mark:
                continue

            content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
            if is_json(content):
                self.known[name] = mark, content
            elif name in self.known:
                set_aside(path)
                whole = False
        return whole

    def restore(self) -> None:
        """Write what is missing.

        Raises:
            OSError: the directory is missing, or the disk takes nothing.
        """
        for name, (_, content) in self.known.items():
            path = self.run_dir / name
            if not path.exists():
                put_file(path, content)


def is_json(content: bytes) -> bool:
    """Whether somebody can read it."""
    try:
        json.loads(content)
    except ValueError:
        return False

    return True
