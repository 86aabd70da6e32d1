"""One client's connection, from its first byte to its last: what aiohttp would do by itself before any route is reached.

aiohttp answers bytes that are no HTTP with a page of text, and logs a stack for each: anyone who can connect could fill the
log. Here they get JSON, and one line in the log. aiohttp also waits for ever for a request whose head comes a byte a minute,
and reads nothing more once it is being shut down. The only place to change any of this is its `RequestHandler`.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from loguru import logger
from pydantic_core import to_json

from gateway.errors import HttpError, error_body, error_response
from gateway.shedding import Shedding
from transport.errors import Overloaded

__all__ = ["Connection"]

FIRST_REQUEST_S: Final = 0.5
"""How long a client that has connected and said nothing yet may hold up the gateway's stop, in seconds."""


LAST_WORDS: Final = (
    b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nx-should-retry: true\r\nRetry-After: 1\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b"
)

HELD_S: Final = 0.05
"""How long a request that is to be refused waits for its body, in seconds: most clients send it right behind the head."""

DEAF_S: Final = 0.2
"""How long a connection is not read after a refusal, in seconds: a fifth of the wait that the refusal asks for. A client that
asks again at once, whatever it is told, would cost more than one that is served."""

HEAR_TOGETHER_S: Final = 0.025
"""Reading goes on at multiples of so many seconds, so that one wake-up of the gateway serves many connections that were
refused. Waking up costs as much as a refusal."""

HTTP_2: Final = "Pause on PRI/Upgrade"
"""What the parser makes of the first line of HTTP/2."""

HALF_CLOSED_S: Final = 0.25
"""How long a client that has closed its sending side is still answered, in seconds. One that is gone looks the same, and what
was begun for it is to end within a second."""

TAKEN_S: Final = 30.0
"""How long such a client may take to read the rest of an answer that was made in time, in seconds."""


