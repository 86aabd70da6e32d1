"""Server-sent events: a response that begins late, says so when it fails, and gives up on a client that takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, TypeVar

from aiohttp import hdrs, web
from pydantic_core import to_json

from gateway.errors import error_body
from gateway.incoming import Incoming

__all__ = ["EventStream", "with_silences", "write"]

Part = TypeVar("Part")

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    # nginx would otherwise gather the events.
    "X-Accel-Buffering": "no",
}


class EventStream:
    """The events of one response. Its status and headers go out with the first: until then an error is still a plain one."""

    def __init__(self, request: web.Request, write_timeout_s: float) -> None:
        self.response = web.StreamResponse(headers=HEADERS)
        self.request = request
        self.write_timeout_s = write_timeout_s

    @property
    def begun(self) -> bool:
        """Whether anything has gone out."""
        return self.response.prepared

    async def send(self, data: Any) -> None:
        """An event. Waits while the client does not keep up.

        Raises:
            ConnectionError: the client is gone, or took nothing for too long.
        """
        await self.write(b"data: " + to_json(data) + b"\n\n")

    async def send_with_id(self, id: str, data: Any) -> None:  # noqa: A002 (the standard's own word)
        """An event with an id, which a client that connects again says to have seen last. Else as `send`."""
        await self.write(b"id: " + id.encode() + b"\ndata: " + to_json(data) + b"\n\n")

    async def begin_after(self, id: str) -> None:  # noqa: A002 (the standard's own word)
        """The id after which a stream begins. An event without data: a client keeps the id, and its program sees nothing."""
        await self.write(b"id: " + id.encode() + b"\n\n")

    async def comment(self, text: str) -> None:
        """A text that programs pass over and people can read, a comment a line."""
        await self.write(b"".join(b": " + line.encode("utf-8", "replace") + b"\n" for line in text.splitlines()) + b"\n")

    async def heartbeat(self) -> None:
        """A comment, which clients pass over."""
        await self.write(b": heartbeat\n\n")

    async def done(self) -> None:
        """OpenAI's end of a stream that is whole."""
        await self.write(b"data: [DONE]\n\n")

    async def fail(self, error: Exception) -> None:
        """An error as the last event. The connection ends with it, and no `[DONE]` is sent."""
        self.response.force_close()
        await self.send(error_body(error))

    async def write(self, data: bytes) -> None:
        """Bytes, after the headers where they are the first."""
        if not self.begun:
            await self.response.prepare(self.request)
        if self.request.method == hdrs.METH_HEAD:
            return

        await write(self.request, self.response, data, self.write_timeout_s)


async def write(request: web.Request, response: web.StreamResponse, data: bytes, seconds: float) -> None:
    """Write to a response. A client that takes nothing for so many seconds is cut off.

    Raises:
        ConnectionError: the client is gone.
    """
    try:
        async with asyncio.timeout(seconds):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()

        raise ConnectionAbortedError("the client takes nothing") from None


async def with_silences(parts: AsyncIterator[Part], call: Incoming) -> AsyncGenerator[Part | None]:
    """The parts as they come, and a None for every `heartbeat_s` in which none did.

    Raises:
        LatticeError: the request was ended from outside.
    """
    seconds = call.settings.heartbeat_s
    pending: asyncio.Future[Part] | None = None

    try:
        call.listens = True
        while True:
            pending = pending or asyncio.ensure_future(anext(parts))
            await asyncio.wait((pending, call.ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if call.ended.done():
                raise call.ended.result()
            if not pending.done():
                yield None
                continue

            came, pending = pending, None
            try:
                yield came.result()
            except StopAsyncIteration:
                return
    finally:
        call.listens = False
        if pending is not None:
            pending.cancel()
            await asyncio.wait((pending,))
