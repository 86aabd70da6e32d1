"""What somebody may put in the place of a lock or a socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

FOREIGN = ("file", "directory", "link", "link to nothing", "pipe", "socket")


def put_foreign(path: Path, what: str) -> None:
    """Put it there, in place of what is there."""
    path.unlink(missing_ok=True)
    match what:
        case "file":
            path.write_text("data")
        case "directory":
            path.mkdir()
            (path / "file").write_text("data")
        case "link":
            target = path.with_name("target")
            target.write_text("data")
            path.symlink_to(target)
        case "link to nothing":
            path.symlink_to(path.with_name("nothing"))
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(str(path))
