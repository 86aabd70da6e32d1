"""Streams from bytes, bounded: server-sent events, and JSON a line.

Only the data of events is of interest: every dialect names its events inside, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from actors.llm.failure import Failure


class Events:
    """Splits a stream of bytes into the data of its events.

    Args:
        max_event_bytes: a longer event is a failure of the endpoint.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self.max_event_bytes = max_event_bytes
        self.rest = b""
        self.lines: list[str] = []
        self.length = 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The data of each event that is complete with it.

        Raises:
            Failure: when an event is too long, or not UTF-8.
        """
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        if len(self.rest) > self.max_event_bytes:
            raise Failure("an event of its stream is too long")

        for line in lines:
            data = self.line(line.removesuffix(b"\r"))
            if data is not None:
                yield data

    def close(self) -> Iterator[str]:
        """What stands at the end without the empty line that should follow it."""
        if self.rest:
            self.line(self.rest.removesuffix(b"\r"))
            self.rest = b""

        if self.lines:
            yield self.take()

    def line(self, line: bytes) -> str | None:
        """Take in a line; the event's data when the line ends one."""
        if not line:
            return self.take() if self.lines else None

        if not line.startswith(b"data:"):
            return None

        self.length += len(line)
        if self.length > self.max_event_bytes:
            raise Failure("an event of its stream is too long")

        try:
            self.lines.append(line[5:].removeprefix(b" ").decode())
        except UnicodeDecodeError:
            raise Failure("its stream is not UTF-8") from None

        return None

    def take(self) -> str:
        """The event's data; the next begins."""
        data = "\n".join(self.lines)
        self.lines = []
        self.length = 0
        return data


class Lines(Events):
    """Splits a stream of bytes into its lines: an event each."""

    def line(self, line: bytes) -> str | None:
        """The line, where it is not empty."""
        if not line.strip():
            return None

        try:
            return line.decode()
        except UnicodeDecodeError:
            raise Failure("its stream is not UTF-8") from None

    def close(self) -> Iterator[str]:
        """What stands at the end without its line's end."""
        data = self.line(self.rest)
        self.rest = b""
        if data is not None:
            yield data
