"""Files that settings name: whether they can be read, and what they hold.

Asked when the settings are read from the user's own file, so that a wrong one stops the start. Not when they are read back from
what `up` wrote down: a file that is gone by then must not keep a replacement from its work.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

__all__ = ["Problem", "is_missing", "read_text"]


class Problem(NamedTuple):
    """What is wrong with a setting."""

    setting: tuple[str | int, ...]
    reason: str
    may_pass: bool = False
    """By itself: the file is not there yet, and may be written by a program that keeps secrets."""


def is_missing(path: Path) -> bool:
    """Whether nothing of this name is there, as long as one can tell."""
    return not os.path.lexists(os.path.expanduser(path))  # noqa: PTH111 (pathlib's raises where there is no such user)


def read_text(path: Path, most_bytes: int) -> str:
    """The text of a file, without a mark of its byte order.

    Raises:
        ValueError: it cannot be read, is no regular file, is larger, or is not UTF-8; with what a person should read.
    """
    try:
        # A pipe would be waited for without end.
        path = path.expanduser()
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is no file")

        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such user"
        raise ValueError(f"{path} cannot be read: {why}") from None

    if len(data) > most_bytes:
        raise ValueError(f"{path} is larger than {most_bytes} bytes")

    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: byte {error.start}") from None
