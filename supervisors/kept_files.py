"""Files of the run directory that nobody else can make again, kept in memory: should the directory be deleted, they come back.

Knows their names and nothing of what is in them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["KeptFiles"]


class KeptFiles:
    """As they were when they were looked at last.

    Args:
        run_dir: where they are.
        names: theirs.
    """

    def __init__(self, run_dir: Path, names: Sequence[str]) -> None:
        self.run_dir = run_dir
        self.names = names
        self.known: dict[str, tuple[tuple[int, int], bytes]] = {}

    def look(self) -> None:
        """Read what has changed. Whoever changes one puts a new file in its place."""
        for name in self.names:
            with suppress(FileNotFoundError):
                path = self.run_dir / name
                found = path.stat()
                mark = (found.st_ino, found.st_mtime_ns)
                if name not in self.known or self.known[name][0] != mark:
                    self.known[name] = mark, path.read_bytes()

    def restore(self) -> None:
        """Write what is missing.

        Raises:
            OSError: the directory is missing, or the disk takes nothing.
        """
        for name, (_, content) in self.known.items():
            path = self.run_dir / name
            if path.exists():
                continue

            fresh = path.with_name(f"{name}.new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            fresh.replace(path)
