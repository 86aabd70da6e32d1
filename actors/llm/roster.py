"""Endpoints that come, change and go while calls are in flight; what was changed is kept, also over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from loguru import logger
from pydantic import JsonValue, ValidationError

from actors.idempotency import Once
from actors.llm.endpoint import Endpoint
from actors.llm.ledger import Ledger
from actors.llm.router import Router
from actors.llm.settings import EndpointSettings
from actors.llm.spending import Spending
from actors.message import invalid
from actors.wire_types import validator
from transport.errors import Invalid, NotFound


class Roster:
    """Takes endpoints up and lets them go.

    Args:
        router: that asks them.
        ledger: where changes are kept.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, router: Router, ledger: Ledger, *, now: Callable[[], float]) -> None:
        self.router = router
        self.ledger = ledger
        self.now = now
        self.day = ""
        """When this process began, as ISO 8601."""

        self.spent: dict[str, tuple[int, float]] = {}
        """What the ledger had for that day, by endpoint."""

        self.spending: dict[str, Spending] = {}
        self.leaving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait no longer for the last calls of endpoints that were removed."""
        for task in list(self.leaving):
            task.cancel()

        await asyncio.gather(*self.leaving, return_exceptions=True)

    @staticmethod
    def as_changed(configured: Sequence[EndpointSettings], changed: Mapping[str, str | None]) -> list[EndpointSettings]:
        """The endpoints of a start: those of lattice.toml, as they were changed since."""
        kept = {settings.name: settings for settings in configured if changed.get(settings.name, "") is not None}
        for name, settings in changed.items():
            if settings is None:
                continue

            try:
                kept[name] = EndpointSettings.model_validate_json(settings)
            except ValidationError as error:
                # Written by another version, say. The others are not to wait for it.
                logger.error("endpoint not taken up", endpoint=name, problem=error.errors(include_url=False)[0]["msg"])

        return list(kept.values())

    async def take_up(self, settings: EndpointSettings, *, drained: bool = False) -> Endpoint:
        """Add an endpoint; a drained one is shown, and asked for nothing."""
        problem = settings.key_problem()
        if problem:
            logger.warning("endpoint without its key", endpoint=settings.name, problem=problem)

        endpoint = Endpoint(
            settings,
            max_bytes=self.router.settings.max_response_bytes,
            max_repetition=self.router.settings.max_repetition,
            now=self.now,
            changed=self.router.prober.changed.set,
            spending=self.spending_of(settings),
        )
        endpoint.draining = drained
        await endpoint.open()
        self.router.add(endpoint)
        logger.info("endpoint taken up", endpoint=settings.name, dialect=settings.dialect, drained=drained)
        return endpoint

    def spending_of(self, settings: EndpointSettings) -> Spending:
        """What the endpoint of this name has spent of its day, under the budgets that it has now."""
        known = self.spending.get(settings.name)
        if known is None:
            known = self.spending[settings.name] = Spending(settings)
            known.begin(self.day, *self.spent.get(settings.name, (0, 0.0)))

        known.settings = settings
        return known

    async def add(self, given: Mapping[str, JsonValue], once: Once | None = None) -> Endpoint:
        """Take up an endpoint by its settings, in place of the one of that name. Its calls in flight are finished.

        A call that was made before changes nothing.

        Raises:
            Invalid: naming the setting that is wrong; or the call's key came with others (`KeyReused`).
            NotFound: the call was made before, and the endpoint is gone since.
        """
        try:
            settings: EndpointSettings = validator(EndpointSettings).validate_python(given)
        except ValidationError as error:
            raise invalid(error, "llm.add_endpoint: endpoint") from error

        if problem := settings.file_problem():
            raise Invalid(f"llm.add_endpoint: endpoint.api_key_file: {problem}", detail={"param": "endpoint.api_key_file"})

        if not await self.ledger.change(settings.name, settings.model_dump_json(), once):
            return self.find(settings.name)

        self.let_go(settings.name)
        return await self.take_up(settings)

    async def drain(self, name: str, once: Once | None = None) -> Endpoint:
        """Give an endpoint no further calls until it is added anew. A call that was made before changes nothing.

        Raises:
            NotFound: there is none of that name.
            KeyReused: the call's key came with another message.
        """
        self.find(name)
        drained = await self.ledger.drain(name, once)
        # As it is by now: another call may have changed or removed it.
        endpoint = self.find(name)
        if drained:
            self.router.drain(endpoint)
            logger.info("endpoint is drained", endpoint=name)
        return endpoint

    async def remove(self, name: str, once: Once | None = None) -> None:
        """Forget an endpoint. A call that was made before changes nothing.

        Raises:
            NotFound: there is none of that name.
            KeyReused: the call's key came with another message.
        """
        if await self.ledger.made_before(once):
            return

        self.find(name)
        if await self.ledger.change(name, None, once):
            self.let_go(name)

    def find(self, name: str) -> Endpoint:
        """An endpoint by its name.

        Raises:
            NotFound: there is none.
        """
        for endpoint in self.router.endpoints:
            if endpoint.name == name:
                return endpoint

        raise NotFound(f"there is no endpoint called {name!r}")

    def let_go(self, name: str) -> None:
        """Ask the endpoint of that name no more, if there is one, and close it once its calls are finished."""
        for endpoint in [one for one in self.router.endpoints if one.name == name]:
            self.router.remove(endpoint)
            task = asyncio.create_task(self.close_idle(endpoint), name=f"close {name}")
            self.leaving.add(task)
            task.add_done_callback(self.leaving.discard)
            logger.info("endpoint removed", endpoint=name, in_flight=endpoint.in_flight)

    async def close_idle(self, endpoint: Endpoint) -> None:
        """Close an endpoint when it has nothing in flight, or when no call can be left."""
        try:
            async with asyncio.timeout(endpoint.settings.total_timeout_s):
                await endpoint.idle.wait()
        except TimeoutError:
            logger.warning("endpoint closed with calls in flight", endpoint=endpoint.name, in_flight=endpoint.in_flight)
        finally:
            await endpoint.close()
