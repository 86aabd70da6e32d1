"""The HTTP server: aiohttp's, with connections of our own, and no more of them than there may be.

Each connection is a descriptor. When none is left, asyncio says so a thousand times and the gateway misses its heartbeats.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from gateway.connection import Connection
from gateway.shedding import Shedding

__all__ = ["Runner"]

LINGER_S: Final = 10.0
"""How long what a client still sends after its answer is read and thrown away, in seconds, so that it reads the answer."""


class Runner(web.AppRunner):
    """`web.AppRunner` whose connections are `Connection`s.

    Args:
        head_timeout_s: seconds that a request's head may take, from its first byte or from the connection's beginning.
        most_connections: how many may be open. One more takes the place of the one that has been idle for longest.
        shedding: answers what there is no place for.
    """

    __slots__ = ("_head_timeout_s", "_most_connections", "_shedding")

    def __init__(
        self, app: web.Application, *, head_timeout_s: float, most_connections: int, shedding: Shedding, **options: Any
    ) -> None:
        super().__init__(app, lingering_time=min(LINGER_S, head_timeout_s), **options)
        self._shedding = shedding
        self._head_timeout_s = head_timeout_s
        self._most_connections = most_connections

    def shut_down_within(self, seconds: float) -> None:
        """How long requests may take from the beginning of `cleanup`, in place of `shutdown_timeout`."""
        self._shutdown_timeout = seconds

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            head_timeout_s=self._head_timeout_s,
            most_connections=self._most_connections,
            shedding=self._shedding,
            loop=made._loop,  # noqa: SLF001 (a server with these arguments is what aiohttp has no way to ask for)
            **made._kwargs,  # noqa: SLF001
        )


class Server(web.Server):
    """Makes a `Connection` for each client."""

    def __init__(
        self, handler: Any, *, head_timeout_s: float, most_connections: int, shedding: Shedding, **options: Any
    ) -> None:
        super().__init__(handler, **options)
        self.shedding = shedding
        self.head_timeout_s = head_timeout_s
        self.most_connections = most_connections

    def make_room(self, newest: Connection) -> None:
        """See that there are not too many: whoever waits for nothing goes first, and where nobody does the newest goes."""
        connections = self.connections
        if len(connections) <= self.most_connections:
            return

        idle = (found for found in connections if isinstance(found, Connection) and found.is_idle and found is not newest)
        next(idle, newest).make_way()

    def __call__(self) -> web.RequestHandler:
        return Connection(
            self,
            head_timeout_s=self.head_timeout_s,
            shedding=self.shedding,
            make_room=self.make_room,
            loop=self._loop,
            **self._kwargs,
        )
