"""The llm actor: many model endpoints as one."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from actors.clock import Clock, system_clock
from actors.idempotency import Once, once_of
from actors.llm.cache import Cache
from actors.llm.discovery import from_environment
from actors.llm.endpoint import Endpoint
from actors.llm.follower import Follower
from actors.llm.ledger import Ledger
from actors.llm.line import Lane
from actors.llm.local_ollama import OLLAMA_ANSWERS_WITHIN_S, SEARCH_AGAIN_S, local_ollama
from actors.llm.messages import (
    AddEndpoint,
    BackedUp,
    Backup,
    Delta,
    DrainEndpoint,
    Embed,
    EndpointFound,
    Endpoints,
    EndpointState,
    Generate,
    Generated,
    GetUsage,
    ListEndpoints,
    ListModels,
    Models,
    RemoveEndpoint,
    UsageFound,
    Vectors,
)
from actors.llm.roster import Roster
from actors.llm.router import Router
from actors.llm.settings import LlmSettings
from actors.llm.standing import standing
from actors.message import Message
from actors.metrics import Metric
from actors.runtime import AsyncActor, handles


class Llm(AsyncActor):
    """Holds the endpoints; every call is a handler of its own that mostly waits.

    Args:
        settings: endpoints and what to do when they fail.
        data_dir: holds llm.db.
        clock: for breakers, budgets and caches; the default counts with a clock that never jumps.
    """

    name = "llm"
    concurrency = 256

    def __init__(self, settings: LlmSettings, data_dir: Path, clock: Clock = system_clock) -> None:
        super().__init__()
        self.settings = settings
        self.clock = clock
        self.now: Callable[[], float] = time.monotonic if clock is system_clock else self.wall
        self.ledger = Ledger(data_dir / "llm.db")
        chance = random.Random()  # noqa: S311 (it draws endpoints, not secrets)
        self.router = Router(settings, self.now, chance, today=self.today, ledger=self.ledger, wall=self.wall)
        self.roster = Roster(self.router, self.ledger, now=self.now)
        self.cache = Cache(settings.cache, self.now)
        self.follower = Follower(self, self.ledger, now=self.now, forgot=self.cache.forget)
        self.searched = asyncio.Event()
        """A local Ollama has been looked for, or need not be."""

    async def on_start(self) -> None:
        """Take up the endpoints that are configured, or those that the environment shows. None is asked for anything yet."""
        await self.ledger.open()
        self.spawn(self.ledger.database.watch(), name="llm watches its database")
        if (bucket := await self.ledger.held()) is not None:
            held, then = bucket
            self.router.bucket.restore(held, self.wall() - then)

        changed = await self.ledger.changed()
        self.roster.day = self.today()
        self.roster.spent = await self.ledger.spent(self.roster.day)
        configured = list(self.settings.endpoints)
        looks = self.settings.discover and not configured and not any(changed.values())
        if looks:
            configured = from_environment(os.environ)

        drained = await self.ledger.drained()
        for settings in self.roster.as_changed(configured, changed):
            await self.roster.take_up(settings, drained=settings.name in drained)

        self.spawn(self.router.prober.run(), name="probe endpoints")
        self.spawn(self.follower.run(), name="llm follows which namespaces memory forgets")
        if looks:
            self.spawn(self.look_for_ollama(), name="look for a local Ollama")
        else:
            self.searched.set()

    async def on_stop(self) -> None:
        """Close all connections, and the ledger."""
        await self.cache.close()
        await self.roster.close()
        await self.router.close()
        await self.ledger.close()

    async def on_failure(self, *_: object) -> None:
        """Close them: whoever takes this actor's place opens them anew."""
        await self.on_stop()

    @handles(Backup)
    async def back_up(self, message: Backup) -> BackedUp:
        """Copy the ledger."""
        return BackedUp(bytes=await self.ledger.database.back_up(message.name))

    @handles(Generate)
    async def generate(self, message: Generate) -> AsyncGenerator[Delta | Generated]:
        """Answer, as a stream where parts are asked for."""
        await self.known_endpoints()
        deadline, lane = self.deadline(), self.lane()
        told = self.cache.answer(message, lambda one, until: self.router.generate(one, until, lane), deadline, lane=lane)
        async with aclosing(told) as parts:
            async for part in parts:
                yield part

    @handles(Embed)
    async def embed(self, message: Embed) -> Vectors:
        """Embed texts."""
        await self.known_endpoints()
        return await self.router.embed(message, self.deadline(), self.lane())

    @handles(ListModels)
    async def models(self, message: ListModels) -> Models:
        """What can be asked for."""
        del message
        await self.known_endpoints()
        return Models(models=await self.router.catalogue.models(self.settings.aliases))

    @handles(ListEndpoints)
    def list_endpoints(self, message: ListEndpoints) -> Endpoints:
        """The endpoints as they stand, in the order in which they are tried."""
        del message
        return Endpoints(endpoints=tuple(self.state(endpoint) for endpoint in self.router.endpoints))

    @handles(AddEndpoint)
    async def add_endpoint(self, message: AddEndpoint) -> EndpointFound:
        """Take up an endpoint, or change it."""
        return EndpointFound(endpoint=self.state(await self.roster.add(message.endpoint, self.once(message))))

    @handles(DrainEndpoint)
    async def drain_endpoint(self, message: DrainEndpoint) -> EndpointFound:
        """Give an endpoint no further calls."""
        return EndpointFound(endpoint=self.state(await self.roster.drain(message.name, self.once(message))))

    @handles(RemoveEndpoint)
    async def remove_endpoint(self, message: RemoveEndpoint) -> Endpoints:
        """Forget an endpoint."""
        await self.roster.remove(message.name, self.once(message))
        return self.list_endpoints(ListEndpoints())

    @handles(GetUsage)
    async def usage(self, message: GetUsage) -> UsageFound:
        """What was used."""
        since = (self.clock.now() - timedelta(days=message.days - 1)).date().isoformat()
        return UsageFound(rows=await self.ledger.usage(message, since))

    def metrics(self) -> list[Metric]:
        """Calls, failures, calls in flight, limits and breakers, by endpoint; the line and the retry budget."""
        line, retries = self.router.line, self.router.retries
        return [
            self.metric("lattice_llm_calls_total", "counter", "Calls made to an endpoint.", lambda e: e.calls),
            self.metric("lattice_llm_failures_total", "counter", "Calls that an endpoint failed.", lambda e: e.failures),
            self.metric("lattice_llm_in_flight", "gauge", "Calls in flight at an endpoint.", lambda e: e.in_flight),
            self.metric("lattice_llm_limit", "gauge", "Calls that may be in flight.", lambda e: e.concurrency.limit),
            self.metric("lattice_llm_tokens_today", "gauge", "Tokens used since midnight UTC.", lambda e: e.spending.tokens),
            self.metric(
                "lattice_llm_breaker_open",
                "gauge",
                "1 while an endpoint, or a model of it, is left alone because it failed.",
                lambda e: float(e.breakers.state() != "closed"),
            ),
            single("lattice_llm_waiting", "gauge", "Calls that wait for an endpoint to have room.", len(line)),
            single("lattice_llm_waited_seconds_total", "counter", "Time spent waiting for room.", line.waited_s),
            single("lattice_llm_overloaded_total", "counter", "Calls refused because too many waited.", line.refused),
            single("lattice_llm_retries_refused_total", "counter", "Retries that the budget did not allow.", retries.refused),
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

    def state(self, endpoint: Endpoint) -> EndpointState:
        """An endpoint as it stands."""
        models = tuple(listed.id for listed in self.router.catalogue.known(endpoint) or ())
        ejected = endpoint.name in self.router.chooser.outliers()
        return standing(endpoint, models=models, ejected=ejected, today=self.today())

    async def look_for_ollama(self) -> None:
        """Look for a local Ollama until one answers."""
        while True:
            found = await local_ollama()
            if found is not None:
                await self.roster.take_up(found)

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

    def once(self, message: Message) -> Once | None:
        """What the call is known by."""
        return once_of(self.call, message, self.clock.steady())

    def deadline(self) -> float | None:
        """Until when an answer is of use, in the loop's time."""
        call: Any = self.call
        return None if call is None else call.deadline

    def lane(self) -> Lane:
        """Whether somebody waits for the answer."""
        call: Any = self.call
        return "bg" if call is not None and call.lane == "bg" else "fg"

    def wall(self) -> float:
        """Seconds since 1970."""
        return self.clock.now().timestamp()

    def today(self) -> str:
        """The day (UTC) as ISO 8601."""
        return self.clock.now().date().isoformat()


def single(name: str, kind: Literal["counter", "gauge"], meaning: str, figure: float) -> Metric:
    """A figure that is not an endpoint's."""
    return Metric(name=name, kind=kind, help=meaning, samples=[({}, float(figure))])