class Connection(web.RequestHandler):
    """One connection. When the gateway stops, a request that is on its way is still read to its end and answered.

    aiohttp by itself drops what comes in from then on: the rest of a body, for which the handler then waits in vain, and the
    first request of a client that was let in a moment ago.

    Args:
        head_timeout_s: seconds that a request's head may take, from its first byte or from the connection's beginning.
        shedding: answers what there is no place for.
        make_room: told of this connection once it is open; may end it, or another.
    """

    __slots__ = (
        "_coming",
        "_deaf",
        "_end",
        "_first",
        "_head",
        "_head_timeout_s",
        "_held",
        "_latest",
        "_make_room",
        "_shedding",
    )

    _first: asyncio.Future[None] | None

    def __init__(
        self,
        *args: Any,
        head_timeout_s: float,
        shedding: Shedding,
        make_room: Callable[[Connection], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._parser = HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
            max_msg_queue_size=1,
        )
        self._shedding = shedding
        self._make_room = make_room
        self._held: asyncio.TimerHandle | None = None
        """Runs while a request that is to be refused waits for the rest of its body."""

        self._deaf: asyncio.TimerHandle | None = None
        """Runs while nothing is read, since a request was refused."""

        self._latest: StreamReader = EMPTY_PAYLOAD
        """The body of the latest request: the only one of which more may come."""

        self._end: asyncio.TimerHandle | None = None
        """Runs while requests of a client that sends nothing more are answered."""

        self._coming = False
        """Whether a request is on its way to its handler, and holds a place until it is there."""

        self._first = None
        self._head: asyncio.TimerHandle | None = None
        """Runs while a head is waited for: at the beginning of the connection, and since the first byte of a later one."""

        self._head_timeout_s = head_timeout_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request, and not for ever."""
        super().connection_made(transport)
        self._expect_head()
        self._make_room(self)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being asked or answered on it, and it is not closing already."""
        return self.transport is not None and self._waiter is not None and not self._messages and not self._force_close

    def make_way(self) -> None:
        """End it for others: there are too many."""
        logger.info("no request", status=503, reason="there are too many connections")
        self._say_and_close(Overloaded("there are too many connections; try again in a moment"), b"503 Service Unavailable")

    def close(self) -> None:
        """Take no further request."""
        if self._request_count:
            super().close()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's: whether the transport stays open
        """Whether the connection stays open for answers: for a moment, where all that was asked is there."""
        waits = not self._messages and (self._waiter is not None or not self._request_count)
        if waits or not self._latest.is_eof():
            return False

        if self._end is None:
            self._end = self._loop.call_later(HALF_CLOSED_S, self._end_half_closed)
        return True

    def _end_half_closed(self) -> None:
        """Take the client for gone, as it probably is, unless all that is left is to send what it was answered."""
        transport = self.transport
        if transport is None:
            return
        if self._current_request is not None or self._messages:
            transport.abort()
            return

        self._end = self._loop.call_later(TAKEN_S, transport.abort)
        if self._waiter is not None:
            self.force_close()
        else:
            # More is still to be written: the loop that handles requests closes it then.
            self._close = True

    def data_received(self, data: bytes) -> None:
        """Read on, even while the connection is closing: the loop that handles requests begins no further one."""
        closing, self._close = self._close, False
        forced, self._force_close = self._force_close, False
        waiter = self._waiter
        sheds = waiter is not None and not waiter.done() and self._shedding.is_full
        if sheds:
            # Nobody is woken for what is refused here.
            self._waiter = None
        try:
            self._read(data)
        finally:
            self._close = self._close or closing
            self._force_close = self._force_close or forced
            self._waiter = waiter

        if waiter is not None and waiter.done() and not waiter.cancelled():
            self._comes()
        shed = (sheds or self._held is not None) and self._shed()
        if self._messages:
            self._forget_head()
        elif data and not shed and self._head is None and self._waiter is not None:
            # Nothing is being answered, and these bytes are no whole head.
            self._expect_head()

        if self._request_count and self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _read(self, data: bytes) -> None:
        """Take the requests out of what came, one after the other.

        Bytes that are no request do not discard a request before them.
        """
        super().data_received(data)
        while self._parser is not None and len(self._messages) < self._max_msg_queue_size:
            known = len(self._messages)
            if known and not isinstance(self._messages[-1][0], RawRequestMessage):
                break

            # The parser stops behind each request, as if there was no room for more.
            self._parser.message_consumed()
            super().data_received(b"")
            if len(self._messages) == known:
                break

        if self._messages:
            self._latest = self._messages[-1][1]

    def _shed(self) -> bool:
        """Answer the requests for which there is no place; whether any was. The loop that handles requests has the others."""
        shed = False
        while self._messages and self._shedding.is_full and not self._force_close:
            head, payload = self._messages[0]
            # A client that sends faster than is read, or reads more slowly than is written, is left to the loop that handles
            # requests.
            if self._reading_paused or self._buffer_paused or self._paused or not self._shedding.refuses(head):
                break

            if not payload.is_eof():
                if self._held is None:
                    self._held = self._loop.call_later(HELD_S, self._handle)
                return shed

            self._messages.popleft()
            self._answer_shed(head)
            shed = True

        if shed and not self._messages and self.transport is not None:
            self._pause_transport_reading()
            self._deaf = self._loop.call_at(beat_after(self._loop.time() + DEAF_S), self._hear)
        self._handle()
        return shed

    def _answer_shed(self, head: Any) -> None:
        # A head that was refused has come.
        self._forget_head()
        if self._parser is not None:
            self._parser.message_consumed()
        if self.transport is not None:
            self.transport.write(self._shedding.answer(head))
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if head.should_close:
            self.force_close()

    def _hear(self) -> None:
        """Read on after a refusal, unless reading is paused for another reason."""
        self._deaf = None
        if not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()

    def _handle(self) -> None:
        """Wake the loop that handles requests, where there is one to handle."""
        if self._held is not None:
            self._held.cancel()
            self._held = None
        if self._messages and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
            self._comes()

    def _comes(self) -> None:
        """Hold a place for the request that is handed on, until its handler begins and takes a place of its own.

        Without this, of many requests that are read at once all would be let in for the one last place. Their handlers would
        then refuse them, at five times the cost.
        """
        if self._messages and not self._coming and self._shedding.takes_place(self._messages[0][0]):
            self._coming = True
            self._shedding.admission.coming += 1

    def _has_come(self) -> None:
        if self._coming:
            self._coming = False
            self._shedding.admission.coming -= 1

    async def _handle_request(self, *args: Any) -> Any:
        """Give the place back and handle the request, which takes one itself in `Admission.entered`.

        Nothing is awaited in between, so no other request can take the place, unless the body is still to come or to be
        decoded. Then the handler may have to refuse the request after all.
        """
        self._has_come()
        return await super()._handle_request(*args)

    async def finish_response(self, *args: Any) -> Any:
        """Answer a request.

        Where it asked to upgrade the connection and was answered like any other, read what stands behind it.
        """
        upgraded = self._upgraded
        told = await super().finish_response(*args)
        # aiohttp hands the bytes behind it to the parser once, and the parser stops behind the first request in them.
        declined = upgraded and not self._upgraded and self._parser is not None
        if declined and self._messages and isinstance(self._messages[-1][0], RawRequestMessage):
            self.data_received(b"")
        return told

    def connection_lost(self, exc: BaseException | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self._has_come()
        self._forget_head()
        for timer in (self._held, self._deaf, self._end):
            if timer is not None:
                timer.cancel()
        if self._first is not None:
            self._first.cancel()

    def _expect_head(self) -> None:
        self._head = self._loop.call_later(self._head_timeout_s, self._head_is_late)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _head_is_late(self) -> None:
        """Say so, and end the connection. It is no request yet, so there is nothing that aiohttp could answer."""
        self._head = None
        if self.transport is None or self._waiter is None or self._messages:
            return

        logger.info("no request", status=408, reason="its head did not come in time")
        self._say_and_close(HttpError(408, "timeout", "the request's head did not come in time"), b"408 Request Timeout")

    def _say_and_close(self, error: Exception, status: bytes) -> None:
        if self.transport is not None:
            body = to_json(error_body(error))
            self.transport.write(LAST_WORDS % (status, len(body), body))
        self.force_close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """Let a client that has said nothing yet say it, for a moment; then answer what there is, within `timeout` seconds."""
        if not self._request_count and self.transport is not None:
            self._first = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._first}, timeout=FIRST_REQUEST_S)
            if not self._request_count:
                self.force_close()

        await super().shutdown(timeout)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what failed outside of all routes, and close the connection.

        Raises:
            ConnectionError: an answer has begun already.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")

        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # The reason stands first; what follows it quotes the request.
            reason = re.split(r":?\n|: b", (message or HTTPStatus(status).phrase).strip())[0]
            if reason == HTTP_2:
                status, reason = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 and HTTP/1.0 are spoken here"
            logger.info("no request", status=status, reason=reason)
            error: Exception = HttpError(status, "invalid", reason)
        else:
            logger.opt(exception=exc).error("a request failed outside of its route")
            error = exc if isinstance(exc, Exception) else RuntimeError(message)

        response = error_response(error)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Note what ended a connection: with its stack, unless it is only that the client sent something impossible."""
        error = kwargs.get("exc_info")
        if isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            logger.info("connection ended", reason=type(error).__name__)
        else:
            logger.opt(exception=error).error(str(args[0]) if args else "a connection failed")


def beat_after(when: float) -> float:
    """The first beat after a moment of the loop's time."""
    return math.ceil(when / HEAR_TOGETHER_S) * HEAR_TOGETHER_S
