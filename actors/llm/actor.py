"""The llm actor: many model endpoints as one."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, Literal

from loguru import logger

from actors.clock import Clock, system_clock
from actors.llm.discovery import OLLAMA_ANSWERS_WITHIN_S, SEARCH_AGAIN_S, from_environment, local_ollama
from actors.llm.endpoint import Endpoint
from actors.llm.messages import (
    Delta,
    Embed,
    Endpoints,
    Generate,
    Generated,
    ListEndpoints,
    ListModels,
    Models,
    Vectors,
)
from actors.llm.router import Router
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.metrics import Metric
from actors.runtime import AsyncActor, handles


class Llm(AsyncActor):
    """Holds the endpoints; every call is a handler of its own that mostly waits.

    Args:
        settings: endpoints and what to do when they fail.
        clock: for breakers and caches; the default counts with a clock that never jumps.
    """

    name = "llm"
    concurrency = 256

    def __init__(self, settings: LlmSettings, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.now: Callable[[], float] = time.monotonic if clock is system_clock else lambda: clock.now().timestamp()
        self.router = Router(settings, self.now, random.Random())  # noqa: S311 (it draws endpoints, not secrets)
        self.searched = asyncio.Event()
        """A local Ollama has been looked for, or need not be."""

    async def on_start(self) -> None:
        """Take up the endpoints that are configured, or those that the environment shows. None is asked for anything yet."""
        for settings in self.settings.endpoints:
            await self.take_up(settings)

        if self.settings.endpoints or not self.settings.discover:
            self.searched.set()
            return

        for settings in from_environment(os.environ):
            await self.take_up(settings)

        self.spawn(self.look_for_ollama(), name="look for a local Ollama")

    async def on_stop(self) -> None:
        """Close all connections."""
        await self.router.close()

    @handles(Generate)
    async def generate(self, message: Generate) -> AsyncGenerator[Delta | Generated]:
        """Answer, as a stream where parts are asked for."""
        await self.known_endpoints()
        async with aclosing(self.router.generate(message, self.deadline())) as parts:
            async for part in parts:
                yield part

    @handles(Embed)
    async def embed(self, message: Embed) -> Vectors:
        """Embed texts."""
        await self.known_endpoints()
        return await self.router.embed(message, self.deadline())

    @handles(ListModels)
    async def models(self, message: ListModels) -> Models:
        """What can be asked for."""
        del message
        await self.known_endpoints()
        return Models(models=await self.router.catalogue.models())

    @handles(ListEndpoints)
    def list_endpoints(self, message: ListEndpoints) -> Endpoints:
        """The endpoints as they stand, in the order in which they are tried."""
        del message
        return Endpoints(endpoints=tuple(endpoint.state(self.models_of(endpoint)) for endpoint in self.router.endpoints))

    def metrics(self) -> list[Metric]:
        """Calls, failures, calls in flight and breakers, by endpoint."""
        return [
            self.metric("lattice_llm_calls_total", "counter", "Calls made to an endpoint.", lambda e: e.calls),
            self.metric("lattice_llm_failures_total", "counter", "Calls that an endpoint failed.", lambda e: e.failures),
            self.metric("lattice_llm_in_flight", "gauge", "Calls in flight at an endpoint.", lambda e: e.in_flight),
            self.metric(
                "lattice_llm_breaker_open",
                "gauge",
                "1 while an endpoint is left alone because it failed.",
                lambda e: float(e.breaker.state != "closed"),
            ),
        ]

    def metric(
        self,
        name: str,
        kind: Literal["counter", "gauge"],
        meaning: str,
        figure: Callable[[Endpoint], float],
    ) -> Metric:
        """One figure of every endpoint."""
        samples = [({"endpoint": endpoint.name}, float(figure(endpoint))) for endpoint in self.router.endpoints]
        return Metric(name=name, kind=kind, help=meaning, samples=samples)

    async def take_up(self, settings: EndpointSettings) -> None:
        """Add an endpoint."""
        problem = settings.key_problem()
        if problem:
            logger.warning("endpoint without its key", endpoint=settings.name, problem=problem)

        endpoint = Endpoint(settings, max_bytes=self.settings.max_response_bytes, now=self.now)
        await endpoint.open()
        self.router.add(endpoint)
        logger.info("endpoint taken up", endpoint=settings.name, dialect=settings.dialect)

    async def look_for_ollama(self) -> None:
        """Look for a local Ollama until one answers."""
        while True:
            found = await local_ollama()
            if found is not None:
                await self.take_up(found)

            self.searched.set()
            if found is not None:
                return

            await asyncio.sleep(SEARCH_AGAIN_S)

    async def known_endpoints(self) -> None:
        """Wait a moment, where there is no endpoint yet, for the first look around to end."""
        if not self.router.endpoints and not self.searched.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * OLLAMA_ANSWERS_WITHIN_S):
                    await self.searched.wait()

    def models_of(self, endpoint: Endpoint) -> tuple[str, ...]:
        """Its models as far as they are known now."""
        return tuple(listed.id for listed in self.router.catalogue.known(endpoint) or ())

    def deadline(self) -> float | None:
        """Until when an answer is of use, in the loop's time."""
        call: Any = self.call
        return None if call is None else call.deadline
