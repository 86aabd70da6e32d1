"""The connections that are kept to an endpoint.

They are given up where the endpoint has moved to another address, or where they can no longer be trusted.

A connection that is in use may live for ever, so the endpoint's name is looked up now and then all the same. Calls in flight
are finished over the connections that they have.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from loguru import logger


class Pool:
    """Sessions to one host: the one for new calls, and those before it whose calls are not over.

    Args:
        name: the endpoint's, for the log.
        host: whose addresses are followed.
        resolver: finds them.
        dns_s: how long what it said is good.
        make: makes a session whose names are looked up by that resolver.
    """

    def __init__(
        self,
        name: str,
        host: str,
        resolver: AbstractResolver,
        dns_s: float,
        make: Callable[[AbstractResolver], aiohttp.ClientSession],
    ) -> None:
        self.name = name
        self.host = host
        self.dns_s = dns_s
        self.make = make
        self.names = Names(resolver)
        self.session = make(self.names)
        self.calls: Counter[aiohttp.ClientSession] = Counter()
        self.looking: asyncio.Task[None] | None = None
        self.closed = False
        self.closing: set[asyncio.Task[None]] = set()

    def enter(self) -> aiohttp.ClientSession:
        """The session for a call; `left` is told when the call is over."""
        names, now = self.names, asyncio.get_running_loop().time()
        if self.looking is None and names.found and now >= names.looked_at + self.dns_s and not is_address(self.host):
            self.looking = asyncio.create_task(self.look(), name=f"look up {self.name}")

        self.calls[self.session] += 1
        return self.session

    def left(self, session: aiohttp.ClientSession) -> None:
        """A call is over."""
        self.calls[session] -= 1
        if not self.calls[session]:
            del self.calls[session]
            if session is not self.session:
                self.end(session)

    def renew(self, session: aiohttp.ClientSession | None) -> None:
        """Keep nothing of what there was with a call: the next ones look the name up and connect anew."""
        if session is not self.session or self.closed:
            return

        before, self.session = self.session, self.make(self.names)
        if not self.calls[before]:
            del self.calls[before]
            self.end(before)

    async def look(self) -> None:
        """Look whether the host has moved as a whole. A name that cannot be looked up has not."""
        before = self.names.found
        try:
            await self.names.resolve(self.host, 0, socket.AF_UNSPEC)
        except OSError:
            self.names.looked_at = asyncio.get_running_loop().time()
        else:
            if before.isdisjoint(self.names.found):
                logger.info("endpoint has moved", endpoint=self.name)
                self.renew(self.session)
        finally:
            self.looking = None

    def end(self, session: aiohttp.ClientSession) -> None:
        """Close a session that nobody uses."""
        task = asyncio.create_task(session.close(), name=f"close connections to {self.name}")
        self.closing.add(task)
        task.add_done_callback(self.closing.discard)

    async def close(self) -> None:
        """Close them all."""
        self.closed = True
        if self.looking is not None:
            self.looking.cancel()
            await asyncio.wait({self.looking})

        await asyncio.gather(*self.closing)
        for session in {self.session, *self.calls}:
            await session.close()


class Names(AbstractResolver):
    """A resolver that keeps what was found last.

    Args:
        resolver: that finds it.
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self.resolver = resolver
        self.found: frozenset[str] = frozenset()
        self.looked_at = 0.0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses of a host."""
        told = await self.resolver.resolve(host, port, family)
        self.found = frozenset(one["host"] for one in told)
        self.looked_at = asyncio.get_running_loop().time()
        return told

    async def close(self) -> None:
        """Nothing is held open."""


def is_address(host: str) -> bool:
    """Whether there is nothing to look up."""
    try:
        ip_address(host)
    except ValueError:
        return False

    return True
