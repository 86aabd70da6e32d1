"""Admission: who may come in, and how many at once. The room that their bodies take is body_room.py's."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from gateway.auth import ApiKeys, Principal
from gateway.body_room import BodyRoom, Reader
from gateway.cors import Cors
from gateway.errors import HttpError
from gateway.http_metrics import HttpMetrics
from gateway.route import Access
from gateway.settings import GatewaySettings, is_loopback
from transport.errors import Overloaded, Unauthorized

__all__ = ["Admission", "overloaded"]

LEAST_PLACES: Final = 16
"""Places that there are however often actors refuse: mostly they refuse one kind of request, and there are others."""

PLACES_FOR_MODELS: Final = 64
"""The least where it was models that had no room, which says little of the house: as many calls as one endpoint may have at a
cold start."""

LONGEST_S: Final = 60.0
"""After so many seconds without a refusal there are as many places as are set, whatever growth makes of it."""

GROWTH: Final = 1.25
"""By this factor there are more places with each second in which no actor refuses anything."""

LOOK_S: Final = 1.0
"""How often who waits to come back looks whether there are more places by now, in seconds."""

KNOWN_HOSTS: Final = 64
"""Host headers that are remembered: a machine's clients use a few, and reading one is a tenth of what a refusal costs."""

ANYONE = Principal("anyone", None)
LOCAL = Principal("local", None)


