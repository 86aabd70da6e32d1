"""An endpoint's key, as it is now: a file that holds one may change while the house runs, as secrets that are rotated do."""

from __future__ import annotations

from loguru import logger

from actors.llm.secrecy import redacted
from actors.llm.settings import EndpointSettings

Stamp = tuple[int, int, int]
"""When a file was written, how long it is, and which one it is."""


class Key:
    """The key that an endpoint is asked with.

    Args:
        settings: of the endpoint; they say where it is kept.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.stamp = self.look()
        self.known = settings.key()
        self.before: str | None = None
        """The key of before: an answer that is under way may still repeat it."""

    def now(self) -> str | None:
        """The key. Where its file has changed it is read again; where that cannot be read the last one is kept."""
        stamp = self.look()
        if stamp is None or stamp == self.stamp:
            return self.known

        self.stamp = stamp
        key = self.settings.key()
        if key is None:
            logger.warning("key not changed", endpoint=self.settings.name, problem=self.settings.file_problem())
        elif key != self.known:
            self.known, self.before = key, self.known
            logger.info("key changed", endpoint=self.settings.name)

        return self.known

    def look(self) -> Stamp | None:
        """What tells whether the file has changed; None where there is no file."""
        if self.settings.api_key_file is None:
            return None

        try:
            found = self.settings.api_key_file.stat()
        except OSError:
            return None

        return found.st_mtime_ns, found.st_size, found.st_ino

    def hidden(self, text: str) -> str:
        """A text in which the key is replaced, so that it can be shown."""
        return redacted(redacted(text, self.known), self.before)
