"""ZMTP 3 as it goes over a socket (RFC 23/37), as far as a stranger with bad intentions needs it.

No library stands between that would check what is sent.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

__all__ = ["MORE", "Connection", "command", "frame", "greeting", "message", "ready"]

MORE: Final = 1
LONG: Final = 2
COMMAND: Final = 4
OPEN_S: Final = 10.0
"""How long a server may take to do its part of a handshake."""


def greeting(mechanism: bytes = b"NULL", *, version: tuple[int, int] = (3, 1)) -> bytes:
    """The 64 bytes with which each side begins."""
    return b"\xff" + bytes(8) + b"\x7f" + bytes(version) + mechanism.ljust(20, b"\0") + bytes(32)


def frame(data: bytes, flags: int = 0) -> bytes:
    """One frame, in the short form where it fits."""
    if len(data) < 256:
        return bytes((flags, len(data))) + data

    return bytes((flags | LONG,)) + len(data).to_bytes(8) + data


def command(name: bytes, data: bytes = b"") -> bytes:
    """A command, which is no part of any message."""
    return frame(bytes((len(name),)) + name + data, COMMAND)


def ready(socket_type: bytes = b"DEALER", identity: bytes = b"") -> bytes:
    """The command that ends a NULL handshake."""
    properties = ((b"Socket-Type", socket_type), (b"Identity", identity))
    return command(
        b"READY", b"".join(bytes((len(name),)) + name + len(value).to_bytes(4) + value for name, value in properties)
    )


def message(*frames: bytes) -> bytes:
    """A message of these frames."""
    last = len(frames) - 1
    return b"".join(frame(data, MORE if number < last else 0) for number, data in enumerate(frames))


class Connection:
    """One connection to `ipc://` or `tcp://`, open from entering to leaving."""

    def __init__(self, address: str) -> None:
        self.address = address

    async def __aenter__(self) -> Self:
        if self.address.startswith("ipc://"):
            self.reader, self.writer = await asyncio.open_unix_connection(self.address.removeprefix("ipc://"))
        else:
            host, _, port = self.address.removeprefix("tcp://").rpartition(":")
            self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.writer.transport.abort()

    async def shake_hands(self, socket_type: bytes = b"DEALER", identity: bytes = b"") -> None:
        """A whole NULL handshake.

        Raises:
            ConnectionError: the other side does not take part in it.
        """
        await self.write(greeting() + ready(socket_type, identity))
        async with asyncio.timeout(OPEN_S):
            if not await self.raw(64) or await self.frame() is None:
                raise ConnectionResetError("no handshake")

    async def write(self, data: bytes) -> None:
        """These bytes.

        Raises:
            ConnectionError: the other side has ended the connection.
        """
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> list[bytes] | None:
        """The frames of the next message; None where the connection has ended."""
        frames: list[bytes] = []
        while (got := await self.frame()) is not None:
            flags, data = got
            if flags & COMMAND:
                continue
            frames.append(data)
            if not flags & MORE:
                return frames
        return None

    async def frame(self) -> tuple[int, bytes] | None:
        """Flags and content of the next frame; None where the connection has ended."""
        head = await self.raw(1)
        size = await self.raw(8 if head and head[0] & LONG else 1)
        if not head or not size:
            return None
        data = await self.raw(int.from_bytes(size))
        return None if data is None else (head[0], data)

    async def raw(self, size: int) -> bytes | None:
        """So many bytes; None where the connection ends before."""
        try:
            return await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def ended(self) -> bool:
        """Wait until the other side has ended the connection; what it still says is passed over."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        return True
