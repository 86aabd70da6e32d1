"""Persona: the text that stands first in every prompt, from the settings or from a file of the user's own.

The file is looked at again while the actor runs: who edits it need not restart anything.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from loguru import logger

from transport.errors import Invalid

__all__ = ["LONGEST", "Persona", "read_persona"]

LONGEST: Final = 100_000
"""Characters of a persona."""

LOOK_EVERY_S: Final = 1.0


def read_persona(path: Path) -> str:
    """The text of a persona's file.

    Raises:
        Invalid: it cannot be read, is not UTF-8, or too long; names the file.
    """
    try:
        with path.open("rb") as file:
            data = file.read(4 * LONGEST + 1)
        text = data.decode("utf-8-sig").replace("\0", "").strip()
    except OSError as error:
        raise Invalid(f"thinking.persona_file: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"thinking.persona_file: {path} is not UTF-8: byte {error.start}") from error
    if len(text) > LONGEST:
        raise Invalid(f"thinking.persona_file: {path} has more than {LONGEST} characters")

    return text


class Persona:
    """The persona as it stands now.

    Args:
        text: where there is no file.
        path: the file; what cannot be read later leaves the last text in place.

    Raises:
        Invalid: the file cannot be read at the start.
    """

    def __init__(self, text: str, path: Path | None) -> None:
        self.path = path
        self.mark = self._mark()
        self.known = text if path is None else read_persona(path)
        self.looked = time.monotonic()

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
            logger.bind(reason=error.message).error("the persona stays as it was")
        else:
            logger.bind(characters=len(self.known)).info("the persona was read anew")

    def _mark(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat() if self.path is not None else None
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size)
