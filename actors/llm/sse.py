"""Streams from bytes, bounded: server-sent events, and JSON a line.

Only the data of events is of interest: every dialect names its events inside, too.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator

from actors.llm.failure import Failure


class Events:
    """Splits a stream of bytes into the data of its events.

    Args:
        max_event_bytes: a longer event is a failure of the endpoint.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self.max_event_bytes = max_event_bytes
        self.rest = bytearray()
        self.begun = False
        """Its first line is complete."""

        self.half_ended = False
        """What came last was a CR: an LF right behind it belongs to the same line's end."""

        self.lines: list[str] = []
        self.length = 0

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The data of each event that is complete with it.

        Raises:
            Failure: when an event is too long, or not UTF-8.
        """
        end, *more = self.split(chunk)
        self.rest += end
        lines = []
        if more:
            lines = [bytes(self.rest), *more[:-1]]
            self.rest = bytearray(more[-1])

        if len(self.rest) > self.max_event_bytes:
            raise Failure("an event of its stream is too long")

        for line in lines:
            data = self.line(self.unmarked(line))
            if data is not None:
                yield data

    def split(self, chunk: bytes) -> list[bytes]:
        """A chunk at the ends of its lines, of which there are three kinds: CRLF, LF, CR."""
        if self.half_ended:
            chunk = chunk.removeprefix(b"\n")

        self.half_ended = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")

    def unmarked(self, line: bytes) -> bytes:
        """A line; the first one without the mark that some servers put before all that they send."""
        begun, self.begun = self.begun, True
        return line if begun else line.removeprefix(BOM_UTF8)

    def close(self) -> Iterator[str]:
        """What stands at the end without the empty line that should follow it."""
        if self.rest:
            self.line(self.unmarked(bytes(self.rest)))
            self.rest = bytearray()

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

    def split(self, chunk: bytes) -> list[bytes]:
        """A chunk at the ends of its lines. A CR before one is space to whoever reads JSON."""
        return chunk.split(b"\n")

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
        data = self.line(self.unmarked(bytes(self.rest)))
        self.rest = bytearray()
        if data is not None:
            yield data
