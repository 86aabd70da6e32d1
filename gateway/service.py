"""Service: the way of a request through the gateway, from its head to the log line about its answer."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from aiohttp import HttpVersion10, HttpVersion11, web
from loguru import logger
from pydantic import ValidationError
from pydantic_core import to_json

from gateway import (
    actors,
    anthropic,
    chat,
    cycles,
    dashboard,
    description,
    embeddings,
    endpoints,
    events,
    health,
    kept_responses,
    mcp,
    memories,
    metrics,
    models,
    namespaces,
    paradoxes,
    responses,
    sessions,
    thoughts,
    token_count,
    transfer,
)
from gateway.admission import Admission
from gateway.bodies import HouseQuery, NamespaceQuery
from gateway.errors import HttpError, error_response, status_of
from gateway.foreground import ForegroundSign
from gateway.http_metrics import HttpMetrics
from gateway.incoming import Asker, Incoming, request_id_of
from gateway.openapi import Description
from gateway.route import Route
from gateway.settings import GatewaySettings
from gateway.shedding import Refusals, Shedding
from gateway.validation import from_validation
from transport.errors import LatticeError, Overloaded

__all__ = ["ROUTES", "Service"]

# What is literal in a path stands before what is variable.
ROUTES: Final[tuple[Route, ...]] = (
    *chat.routes,
    *responses.routes,
    *kept_responses.routes,
    *anthropic.routes,
    *token_count.routes,
    *models.routes,
    *embeddings.routes,
    *endpoints.routes,
    *transfer.routes,
    *memories.routes,
    *sessions.routes,
    *namespaces.routes,
    *paradoxes.routes,
    *thoughts.routes,
    *cycles.routes,
    *events.routes,
    *mcp.routes,
    *actors.routes,
    *health.routes,
    *metrics.routes,
    *description.routes,
    *dashboard.routes,
)

INCOMING: Final = web.RequestKey("incoming", Incoming)
REQUEST_ID: Final = web.RequestKey("request_id", str)
RESPONSE: Final = web.RequestKey("response", web.StreamResponse)
CLIENT_CLOSED: Final = 499
"""nginx's status for a client that hung up; only logs and metrics see it."""

BAD_REQUEST: Final = 400
TOO_MANY: Final = 429

READING: Final = ("GET", "HEAD")

LEAST_URGENT: Final = "u=7"

VERSIONS: Final = (HttpVersion10, HttpVersion11)
"""The parser lets others through, whose framing is another."""

LITERAL: Final = frozenset(route.path for route in ROUTES)

RequestHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """Everything between aiohttp and the routes."""

    def __init__(self, asker: Asker, settings: GatewaySettings, admission: Admission, http_metrics: HttpMetrics) -> None:
        self.asker = asker
        self.settings = settings
        self.admission = admission
        self.metrics = http_metrics
        self.description = Description(ROUTES)
        self.foreground = ForegroundSign(asker)
        self.calls: set[Incoming] = set()
        """Those that are being handled."""

        self.refusals = Refusals()
        self.shedding = Shedding(admission, ROUTES, http_metrics, self.refusals)

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(middlewares=[self.answered], client_max_size=self.settings.max_body_bytes)
        application.on_response_prepare.append(self.mark)
        for route in ROUTES:
            handler, expected = self.handler_of(route), self.expected_of(route)
            # RFC 9110 9.1: whatever can be read can be asked for its head. A route that streams ends with it.
            for method in READING if route.method == "GET" else (route.method,):
                application.router.add_route(method, route.path, handler, expect_handler=expected)

        return application

    def handler_of(self, route: Route) -> RequestHandler:
        """What aiohttp calls for a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            # A path that is a whole URL names the host that is meant, whatever Host says (RFC 9112 3.2.2).
            host = request.host if "Host" in request.headers else None
            principal = self.admission.principal(request.headers, route.access, host)
            call = Incoming(
                request,
                asker=self.asker,
                settings=self.settings,
                admission=self.admission,
                principal=principal,
                metrics=self.metrics,
                description=self.description,
            )
            request[INCOMING] = call
            call.route = f"{route.method} {route.path}"

            if route.access == "open":
                return respond(await route.handler(call), route.status)

            # Operators look on, and so does who says that nobody waits; any other request of a tenant is somebody who does.
            waits = self.foreground.entered() if route.access == "tenant" and not looks_on(request) else nullcontext()
            arguments: dict[str, Any] = {} if route.query is None else {"query": call.parse_query(route.query)}
            if not route.reads:
                with self.admission.entered(), self.running(call), waits:
                    return await self.run(route, call, arguments)

            # A place is taken once the body is there: nobody is kept out by those who send slowly.
            self.admission.check()
            with self.running(call), self.admission.bodies.held(request, call.end) as reader:
                body = await call.read(reader)
                self.admission.bodies.give_back(reader, len(body))
                with self.admission.entered(), waits:
                    arguments["body"] = body if route.body is None else await call.parse_body(route.body, body)
                    return await self.run(route, call, arguments)

        return handle

    def expected_of(self, route: Route) -> Callable[[web.Request], Awaitable[None]]:
        """What aiohttp calls for a client that asks before it sends its body: it may, unless it is refused by its size.

        What else it may expect is passed over, as RFC 9110 10.1.1 allows.
        """

        async def expected(request: web.Request) -> None:
            if request.headers.get("Expect", "").lower() != "100-continue":
                return
            if route.reads and (request.content_length or 0) > self.settings.max_body_bytes:
                return

            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # An answer's size is counted from here: this is none.
            request.writer.output_size = 0

        return expected

    @contextmanager
    def running(self, call: Incoming) -> Iterator[None]:
        """Know of a request while it is being handled."""
        self.calls.add(call)
        try:
            yield
        finally:
            self.calls.discard(call)

    def end_all(self, error: LatticeError) -> list[str]:
        """Answer all requests that are being handled with this error; which these were, the oldest first."""
        calls = sorted(self.calls, key=lambda call: call.began)
        for call in calls:
            call.end(error)

        now = time.monotonic()
        return [f"{call.route} for {now - call.began:.1f} s" for call in calls]

    async def run(self, route: Route, call: Incoming, arguments: dict[str, Any]) -> web.StreamResponse:
        """Settle whose it is, and run the route."""
        named = next((getattr(given, "namespace", None) for given in arguments.values()), None)
        if route.query is None:
            # Other parameters that nothing takes are left alone, as clients add some of their own (`?beta=true`).
            named = call.in_query("namespace", HouseQuery if route.access == "operator" else NamespaceQuery, named)
        call.settle(named)
        try:
            return respond(await route.handler(call, **arguments), route.status)
        except ValidationError as error:
            if call.has_asked:
                # It is an answer that is wrong, and that is our fault.
                raise

            # A contract is narrower than the body in something that both have, such as a header's name for a session.
            raise from_validation(error) from error

    @web.middleware
    async def answered(self, request: web.Request, handler: RequestHandler) -> web.StreamResponse:
        """Turn errors into answers, count, and write the one line that the log has of a request."""
        request[REQUEST_ID] = request_id_of(request)
        began = time.perf_counter()
        failure: BaseException | None = None

        try:
            check_version(request)
            check_coding(request)
            if self.admission.cors.asks_first(request.method, request.headers):
                response: web.StreamResponse = self.asked_first(request)
            else:
                response = await handler(request)
        except asyncio.CancelledError as error:
            failure = error
            ended = request[INCOMING].ended if INCOMING in request else None
            if ended is None or not ended.done() or RESPONSE in request:
                raise

            # It was not the client that went away.
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            failure = ended.result()
            return error_response(failure, anthropic=anthropic.speaks_anthropic(request.path))
        except Exception as error:  # noqa: BLE001 (whatever a route raises has to become an answer and a line in the log)
            failure = error
            if RESPONSE not in request:
                if isinstance(error, web.HTTPNotFound):
                    error = HttpError(404, "not_found", nothing_at(request.path))
                return error_response(error, anthropic=anthropic.speaks_anthropic(request.path))

            # Its status has gone out: breaking the connection is the only way left to say that it is not whole.
            if request.transport is not None:
                request.transport.abort()
            return request[RESPONSE]
        else:
            request[RESPONSE] = response
            return response
        finally:
            self.log(request, failure, time.perf_counter() - began)

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Note that a response is on its way, and give it the request's id, and what pages are told."""
        request[RESPONSE] = response
        response.headers["X-Request-Id"] = request.get(REQUEST_ID) or request_id_of(request)
        response.headers.update(self.admission.cors.told(request.path, request.headers))

    def asked_first(self, request: web.Request) -> web.Response:
        """The answer to a browser's question whether a page may send what it wants to."""
        self.admission.answer_first(request.headers, request.host if "Host" in request.headers else None)
        return web.Response(status=204, headers=self.admission.cors.told_first(request.headers))

    def log(self, request: web.Request, failure: BaseException | None, seconds: float) -> None:
        """One line, refusals beyond some a second excepted; no contents, no ids out of the path.

        What is only looked at, while nobody waits for it, is a line at DEBUG: an open dashboard looks twice a second.
        """
        call = request.get(INCOMING)
        failure = failure or (call.failure if call is not None else None)
        if isinstance(failure, Overloaded) and call is not None and call.has_asked and not call.ended.done():
            self.admission.actor_refused(models=bool((failure.detail or {}).get("models")))
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "(none)"
        status = status_in_log(request, failure)
        self.metrics.answered(request.method, route, status, seconds)
        if status == TOO_MANY and not self.refusals.one_line_more():
            return

        line = logger.bind(
            request_id=request[REQUEST_ID],
            method=request.method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            error=code_of(failure),
        )

        if isinstance(failure, Exception) and is_ours(failure):
            line.opt(exception=failure).error("request failed")
        elif status < BAD_REQUEST and request.method in READING and looks_on(request):
            line.debug("request")
        else:
            line.info("request")


