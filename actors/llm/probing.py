"""Probes: whether an endpoint that is left alone is back is found out here, at nobody's cost but a token's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Literal

from loguru import logger

from actors.llm.attempt import Attempt
from actors.llm.breaker import Breaker, Permit
from actors.llm.catalogue import Catalogue
from actors.llm.endpoint import Endpoint, Tally
from actors.llm.evidence import HEAR_PROBE, HEAR_PROBE_S, PATIENCE
from actors.llm.failure import Blame, Failure
from actors.llm.form import Answer, Asked, Piece
from actors.llm.messages import ChatMessage, Usage
from actors.llm.vectors import vectors

PROBE: ChatMessage = {"role": "user", "content": "Say ok."}
EMBEDDING = "embed "
"""How breakers of embedding models are called."""


class Prober:
    """Probes breakers when their time has come.

    Args:
        endpoints: the live list.
        catalogue: which models there are.
        how: by a tiny answer, or by the list of models.
        now: the breakers' clock.
        today: the day (UTC) as ISO 8601, for budgets.
        back: called with an endpoint that is back.
        used: called with an endpoint, a model and what a probe used of it.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        catalogue: Catalogue,
        *,
        how: Literal["generate", "models"],
        now: Callable[[], float],
        today: Callable[[], str],
        back: Callable[[Endpoint], None],
        used: Callable[[Endpoint, str, Usage], None],
    ) -> None:
        self.endpoints = endpoints
        self.catalogue = catalogue
        self.how = how
        self.now = now
        self.today = today
        self.back = back
        self.used = used
        self.changed = asyncio.Event()
        self.probing: set[asyncio.Task[None]] = set()
        self.probed: set[Breaker] = set()
        """Those whose probe is still listened to."""

    async def run(self) -> None:
        """Probe for ever."""
        while True:
            self.changed.clear()
            self.start()
            waits = [wait for _, _, breaker in self.broken() if (wait := breaker.opens_in()) > 0]
            try:
                async with asyncio.timeout(min(waits) if waits else None):
                    await self.changed.wait()
            except TimeoutError:
                continue

    async def round(self) -> None:
        """Probe what is due, and wait for what comes of it."""
        self.start()
        if self.probing:
            await asyncio.wait(self.probing)

    async def close(self) -> None:
        """Probe no more."""
        for task in list(self.probing):
            task.cancel()

        await asyncio.gather(*self.probing, return_exceptions=True)

    def start(self) -> None:
        """Begin the probes that are due."""
        for endpoint, model, breaker in self.broken():
            permit = breaker.probe()
            if permit is not None:
                task = asyncio.create_task(self.probe(endpoint, model, permit), name=f"probe {endpoint.name}")
                self.probing.add(task)
                self.probed.add(breaker)
                task.add_done_callback(self.probing.discard)
                task.add_done_callback(partial(self._over, breaker))

    def _over(self, breaker: Breaker, _: asyncio.Task[None]) -> None:
        self.probed.discard(breaker)

    def outcome_in(self, endpoint: Endpoint, model: str) -> float:
        """For how many seconds more it is worth waiting for a probe that may let calls for a model in again; 0: there is none.

        Counted from when the probe began: who comes later, when the endpoint has said nothing for so long, does not wait.
        """
        shut = endpoint.breakers.open_for(model)
        if not shut or not all(breaker.probing for breaker in shut):
            return 0.0

        began = min(breaker.probed_at for breaker in shut)
        return max(began + hear_probe_s(endpoint) - self.now(), 0.0)

    def bring_forward(self, endpoint: Endpoint, model: str) -> None:
        """Probe what keeps calls for a model out, now."""
        for breaker in endpoint.breakers.open_for(model):
            breaker.bring_forward()

        self.start()

    def may_bring_forward(self, endpoint: Endpoint, model: str) -> bool:
        """Whether an endpoint may be probed before its time, and is not being probed."""
        shut = endpoint.breakers.open_for(model)
        return bool(shut) and all(breaker.early and breaker not in self.probed for breaker in shut)

    def broken(self) -> list[tuple[Endpoint, str | None, Breaker]]:
        """Every breaker that is not closed."""
        return [
            (endpoint, model, breaker)
            for endpoint in self.endpoints
            for model, breaker in endpoint.breakers.all()
            if breaker.open_until is not None
        ]

    async def probe(self, endpoint: Endpoint, model: str | None, permit: Permit) -> None:
        """One probe; its breaker learns what came of it."""
        allowance_s = endpoint.settings.first_token_timeout_s
        until = self.now() + PATIENCE * allowance_s

        def more_s() -> float:
            """It is too slow to be let back; whether it answers at all is still of use where nobody else is left."""
            permit.failed()
            return max(until - self.now(), 0.0)

        try:
            try:
                await self.ask(endpoint, model, more_s)
            except Failure as failure:
                if not failure.stale:
                    raise

                await self.ask(endpoint, model, more_s)
        except Failure as failure:
            if failure.blame is Blame.ENDPOINT and self.is_about(failure, model):
                endpoint.last_error = failure.reason
                endpoint.evidence.failed()
                permit.failed(failure.retry_after_s)
                return
        except BaseException:
            permit.abandoned()
            raise

        if permit.ended:
            endpoint.evidence.answered_late()
            logger.info("endpoint answers late", endpoint=endpoint.name, model=model)
            return

        permit.succeeded()
        endpoint.concurrency.restart()
        endpoint.evidence.answered()
        logger.info("endpoint is back", endpoint=endpoint.name, model=model)
        self.back(endpoint)

    def scout(self, attempt: Attempt) -> None:
        """Ask an endpoint that nothing is known of, ahead of those who may have to come over to it."""
        attempt.count()
        task = asyncio.create_task(self.find_out(attempt), name=f"scout {attempt.endpoint.name}")
        self.probing.add(task)
        task.add_done_callback(self.probing.discard)
        task.add_done_callback(lambda _: attempt.forgo())

    async def find_out(self, attempt: Attempt) -> None:
        """One scout; the endpoint's breaker and its evidence learn what came of it."""
        try:
            async with aclosing(attempt.events(Asked("", [PROBE], {"max_tokens": 1}))) as events:
                async for event in events:
                    if isinstance(event, Piece):
                        return
        except Failure as failure:
            if failure.blame is not Blame.ENDPOINT:
                # It understood.
                attempt.endpoint.evidence.answered()

    @staticmethod
    def is_about(failure: Failure, model: str | None) -> bool:
        """Whether a failure says that what was probed is still broken: a model may fail at an endpoint that is sound."""
        return model is not None or failure.everywhere or failure.overload

    async def ask(self, endpoint: Endpoint, model: str | None, more_s: Callable[[], float]) -> None:
        """Ask for as little as shows that it works. `more_s` says how long it is listened to beyond its allowance.

        Raises:
            Failure: it does not.
        """
        model = self.catalogue.guess(endpoint, None) if model is None else model
        if self.how == "models" or not model or endpoint.spending.used_up(self.today()):
            await endpoint.list_models(endpoint.settings.first_token_timeout_s)
            return

        if model.startswith(EMBEDDING):
            await self.embed(endpoint, model.removeprefix(EMBEDDING))
            return

        asked, answer = endpoint.fitted(Asked(model, [PROBE], {"max_tokens": 1}), model), Answer()
        told = endpoint.generate(asked, deadline=None, tally=Tally(), answer=answer, overdue=more_s)
        try:
            async with aclosing(told) as events:
                async for event in events:
                    if isinstance(event, Piece):
                        return
        finally:
            if answer.said or answer.counted.prompt_tokens is not None:
                self.used(endpoint, model, answer.usage(asked))

    async def embed(self, endpoint: Endpoint, model: str) -> None:
        """Ask for one vector.

        Raises:
            Failure: there is none.
        """
        body = await endpoint.ask(endpoint.dialect.embed(model, ("ok",), {}), deadline=None, tally=Tally())
        body = endpoint.dialect.embedded(body)
        self.used(endpoint, model, vectors(body, count=1, model=model, endpoint=endpoint.name).usage)


def hear_probe_s(endpoint: Endpoint) -> float:
    """How long a probe of an endpoint is waited for by calls that have nobody to ask, in seconds."""
    return min(HEAR_PROBE * endpoint.settings.first_token_timeout_s, HEAR_PROBE_S)
