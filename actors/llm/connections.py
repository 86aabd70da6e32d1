"""An endpoint's HTTP: pooled connections, requests and bodies within limits of time and size. It knows no dialect."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from actors.limits import wants_descriptors
from actors.llm.failure import Failure
from actors.llm.pool import Pool
from actors.llm.settings import EndpointSettings
from actors.llm.timeouts import AFTER_FINISH_S, LATE_S, Timeouts

DNS_S = 30
"""How long an address is good: endpoints move behind their names. Where nobody can be reached it is looked up anew at once."""

KEEPALIVE_S = 10
"""How long a connection is kept that nobody uses; aiohttp looks every so many seconds, so that it may be twice as long. After a
burst these are as many as asked at once. The openai package keeps its own for 5 s."""

APART_S = 0.01
"""The pause between two looks at a stream, in seconds. Each piece costs three processes a message. So tokens travel together
that come faster than a screen can show them, such as those of a model that repeats itself without end."""

AT_ONCE = 64
"""The first chunks of a stream, which are passed on as they come: a short answer is not to wait for anything."""

PIECE_BYTES = 4096
"""Read at once, so that one endpoint's flood costs the others no more than a millisecond a turn."""

NO_DESCRIPTOR_S = 0.1
"""The pause between two attempts of a process that may open nothing more, in seconds. It says so and is replaced in less time;
its callers ask again."""

BUSY_TURNS = 4
"""Turns of a busy loop in which a connection is made."""

RESETS = (aiohttp.ServerDisconnectedError, ConnectionResetError, BrokenPipeError, aiohttp.ClientOSError)


@dataclass(slots=True)
class Sending:
    """What becomes of one request on its way to a connection."""

    connect_s: float
    """What a new connection may take."""

    reused: bool = False
    """It went over a connection that had been kept."""

    session: aiohttp.ClientSession | None = None
    began: float = math.inf
    """When it was begun; not before there was a descriptor for it."""


