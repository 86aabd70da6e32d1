"""What a shim is told by a row: one line in a file, empty or gone while all is well."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["PLACE", "place_in", "tell", "told"]

PLACE: Final = "CHAOS_TOLD"
"""The environment variable with the file's path, none of ours: those are settings. The data directory's disk may be full."""


def place_in(data_dir: Path) -> Path:
    """The file of a house."""
    return data_dir.with_name("told")


def told() -> str:
    """What is broken now."""
    try:
        descriptor = os.open(os.environ[PLACE], os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


def tell(data_dir: Path, what: str) -> None:
    """Break something, or with nothing mend all. Whole or not at all."""
    path = place_in(data_dir)
    new = path.with_name("told.new")
    new.write_text(what)
    new.rename(path)
