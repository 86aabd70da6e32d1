"""Gateway: the actor that serves HTTP. It handles no messages of its own; requests are what makes it speak."""

from __future__ import annotations

import asyncio
import resource
import socket
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from aiohttp import web
from loguru import logger

from actors.limits import used_descriptors
from actors.runtime import AsyncActor
from gateway.admission import Admission
from gateway.auth import ApiKeys, KeyFile
from gateway.body_room import READERS
from gateway.http_metrics import HttpMetrics
from gateway.server import Runner
from gateway.service import Service
from gateway.settings import GatewaySettings, asks_for_keys, check_bind
from transport.errors import Unavailable

__all__ = ["Gateway"]

BACKLOG = 1024
"""Connections that the kernel keeps in line."""

AT_ONCE = 8
"""Connections accepted in one turn of the loop. asyncio tries so many even where no descriptor is left, and logs each
failure."""

SPARE_DESCRIPTORS = 64
"""Descriptors that connections may not take. They are for connections that are being accepted, for files, and for the actors'
sockets."""

LAST_ANSWERS_S = 0.5
"""How long beyond `drain_s` clients whose time is up may take to read the answer that says so, in seconds."""

RETRY_AFTER_MS = 500

HALF_ACCEPTED_TURNS = 8
"""Turns of the loop that are waited for connections that are accepted and not set up yet. Setting one up takes three."""


class Gateway(AsyncActor):
    """HTTP in, messages out.

    Args:
        settings: where to listen, and how much to let in.
        listener: a listening socket that was inherited; None: one is opened as the settings say.
        data_dir: where the API keys are.
    """

    name: ClassVar[str] = "gateway"

    def __init__(self, settings: GatewaySettings, listener: socket.socket | None = None, *, data_dir: Path) -> None:
        super().__init__()
        self.settings = settings
        self.data_dir = data_dir
        # The original stays with whoever made it, for the gateway after this one.
        self.listener = None if listener is None else listener.dup()
        self.http_metrics = HttpMetrics()
        self.runner: Runner | None = None
        self.service: Service | None = None
        self.admission: Admission | None = None
        self.most_connections = 0
        self.ending: asyncio.TimerHandle | None = None
        """While it stops: when requests that still run are ended."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        if self.listener is None:
            raise RuntimeError("the gateway does not listen")

        host, port = self.listener.getsockname()[:2]
        return str(host), int(port)

    async def on_start(self) -> None:
        """Listen.

        Raises:
            Invalid: it would be open to other machines without an API key.
            OSError: the address is taken.
        """
        if self.listener is None:
            check_bind(self.settings, self.data_dir)
            self.listener = open_listener(self.settings)

        host, port = self.address
        bound = self.settings.model_copy(update={"host": host})
        check_bind(bound, self.data_dir)

        keys_required = asks_for_keys(bound)
        keys = ApiKeys(KeyFile(self.data_dir))
        self.most_connections = most_connections()
        self.admission = admission = Admission(self.settings, keys, self.http_metrics, keys_required=keys_required)
        self.service = service = Service(self, self.settings, admission, self.http_metrics)
        self.runner = Runner(
            service.application(),
            shedding=service.shedding,
            # A client that hangs up cancels its handler, and with it everything down to the model.
            handler_cancellation=True,
            access_log=None,
            # content_coding.py does it.
            auto_decompress=False,
            shutdown_timeout=self.settings.drain_s + LAST_ANSWERS_S,
            head_timeout_s=self.settings.read_timeout_s,
            most_connections=self.most_connections,
        )
        await self.runner.setup()
        await web.SockSite(self.runner, self.listener, backlog=AT_ONCE).start()
        self.listener.listen(BACKLOG)
        logger.bind(host=host, port=port, keys_required=keys_required).info("listening")

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Requests, those whose bodies are waited for, bodies, and connections."""
        admission, runner = self.admission, self.runner
        if admission is None or runner is None or runner.server is None:
            return {}

        return {
            "http_requests": (admission.requests, admission.places),
            "http_readers": (len(admission.bodies.readers), READERS),
            "http_body_bytes": (admission.bodies.bytes, self.settings.max_bodies_bytes),
            "http_connections": (len(runner.server.connections), self.most_connections),
        }

    async def on_stop(self) -> None:
        """Accept no more, and finish what runs within `drain_s`, or `lingers_s` where the next gateway listens already.

        An inherited socket stays open elsewhere: connections wait.
        """
        if self.listener is not None and self.listener.fileno() >= 0:
            # asyncio drops a connection that it has accepted and not yet made when its server closes.
            asyncio.get_running_loop().remove_reader(self.listener.fileno())
            for _ in range(HALF_ACCEPTED_TURNS):
                await asyncio.sleep(0)

        if self.runner is not None:
            lingers_s = self.host.lingers_s if self.host is not None else 0.0
            if self.host is not None:
                self.host.on_hurry = lambda: self.end_within(self.settings.drain_s)
            self.end_within(max(lingers_s, self.settings.drain_s))
            self.runner.shut_down_within(max(lingers_s, self.settings.drain_s) + LAST_ANSWERS_S)
            try:
                await self.runner.cleanup()
            finally:
                self.end_within(None)

    def end_within(self, seconds: float | None) -> None:
        """Give requests so long to finish; None: none is left."""
        if self.ending is not None:
            self.ending.cancel()
        self.ending = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self.end_requests)

    def end_requests(self) -> None:
        """Time is up: every request that still runs is answered with an error.

        Clients ask again, and the next gateway serves them.
        """
        if self.service is None:
            return

        told = Unavailable("the gateway is being stopped; ask again in a moment", retry_after_ms=RETRY_AFTER_MS)
        unfinished = self.service.end_all(told)
        if self.host is not None:
            self.host.unfinished += unfinished

    async def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the listener to the next gateway."""
        del exception_type, exception_value, traceback
        await self.on_stop()


def most_connections() -> int:
    """How many connections this process has descriptors for."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(most - used_descriptors() - SPARE_DESCRIPTORS, AT_ONCE)


def open_listener(settings: GatewaySettings) -> socket.socket:
    """A socket for the address that the settings name."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise

    return listener