class Connections:
    """The connections to one endpoint.

    Args:
        settings: the endpoint's.
        base_url: what paths are put behind.
        identity: the headers that say who asks, as they are when a request is sent.
        max_bytes: the largest body that is read.
        resolver: finds the address of a name; None: the system's.
        dns_s: how long what it said is good.
        heard: called when something comes from the endpoint.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        base_url: str,
        identity: Callable[[], Mapping[str, str]],
        max_bytes: int,
        *,
        resolver: AbstractResolver | None = None,
        dns_s: float = DNS_S,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.heard = heard
        self.base_url = base_url
        self.max_bytes = max_bytes
        self.draining: set[asyncio.Task[None]] = set()
        trace = aiohttp.TraceConfig()
        trace.on_connection_reuseconn.append(note_reuse)
        if base_url.startswith("https:"):
            # A bare connection shows that there is a machine, a handshake that a program runs on it.
            trace.on_connection_create_end.append(self.note_handshake)

        def session(names: AbstractResolver) -> aiohttp.ClientSession:
            """Connections of their own."""
            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEPALIVE_S,
                resolver=names,
                # aiohttp tells whole seconds only in its types.
                ttl_dns_cache=dns_s,  # type: ignore[arg-type]
            )
            return aiohttp.ClientSession(
                connector=connector,
                headers={"User-Agent": "lattice"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
                max_line_size=16 << 10,
                max_field_size=16 << 10,
            )

        host = URL(base_url).host or ""
        self.pool = Pool(settings.name, host, resolver or aiohttp.ThreadedResolver(), dns_s, session)
        self.sessions: dict[aiohttp.ClientResponse, aiohttp.ClientSession] = {}
        """Of each response that is still read, the session that it belongs to."""

    async def close(self) -> None:
        """Close them all."""
        draining = list(self.draining)
        for task in draining:
            task.cancel()

        await asyncio.gather(*draining, return_exceptions=True)
        await self.pool.close()

    async def send(
        self, method: str, path: str, body: bytes | None, timeouts: Timeouts, hangs: asyncio.Future[None] | None = None
    ) -> aiohttp.ClientResponse:
        """One HTTP request: its response's head. `hangs` ends when no head is to be hoped for.

        Once more where there was no connection in time because this process was busy.

        Raises:
            Failure: there was no response in time. `stale` where the other side closed a connection that had been kept, and no
                answer had begun: it most likely never saw the request, and is to be asked again over a new one.
        """
        once = partial(self.request, method, path, body, timeouts, hangs)
        sending = Sending(self.settings.connect_timeout_s)
        try:
            return await with_a_descriptor(partial(once, sending), timeouts)
        except Failure as failure:
            failure.stale = sending.reused and isinstance(failure.__cause__, RESETS) and not has_begun(failure.__cause__)
            late_s = timeouts.now() - sending.began - self.settings.connect_timeout_s
            was_busy = isinstance(failure.__cause__, aiohttp.ConnectionTimeoutError) and late_s > LATE_S
            if failure.stale or failure.everywhere:
                # What else is kept is no better; and the endpoint may have moved.
                self.pool.renew(sending.session)
            if not was_busy:
                raise

        # Where each turn of the loop takes longer than a connection may, the second one would end in the same way.
        sending = Sending(self.settings.connect_timeout_s + BUSY_TURNS * late_s)
        return await with_a_descriptor(partial(once, sending), timeouts)

    async def request(  # noqa: PLR0917 (one call's, all of them)
        self,
        method: str,
        path: str,
        body: bytes | None,
        timeouts: Timeouts,
        hangs: asyncio.Future[None] | None,
        sending: Sending,
    ) -> aiohttp.ClientResponse:
        """One HTTP request, sent once."""
        headers = dict(self.identity())
        if body is not None:
            headers["Content-Type"] = "application/json"
        if timeouts.deadline < float("inf"):
            # The caller's time as it is left: an upstream that knows the word need not work longer than that.
            headers["X-Lattice-Timeout"] = f"{max(timeouts.deadline - timeouts.now(), 0.001):.3f}"

        session = sending.session = self.pool.enter()
        sending.began = timeouts.now()
        response = None
        # aiohttp would round times above 5 s up to the next whole second: late, as if this process were busy.
        asked = session.request(
            method,
            self.base_url + path,
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, connect=sending.connect_s, ceil_threshold=float("inf")),
            allow_redirects=False,
            trace_request_ctx=sending,
        )
        try:
            response = await head(asked, timeouts, hangs)
        except Hangs as error:
            reason = f"no sign of life within {self.settings.sign_of_life_s:g} s"
            raise Failure(reason, everywhere=True, silent=True) from error
        except aiohttp.ConnectionTimeoutError as error:
            reason = f"no connection within {self.settings.connect_timeout_s:g} s"
            raise Failure(reason, everywhere=True, silent=True) from error
        except TimeoutError as error:
            raise timeouts.failure() from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            connecting = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError | ssl.SSLError)
            raise Failure(reason_of(error), everywhere=connecting, passing=may_pass(error)) from error
        finally:
            if response is None:
                self.pool.left(session)

        self.sessions[response] = session
        self.heard()
        return response

    async def read(self, response: aiohttp.ClientResponse, timeouts: Timeouts, max_bytes: int | None = None) -> bytes:
        """A whole body."""
        return b"".join([chunk async for chunk in self.chunks(response, timeouts, max_bytes)])

    async def chunks(
        self, response: aiohttp.ClientResponse, timeouts: Timeouts, max_bytes: int | None = None, *, apart_s: float = 0.0
    ) -> AsyncGenerator[bytes]:
        """A body as it comes, within its limits of time and size; one of many small chunks no more often than `apart_s`."""
        size = count = 0
        most = max_bytes or self.max_bytes
        while True:
            try:
                async with asyncio.timeout_at(timeouts.at()):
                    if timeouts.now() >= timeouts.at():
                        # What is there already is read without a turn of the loop, in which alone a timeout ends anything.
                        await asyncio.sleep(0)
                    chunk = await response.content.read(PIECE_BYTES)
            except TimeoutError as error:
                if timeouts.prolonged():
                    continue

                raise timeouts.failure() from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise Failure(f"its answer broke off: {reason_of(error)}", passing=True) from error

            if not chunk:
                return

            self.heard()
            size += len(chunk)
            if size > most:
                raise Failure(f"its answer is longer than {most} bytes")

            count += 1
            began = timeouts.now()
            yield chunk
            if len(chunk) == PIECE_BYTES:
                # Who sends as fast as it can is always ready to be read: the others' turn comes first.
                await asyncio.sleep(0)
            elif apart_s and count > AT_ONCE:
                await asyncio.sleep(max(began + apart_s - timeouts.now(), 0))

    async def note_handshake(self, _session: aiohttp.ClientSession, _context: SimpleNamespace, _parameters: object) -> None:
        """A handshake has succeeded."""
        self.heard()

    def release(self, response: aiohttp.ClientResponse, *, complete: bool) -> None:
        """Keep the connection where the answer is complete, else close it at once: the endpoint then stops its work."""
        if response.content.at_eof():
            self.end(response)
        elif not complete:
            response.close()
            self.end(response)
        else:
            # The end of the body may come in a packet of its own; the caller does not wait for it.
            task = asyncio.ensure_future(drain(response))
            self.draining.add(task)
            task.add_done_callback(self.draining.discard)
            # Not in the task itself, which may be cancelled before it has begun. Where the body is not at its end, this
            # closes the connection.
            task.add_done_callback(lambda _: self.end(response))

    def end(self, response: aiohttp.ClientResponse) -> None:
        """A response is read no more."""
        response.release()
        self.pool.left(self.sessions.pop(response))


def has_begun(error: Exception) -> bool:
    """Whether bytes of an answer had come before the connection was closed: then the request has been seen."""
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)


class Hangs(Exception):
    """The endpoint answers nobody."""


async def with_a_descriptor(ask: Callable[[], Awaitable[aiohttp.ClientResponse]], timeouts: Timeouts) -> aiohttp.ClientResponse:
    """Ask, and again where this process has no descriptor left: that is no fault of the endpoint's, and who watches is told."""
    while True:
        try:
            return await ask()
        except Failure as failure:
            if not wants_descriptors(failure.__cause__) or timeouts.now() + NO_DESCRIPTOR_S >= timeouts.at():
                raise
            told = {"message": "no connection can be opened", "exception": failure.__cause__}
            asyncio.get_running_loop().call_exception_handler(told)
            await asyncio.sleep(NO_DESCRIPTOR_S)


async def head(
    asked: Awaitable[aiohttp.ClientResponse], timeouts: Timeouts, hangs: asyncio.Future[None] | None
) -> aiohttp.ClientResponse:
    """The head of a response, in time.

    Raises:
        Hangs: the endpoint was found to answer nobody.
        TimeoutError: it did not come.
    """
    task = asyncio.ensure_future(asked)
    either: set[asyncio.Future[Any]] = {task} if hangs is None else {task, hangs}
    try:
        while True:
            await asyncio.wait(either, timeout=max(timeouts.at() - timeouts.now(), 0), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()

            if hangs is not None and hangs.done():
                raise Hangs

            if not timeouts.prolonged():
                raise TimeoutError
    except asyncio.CancelledError:
        if task.done() and not task.cancelled() and task.exception() is None:
            task.result().close()

        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


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


def may_pass(error: Exception) -> bool:
    """Whether it may be over a moment later: what was closed or refused may be; a name or a certificate is not."""
    lasting = (aiohttp.ClientConnectorDNSError, aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)
    return isinstance(error, (aiohttp.ClientConnectorError, *RESETS)) and not isinstance(error, lasting)


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