def check_version(request: web.Request) -> None:
    """Refuse what is spoken otherwise.

    Raises:
        HttpError: 505.
    """
    if request.version not in VERSIONS:
        raise HttpError(505, "invalid", "HTTP/1.1 and HTTP/1.0 are spoken here", ends=True)


def check_coding(request: web.Request) -> None:
    """Refuse a body whose coding another program may understand otherwise (RFC 9112 6.1).

    Raises:
        HttpError: 400, chunks where there are none; 501, the chunks are coded further.
    """
    coding = request.headers.get("Transfer-Encoding")
    if coding is None:
        return
    if request.version == HttpVersion10:
        raise HttpError(400, "invalid", "HTTP/1.0 has no Transfer-Encoding", ends=True)
    if coding.strip().lower() != "chunked":
        raise HttpError(501, "invalid", "of transfer codings chunked alone is understood", ends=True)


def nothing_at(path: str) -> str:
    """What is said of a path at which there is nothing: where it is, if `/v1` is missing or there twice, or a slash is."""
    steps = itertools.dropwhile("v1".__eq__, filter(None, path.split("/")))
    meant = "/".join(["/v1", *steps])
    if meant not in LITERAL:
        return "there is nothing at this path; /docs lists what there is"

    ending = "a base URL ends in /v1 for OpenAI's packages, before it for Anthropic's"
    return f"there is nothing at this path, but at {meant}: {ending}"


def looks_on(request: web.Request) -> bool:
    """Whether a request is of the lowest urgency, which is for what nobody waits for (RFC 9218 4.1)."""
    return LEAST_URGENT in {member.strip() for member in request.headers.get("Priority", "").split(",")}


def respond(answer: Any, status: int) -> web.StreamResponse:
    """The response that a route's answer is."""
    if isinstance(answer, web.StreamResponse):
        return answer

    return web.Response(status=status, body=to_json(answer), content_type="application/json")


def status_in_log(request: web.Request, failure: BaseException | None) -> int:
    """The status that was sent, or would have been."""
    if isinstance(failure, asyncio.CancelledError | ConnectionError):
        return CLIENT_CLOSED
    if isinstance(failure, Exception):
        return status_of(failure)

    response = request.get(RESPONSE)
    return 200 if response is None else response.status


def code_of(failure: BaseException | None) -> str | None:
    """What the log calls a failure."""
    match failure:
        case None:
            return None
        case LatticeError() | HttpError():
            return failure.code
        case _:
            return type(failure).__name__


def is_ours(failure: Exception) -> bool:
    """Whether a failure is a fault of this program."""
    return not isinstance(failure, LatticeError | HttpError | web.HTTPException | web.RequestPayloadError | ConnectionError)
