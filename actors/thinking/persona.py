"""Persona: the text that stands first in every prompt, from the settings or from a file of the user's own.

The file is looked at again while the actor runs: who edits it need not restart anything.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from loguru import logger

from actors.named_files import read_text
from transport.errors import Invalid

__all__ = ["LONGEST", "Persona", "read_persona"]

LONGEST: Final = 100_000
"""Characters of a persona."""

LOOK_EVERY_S: Final = 1.0
NEVER: Final = (-1, -1)
"""The mark of a file that nobody has looked at."""


def read_persona(path: Path) -> str:
    """The text of a persona's file.

    Raises:
        Invalid: it cannot be read, is not UTF-8, or too long; names the file.
    """
    try:
        text = read_text(path, 4 * LONGEST).replace("\0", "").strip()
    except ValueError as error:
        raise Invalid(str(error)) from None
    if len(text) > LONGEST:
        raise Invalid(f"{path} has more than {LONGEST} characters")

    return text


class Persona:
    """The persona as it stands now.

    Args:
        text: where there is no file.
        path: the file. What cannot be read leaves the last text in place. Where there is none, because this process has taken
            another one's place, answers go out without a persona until the file is back.
    """

    def __init__(self, text: str, path: Path | None) -> None:
        self.path = None if path is None else path.expanduser()
        self.known = text
        self.mark: tuple[int, int] | None = NEVER
        self.looked = time.monotonic()
        if self.path is not None:
            self._look(self.path)

    @property
    def text(self) -> str:
        """The text, read again where the file has changed."""
        now = time.monotonic()
        if self.path is not None and now - self.looked >= LOOK_EVERY_S:
            self.looked = now
            self._look(self.path)
        return self.known

    def _look(self, path: Path) -> None:
        mark = self._mark()
        if mark == self.mark:
            return

        self.mark = mark
        try:
            self.known = read_persona(path)
        except Invalid as error:
            logger.bind(reason=error.message).error("the persona's file cannot be read: it stays as it was")
        else:
            logger.bind(characters=len(self.known)).info("the persona was read anew")

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat() if self.path is not None else None
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size)
