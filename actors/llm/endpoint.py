"""One endpoint: its connections, its time limits, its breaker, and what it has done. It knows nothing of other endpoints."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import errno
import os
import ssl
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import aiohttp
from pydantic_core import to_json

from actors.llm.breaker import Breaker
from actors.llm.dialects import DIALECTS, Call, Listed, Reader
from actors.llm.dialects.dialect import parsed
from actors.llm.failure import Blame, Failure, status_failure
from actors.llm.form import Answer, Asked, Event, Piece
from actors.llm.limits import AFTER_FINISH_S, Limits
from actors.llm.messages import EndpointState
from actors.llm.settings import EndpointSettings
from actors.llm.sse import Events

MAX_ERROR_BYTES = 64 << 10


@dataclass(slots=True)
class Tally:
    """Counts the calls made upstream on behalf of one request."""

    attempts: int = 0


class Endpoint:
    """An endpoint and its connections.

    Args:
        settings: of this endpoint.
        max_bytes: the largest answer that is read.
        now: seconds of a clock that only goes forward, for the breaker.
    """

    def __init__(self, settings: EndpointSettings, *, max_bytes: int, now: Callable[[], float]) -> None:
        self.settings = settings
        self.name = settings.name
        self.dialect = DIALECTS[settings.dialect]
        self.continuation = self.dialect.continuation
        self.counts_in_streams = True
        self.key: str | None = None
        self.base_url = self.dialect.base_url(settings.base_url)
        self.max_bytes = max_bytes
        self.breaker = Breaker(settings.breaker, now)
        self.in_flight = 0
        self.calls = 0
        self.failures = 0
        self.last_error: str | None = None
        self.session: aiohttp.ClientSession | None = None
        self.draining: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Make ready to connect; nothing is sent yet."""
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(note_reuse)
        self.key = self.settings.key()
        headers = {"User-Agent": "lattice", **self.dialect.headers(self.key)}
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(total=None, connect=self.settings.connect_timeout_s),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[trace],
            max_line_size=16 << 10,
            max_field_size=16 << 10,
        )

    async def close(self) -> None:
        """Close all connections."""
        draining = list(self.draining)
        for task in draining:
            task.cancel()

        await asyncio.gather(*draining, return_exceptions=True)
        if self.session is not None:
            await self.session.close()

    @property
    def has_room(self) -> bool:
        """Whether it may take another call."""
        return self.in_flight < self.settings.max_in_flight

    def state(self, models: tuple[str, ...]) -> EndpointState:
        """As it stands, for those who look."""
        return EndpointState(
            name=self.name,
            dialect=self.settings.dialect,
            base_url=self.settings.base_url,
            models=models,
            priority=self.settings.priority,
            weight=self.settings.weight,
            breaker=self.breaker.state,
            in_flight=self.in_flight,
            calls=self.calls,
            failures=self.failures,
            last_error=self.last_error,
        )

    async def generate(self, asked: Asked, *, deadline: float | None, tally: Tally) -> AsyncGenerator[Event]:
        """What the model says, until it has finished. Closing the generator early closes the connection.

        Args:
            asked: the request, in the internal form.
            deadline: of the caller, in the loop's time; None for none.
            tally: counts the calls made.

        Raises:
            Failure: whatever goes wrong, an end without a finish included.
        """
        limits = Limits(self.settings, deadline)
        call = self.dialect.generate(asked)
        response = await self.post(call, limits, tally)
        complete = False
        try:
            await self.check(response, limits)
            reader = self.dialect.reader()
            answer = Answer()
            async with contextlib.aclosing(self.events(response, reader, limits)) as events:
                async for event in events:
                    answer.add(event)
                    if isinstance(event, Piece):
                        limits.token()

                    if not complete and answer.finished(asked.choices):
                        complete = True
                        limits.finished()

                    yield event
        except Failure:
            # Only the token counts are missing, or the end mark.
            if not complete:
                raise
        finally:
            self.release(response, complete=complete)

        if not complete:
            raise Failure("its answer ended without a finish")

    async def ask(self, call: Call, *, deadline: float | None, tally: Tally) -> Any:
        """The body of an answer that is no generation."""
        limits = Limits(self.settings, deadline)
        return await self.whole(await self.post(call, limits, tally), limits)

    def fitted(self, asked: Asked, model: str) -> Asked:
        """A request as this endpoint is known to take it."""
        return replace(
            asked,
            model=model,
            stream=self.settings.streams,
            continuation=self.continuation,
            counted=self.counts_in_streams,
        )

    def adapts(self, failure: Failure, asked: Asked) -> bool:
        """Whether a request that was refused can be put in another way, which is then kept to.

        Newer models of Anthropic's refuse a prefilled answer, and some servers of OpenAI's dialect the word stream_options.
        """
        if failure.blame is not Blame.REQUEST:
            return False

        if asked.said and asked.continuation == "prefill":
            self.continuation = "instruction"
            return True

        if asked.stream and asked.counted and "stream_options" in failure.told:
            self.counts_in_streams = False
            return True

        return False

    def failed(self, failure: Failure) -> None:
        """Count a failure, and keep its reason."""
        if failure.blame is Blame.ENDPOINT:
            self.failures += 1

        if failure.blame is not Blame.CALLER:
            self.last_error = failure.reason

    async def list_models(self, timeout_s: float) -> list[Listed]:
        """What it lists now.

        Raises:
            Failure: when it does not, within the time.
        """
        limits = Limits(self.settings, asyncio.get_running_loop().time() + timeout_s)
        return self.dialect.models(await self.whole(await self.send("GET", "/models", None, limits), limits))

    async def whole(self, response: aiohttp.ClientResponse, limits: Limits) -> Any:
        """The JSON of a response that is no stream."""
        complete = False
        try:
            await self.check(response, limits)
            body = parsed(await self.read(response, limits))
            complete = True
            return body
        finally:
            self.release(response, complete=complete)

    async def post(self, call: Call, limits: Limits, tally: Tally) -> aiohttp.ClientResponse:
        """Send a call; its response's head. A keep-alive connection that the other side had just closed is made anew, once."""
        body = to_json(call.body)
        for again in (True, False):
            tally.attempts += 1
            self.calls += 1
            reuse = SimpleNamespace(reused=False)
            try:
                return await self.send("POST", call.path, body, limits, reuse)
            except Failure as failure:
                if not (again and reuse.reused and isinstance(failure.__cause__, RESETS)):
                    raise

        raise AssertionError("unreachable")

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        limits: Limits,
        reuse: SimpleNamespace | None = None,
    ) -> aiohttp.ClientResponse:
        """One HTTP request; its response's head."""
        if self.session is None:
            raise Failure("it is not open yet")

        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with asyncio.timeout_at(limits.at()):
                return await self.session.request(
                    method,
                    self.base_url + path,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    trace_request_ctx=reuse,
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise Failure(f"no connection within {self.settings.connect_timeout_s:g} s") from error
        except TimeoutError as error:
            raise limits.failure() from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Failure(reason_of(error)) from error

    async def check(self, response: aiohttp.ClientResponse, limits: Limits) -> None:
        """Go on only with an answer that began well.

        Raises:
            Failure: for every status but 200.
        """
        if response.status == 200:
            return

        told = ""
        with contextlib.suppress(Failure, AttributeError, TypeError):
            told = self.dialect.told(parsed(await self.read(response, limits, MAX_ERROR_BYTES)))

        # An endpoint that repeats the key it was given must not bring it before the caller's eyes.
        told = told.replace(self.key, "…") if self.key else told
        raise status_failure(response.status, response.headers, told, now=dt.datetime.now(dt.UTC))

    async def events(self, response: aiohttp.ClientResponse, reader: Reader, limits: Limits) -> AsyncGenerator[Event]:
        """What comes, in the internal form: from a stream, or from one body where the endpoint does not stream."""
        kind = response.content_type
        if kind == "application/json":
            limits.no_stream()
            for event in read(reader.whole, parsed(await self.read(response, limits))):
                yield event

            return

        if kind != "text/event-stream":
            raise Failure(f"it answers with {kind[:64]}, which is neither JSON nor a stream of events")

        parts = Events(max_event_bytes=min(self.max_bytes, 4 << 20))
        async with contextlib.aclosing(self.chunks(response, limits, self.max_bytes)) as chunks:
            async for chunk in chunks:
                for data in parts.feed(chunk):
                    for event in read(reader.event, data):
                        yield event

                if reader.ended:
                    return

        for data in parts.close():
            for event in read(reader.event, data):
                yield event

    async def read(self, response: aiohttp.ClientResponse, limits: Limits, max_bytes: int | None = None) -> bytes:
        """A whole body."""
        return b"".join([chunk async for chunk in self.chunks(response, limits, max_bytes or self.max_bytes)])

    async def chunks(self, response: aiohttp.ClientResponse, limits: Limits, max_bytes: int) -> AsyncGenerator[bytes]:
        """A body as it comes, within its limits of time and size."""
        size = 0
        while True:
            try:
                async with asyncio.timeout_at(limits.at()):
                    chunk = await response.content.readany()
            except TimeoutError as error:
                raise limits.failure() from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise Failure(f"its answer broke off: {reason_of(error)}") from error

            if not chunk:
                return

            size += len(chunk)
            if size > max_bytes:
                raise Failure(f"its answer is longer than {max_bytes} bytes")

            yield chunk

    def release(self, response: aiohttp.ClientResponse, *, complete: bool) -> None:
        """Keep the connection where the answer is complete, else close it at once: the endpoint then stops its work."""
        if response.content.at_eof():
            response.release()
        elif not complete:
            response.close()
        else:
            # The end of the body may come in a packet of its own; the caller does not wait for it.
            task = asyncio.ensure_future(drain(response))
            self.draining.add(task)
            task.add_done_callback(self.draining.discard)
            # Not in the task itself, which may be cancelled before it has begun. Where the body is not at its end, this
            # closes the connection.
            task.add_done_callback(lambda _: response.release())


RESETS = (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError, aiohttp.ClientOSError)


def read(parse: Callable[[Any], Iterator[Event]], data: Any) -> list[Event]:
    """What a reader makes of what an endpoint sent, which may have any form."""
    try:
        return list(parse(data))
    except (TypeError, AttributeError, KeyError, ValueError, IndexError) as error:
        raise Failure("its answer has an unknown form") from error


def reason_of(error: Exception) -> str:
    """A network error in a few words, without addresses or contents."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "no TLS connection can be made"
        case aiohttp.ClientConnectorError():
            return f"no connection: {os.strerror(error.os_error.errno or errno.ECONNREFUSED)}"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | aiohttp.ClientOSError():
            return "the connection was closed"
        case aiohttp.ClientPayloadError():
            return "the body is not complete"
        case _:
            return f"no valid HTTP: {type(error).__name__}"


async def note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: object) -> None:
    """Note that a request went over a connection that had been used before."""
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.reused = True


async def drain(response: aiohttp.ClientResponse) -> None:
    """Read the end of a body, so that its connection can be used again."""
    try:
        async with asyncio.timeout(AFTER_FINISH_S):
            while await response.content.readany():
                pass
    except (TimeoutError, aiohttp.ClientError, OSError):
        return