class Admission:
    """Lets requests in. Without required keys only programs of this machine are, not the pages in its browsers."""

    def __init__(self, settings: GatewaySettings, keys: ApiKeys, metrics: HttpMetrics, *, keys_required: bool) -> None:
        self.settings = settings
        self.keys = keys
        self.metrics = metrics
        self.keys_required = keys_required
        self.cors = Cors(settings.cors_origins)
        self.requests = 0
        metrics.in_flight.set_function(lambda: self.requests)
        self.coming = 0
        """Requests that were read, and whose handlers have not begun yet."""

        self.returning: deque[asyncio.Future[None]] = deque()
        """Requests that have given their place to others, and want it back. They go before new ones."""

        self.bodies = BodyRoom(settings)
        self.held_to = settings.max_in_flight
        self.held_at = -math.inf

    def principal(self, headers: Mapping[str, str], access: Access, host: str | None) -> Principal:
        """Who asks, by the head of a request; `host` is who is meant by it, where it says so.

        Raises:
            Unauthorized: a key is needed, and none that is known was given.
            HttpError: 403, the key does not open this route, or a web page of another site asks.
        """
        if not self.keys_required:
            self.refuse_foreign_pages(headers, access, host)
        if access == "open":
            return ANYONE

        secret = secret_of(headers)
        found = self.keys.principal(secret) if secret is not None else None
        if found is None:
            if self.keys_required:
                needed = "an API key is needed: Authorization: Bearer … or x-api-key"
                raise Unauthorized(needed if secret is None else "this API key is not known here, or was revoked")
            return LOCAL

        if access == "operator" and not found.operator:
            raise HttpError(403, "unauthorized", "this API key belongs to one namespace, and this is shared by all")

        return found

    def refuse_foreign_pages(self, headers: Mapping[str, str], access: Access, host: str | None) -> None:
        """Refuse what a web page of another site sends to this machine's loopback, by its Origin or by its own name for us.

        Pages that the settings name are let in to what is a tenant's, by no other name of ours than others are.

        Raises:
            HttpError: 403.
        """
        if not (access == "tenant" and self.cors.allows(headers)):
            refuse_foreign_origin(headers)
        refuse_foreign_name(host)

    def answer_first(self, headers: Mapping[str, str], host: str | None) -> None:
        """Let a browser's question in, whether a page may send what it wants to: it shows no key.

        Raises:
            HttpError: 403, the page's origin is none that the settings name, or it goes by another name for us.
        """
        if not self.cors.allows(headers):
            raise HttpError(
                403, "unauthorized", "pages of this origin may not use this gateway: it is not in gateway.cors_origins"
            )
        if not self.keys_required:
            refuse_foreign_name(host)

    def lets_in(self, headers: Mapping[str, str], access: Access) -> bool:
        """Whether whoever sent such a head may come in at all.

        Costs next to nothing for those whom no key keeps out: the clients of models show one in any case, and looking it up
        asks the file system whether it is still good.
        """
        try:
            if access == "tenant" and not self.keys_required:
                self.refuse_foreign_pages(headers, access, headers.get("Host"))
                return True

            self.principal(headers, access, headers.get("Host"))
        except (Unauthorized, HttpError):
            return False

        return True

    @property
    def places(self) -> int:
        """How many requests may be handled at once now."""
        most = self.settings.max_in_flight
        seconds = time.monotonic() - self.held_at
        return most if seconds > LONGEST_S else min(most, int(self.held_to * GROWTH**seconds))

    @property
    def is_full(self) -> bool:
        """Whether as many requests are being handled as may be, those counted that are about to be."""
        return self.requests + len(self.returning) + self.coming >= self.places

    def actor_refused(self, *, models: bool = False) -> None:
        """An actor had no room for a request that was let in, or `models` had none: fewer are let in from now on.

        A refusal here costs a hundredth of a refusal there. More are tried again soon, since whether an actor has room depends
        on what is asked, and on how long models take.
        """
        self.held_to = min(self.settings.max_in_flight, max(PLACES_FOR_MODELS if models else LEAST_PLACES, self.requests - 1))
        self.held_at = time.monotonic()

    def check(self) -> None:
        """See whether there is a place.

        Raises:
            Overloaded: too many requests are being handled.
        """
        if self.is_full:
            raise overloaded()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count a request in and out.

        Raises:
            Overloaded: too many are being handled.
        """
        self.check()
        self.requests += 1
        try:
            yield
        finally:
            self.leave()

    @asynccontextmanager
    async def away(self, reader: Reader) -> AsyncIterator[None]:
        """Wait for the next piece of a body that is being handled: meanwhile others have its place.

        It gets one back before any new request does, and waits for that as long as a request may take.

        Raises:
            Overloaded: nobody left within that time.
        """
        self.leave()
        try:
            with self.bodies.waiting(reader):
                yield
            if self.returning or self.requests >= self.places:
                await self.place_back()
        finally:
            # Also of one that ends: whoever counted it in counts it out.
            self.requests += 1

    async def place_back(self) -> None:
        """Wait until there is a place for one that was away: until somebody leaves, or there are more places."""
        back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.returning.append(back)
        try:
            async with asyncio.timeout(self.settings.request_timeout_s):
                while not back.done():
                    await asyncio.wait((back,), timeout=LOOK_S)
                    self.let_back()
        except TimeoutError:
            raise overloaded() from None
        finally:
            if back in self.returning:
                self.returning.remove(back)
            else:
                self.requests -= 1

    def leave(self) -> None:
        """Count a request out. Its place is that of the one that has waited for longest to come back."""
        self.requests -= 1
        self.let_back()

    def let_back(self) -> None:
        """Give the places that are free to those that have waited for longest to come back."""
        while self.returning and self.requests < self.places:
            back = self.returning.popleft()
            self.requests += 1
            if not back.done():
                back.set_result(None)


def overloaded() -> Overloaded:
    """What a request is told for which there is no place."""
    return Overloaded("as many requests are being handled as may be at once; try again in a moment")


def secret_of(headers: Mapping[str, str]) -> str | None:
    """The key that a request shows, as OpenAI's clients do or as Anthropic's do."""
    scheme, _, secret = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        return secret.strip()

    return headers.get("x-api-key") or None


def refuse_foreign_origin(headers: Mapping[str, str]) -> None:
    """Refuse a page of another site.

    Raises:
        HttpError: 403.
    """
    origin = headers.get("Origin")
    if origin is not None and not is_local(urlsplit(origin).hostname if "://" in origin else None):
        raise HttpError(403, "unauthorized", "pages of other sites may not use a gateway that asks for no API key")


def refuse_foreign_name(host: str | None) -> None:
    """Refuse who goes by a name for us that is not this machine's: whoever owns it may have it lead here (DNS rebinding).

    Raises:
        HttpError: 403.
    """
    if host is not None and not names_this_machine(host):
        message = f"this gateway asks for no API key and goes by localhost only, not {host!r}; set gateway.require_keys"
        raise HttpError(403, "unauthorized", message)


@lru_cache(KNOWN_HOSTS)
def names_this_machine(host: str) -> bool:
    """Whether a Host header's name stands for this machine alone."""
    return is_local(hostname_of(host))


def hostname_of(host: str) -> str | None:
    """A Host header's name, without its port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def is_local(hostname: str | None) -> bool:
    """Whether a name stands for this machine alone."""
    return hostname is not None and (is_loopback(hostname) or hostname.endswith(".localhost"))
