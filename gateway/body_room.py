"""Room for bodies: what the bodies of all requests may take together, and whose body gives way to another's.

A body that comes slowly holds room that others could use. Knows no route and no place: who may come in is admission.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from gateway.errors import HttpError
from gateway.settings import GatewaySettings
from transport.errors import LatticeError, Overloaded

__all__ = ["READERS", "BodyRoom", "Reader"]

READERS: Final = 1024
"""Requests whose bodies are being waited for. One more costs the one that has been waited for longest; each is some ten KiB."""

GRACE_S: Final = 1.0
"""How long a body may take, however slowly it comes, before its room is given to others."""


class Reader:
    """A request's body on its way: the room that is held for it, and what has come of it.

    Args:
        room: bytes that are held.
        end: ends the request with an error.
    """

    __slots__ = ("began", "came", "end", "room")

    def __init__(self, room: int, end: Callable[[LatticeError], None]) -> None:
        self.room = room
        self.end = end
        self.began = time.monotonic()
        self.came = 0

    def is_slow(self, within_s: float) -> bool:
        """Whether it will not be whole within so many seconds if it goes on like this."""
        took = time.monotonic() - self.began
        return took > GRACE_S and self.came * within_s < self.room * took


class BodyRoom:
    """The room that the bodies of all requests share."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.bytes = 0
        """Held for bodies now."""

        self.readers: dict[Reader, None] = {}
        """Whose bodies are being waited for, those first that have been for longest. They have no place meanwhile."""

    @contextmanager
    def held(self, request: web.Request, end: Callable[[LatticeError], None]) -> Iterator[Reader]:
        """Hold room for a request's body, until it is answered: once it is there, `give_back` leaves it what it needs.

        Where there is none left, those are ended whose bodies come too slowly to be whole in time.

        Raises:
            HttpError: 413, it is larger than any may be.
            Overloaded: the bodies being handled leave no room for it.
        """
        limit = self.settings.max_body_bytes
        declared = request.content_length
        if declared is not None and declared > limit:
            raise HttpError(413, "too_large", f"the body has {declared} bytes; at most {limit} are taken")

        # What is coded may become as large as any.
        size = limit if declared is None or "Content-Encoding" in request.headers else declared
        lacking = self.bytes + size - self.settings.max_bodies_bytes
        if self.bytes and lacking > 0 and not self.make_room(lacking):
            raise Overloaded("the requests being handled leave no room for another body; try again in a moment")

        reader = Reader(size, end)
        self.bytes += size
        try:
            yield reader
        finally:
            self.bytes -= reader.room

    def give_back(self, reader: Reader, size: int) -> None:
        """A body has come, of so many bytes: what was held beyond them is free, as where nobody said how long it would be."""
        unused = max(0, reader.room - size)
        reader.room -= unused
        self.bytes -= unused

    def make_room(self, lacking: int) -> bool:
        """End slow bodies, if that gives so many bytes."""
        slow = [reader for reader in self.readers if reader.is_slow(self.settings.read_timeout_s)]
        if sum(reader.room for reader in slow) < lacking:
            return False

        for reader in slow:
            if lacking > 0:
                lacking -= reader.room
                self.give_up(reader)
        return True

    def give_up(self, reader: Reader) -> None:
        """End a request whose body has not come, for the sake of others."""
        self.readers.pop(reader)
        self.bytes -= reader.room
        reader.room = 0
        reader.end(Overloaded("others needed the room that was held for this body, which came slowly; try again in a moment"))

    @contextmanager
    def waiting(self, reader: Reader) -> Iterator[None]:
        """A body is being waited for. Where too many are, the one that has been waited for longest is given up."""
        if len(self.readers) >= READERS:
            self.give_up(next(iter(self.readers)))

        self.readers[reader] = None
        try:
            yield
        finally:
            self.readers.pop(reader, None)
