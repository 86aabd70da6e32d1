"""Shedding: what there is no place for is refused before anything is made of it.

A refused request must cost next to nothing beside a served one, or a flood of them takes from those that are served what it
was refused for. Here no body is looked at and no task begins: the answer is bytes that stand ready. It knows heads, the
routes' paths and `Admission`; no route's handler, and no actor.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Iterable
from typing import Any, Final, cast

from aiohttp import HttpVersion11, hdrs
from aiohttp.http import RawRequestMessage
from loguru import logger
from pydantic_core import to_json

from gateway.admission import Admission, overloaded
from gateway.anthropic import speaks_anthropic
from gateway.errors import error_body, retry_headers
from gateway.http_metrics import HttpMetrics
from gateway.incoming import REQUEST_ID
from gateway.route import Access, Route

__all__ = ["Refusals", "Shedding"]

LINES_PER_SECOND: Final = 5
"""Refusals that have a line of their own in the log. The others are counted, and told together each second."""

ANSWER: Final = (
    "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\n{headers}"
    "X-Request-Id: "
)


class Refusals:
    """Refusals in the log: the first ones of a second by themselves, all others as one line."""

    def __init__(self) -> None:
        self.lines = 0
        self.more = 0
        self.second: asyncio.TimerHandle | None = None

    def one_line_more(self) -> bool:
        """Whether this refusal has its line; otherwise it is counted."""
        if self.second is None:
            self.second = asyncio.get_running_loop().call_later(1.0, self.second_over)
        if self.lines < LINES_PER_SECOND:
            self.lines += 1
            return True

        self.more += 1
        return False

    def second_over(self) -> None:
        """Tell of the others."""
        self.second = None
        if self.more:
            logger.info("more requests were refused", status=429, count=self.more)
        self.lines = self.more = 0


class Shedding:
    """Refuses requests by their head alone while the house is full.

    Args:
        admission: knows whether there is a place.
        routes: all of the gateway's. Open ones are always let in: a health check is not to be refused since the house is busy.
        metrics: counts refusals.
        refusals: those of the routes count there too.
    """

    def __init__(self, admission: Admission, routes: Iterable[Route], metrics: HttpMetrics, refusals: Refusals) -> None:
        self.admission = admission
        self.known = pattern_of(routes)
        self.metrics = metrics
        self.refusals = refusals
        self.answers = {
            (anthropic, closes): prepared(anthropic=anthropic, closes=closes)
            for anthropic in (False, True)
            for closes in (False, True)
        }

    @property
    def is_full(self) -> bool:
        """Whether there is no place."""
        return self.admission.is_full

    def takes_place(self, head: Any) -> bool:
        """Whether a request is of those that need a place."""
        return isinstance(head, RawRequestMessage) and self.known.fullmatch(head.path.partition("?")[0]) is not None

    def refuses(self, head: Any) -> bool:
        """Whether a request is refused by its head.

        What is no plain HTTP/1.1 request is left to the routes, and so is who waits for something else than an answer, and what
        they would refuse for good: who shows no key, or asks for what there is not, is not to be told to come back.
        """
        if (
            not isinstance(head, RawRequestMessage)
            or head.method == hdrs.METH_HEAD
            or head.version != HttpVersion11
            or hdrs.EXPECT in head.headers
            or hdrs.UPGRADE in head.headers
        ):
            return False

        found = self.known.fullmatch(head.path.partition("?")[0])
        return found is not None and self.admission.lets_in(head.headers, cast("Access", found.lastgroup))

    def answer(self, head: RawRequestMessage) -> bytes:
        """The refusal, counted and, where the log has room, noted."""
        self.metrics.shed.inc()
        said = head.headers.get("X-Request-Id", "")
        request_id = said if REQUEST_ID.fullmatch(said) else f"req_{secrets.token_hex(12)}"
        if self.refusals.one_line_more():
            logger.info("request", request_id=request_id, method=head.method, route="(shed)", status=429, error="overloaded")
        path = head.path.partition("?")[0]
        top, body = self.answers[speaks_anthropic(path), head.should_close]
        told = "".join(f"\r\n{name}: {value}" for name, value in self.admission.cors.told(path, head.headers).items())
        return b"%b%b%b\r\n\r\n%b" % (top, request_id.encode(), told.encode(), body)


def pattern_of(routes: Iterable[Route]) -> re.Pattern[str]:
    """The paths that have no place in a full house, by who may ask for them."""
    paths: dict[Access, set[str]] = {}
    for route in routes:
        if route.access != "open":
            paths.setdefault(route.access, set()).add(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.path)))

    return re.compile("|".join(f"(?P<{access}>{'|'.join(sorted(known))})" for access, known in paths.items()))


def prepared(*, anthropic: bool, closes: bool) -> tuple[bytes, bytes]:
    """A refusal up to where the request's id comes, and its body."""
    error = overloaded()
    body = to_json(error_body(error, anthropic=anthropic))
    headers = "".join(f"{name}: {value}\r\n" for name, value in retry_headers(error).items())
    if closes:
        headers += "Connection: close\r\n"
    return ANSWER.format(length=len(body), headers=headers).encode(), body
