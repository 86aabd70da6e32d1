"""Many endpoints as one: an answer from whoever can give it, taken up by the next one where that fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from loguru import logger

from actors.llm.attempts import Attempts
from actors.llm.bucket import Bucket
from actors.llm.catalogue import Catalogue
from actors.llm.choosing import Chooser
from actors.llm.continuation import seamless
from actors.llm.dispatcher import Dispatcher
from actors.llm.endpoint import Endpoint
from actors.llm.failure import Failure
from actors.llm.form import Answer, Asked, Piece, estimated_tokens
from actors.llm.hedging import Race
from actors.llm.ledger import PROBES, Used
from actors.llm.line import Lane, Line
from actors.llm.messages import Delta, Embed, Generate, Generated, Usage, Vectors
from actors.llm.probing import Prober
from actors.llm.refusal import UNCONFIGURED
from actors.llm.retries import RetryBudget
from actors.llm.settings import LlmSettings
from actors.llm.vectors import vectors
from transport.errors import LatticeError, NotFound, Unavailable

LEDGER_S = 0.25
"""How long an answer waits for its usage to be on disk; it is written in any case."""

LONGEST_TO_GO_ON = 262_144
"""In characters: nobody can go on from a longer answer, whose prompt no model would take."""


class Recorder(Protocol):
    """What is needed of the ledger."""

    async def record(self, used: Used) -> None:
        """Count a call."""

    async def hold(self, tokens: float, at: float) -> None:
        """Keep what the background may still spend."""


class Router:
    """Answers requests, by whichever endpoint can.

    Args:
        settings: of the actor.
        now: seconds of a clock that only goes forward, for breakers, budgets and caches.
        chance: draws between endpoints of equal priority.
        today: the day (UTC) as ISO 8601.
        ledger: where usage is kept; None: nowhere.
        wall: seconds since 1970, for what is kept over a restart.
    """

    def __init__(
        self,
        settings: LlmSettings,
        now: Callable[[], float],
        chance: random.Random,
        *,
        today: Callable[[], str],
        ledger: Recorder | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.now = now
        self.today = today
        self.ledger = ledger
        self.wall = wall
        self.endpoints: list[Endpoint] = []
        self.line = Line(settings.queue_limit)
        self.retries = RetryBudget(settings.retry, now)
        self.bucket = Bucket(settings.background, now, self.keep)
        self.writing: set[asyncio.Task[None]] = set()
        self.catalogue = Catalogue(
            self.endpoints,
            timeout_s=settings.models_timeout_s,
            cache_s=settings.models_cache_s,
            now=now,
        )
        self.chooser = Chooser(settings, self.endpoints, self.catalogue, now=now, today=today, chance=chance)
        self.prober = Prober(
            self.endpoints,
            self.catalogue,
            how=settings.probe,
            now=now,
            today=today,
            back=lambda _: self.line.look_again(),
            used=self.probed,
        )
        self.dispatcher = Dispatcher(
            settings,
            self.endpoints,
            self.chooser,
            self.catalogue,
            self.prober,
            retries=self.retries,
            line=self.line,
            now=now,
            today=today,
            chance=chance,
            used=self.used,
        )

    def add(self, endpoint: Endpoint) -> None:
        """Take an endpoint in, at its place in the order."""
        self.endpoints.append(endpoint)
        endpoint.pulse.alarm = self.dispatcher.look_at_all
        self.endpoints.sort(key=lambda known: known.settings.priority)
        self.line.look_again()

    def remove(self, endpoint: Endpoint) -> None:
        """Take an endpoint out; it is asked no more."""
        self.endpoints.remove(endpoint)
        self.catalogue.forget(endpoint)
        self.line.look_again()

    def drain(self, endpoint: Endpoint) -> None:
        """Give it no further calls."""
        endpoint.draining = True
        self.line.look_again()

    async def close(self) -> None:
        """Close every connection, once what was used is written."""
        await self.prober.close()
        await self.catalogue.close()
        await asyncio.gather(*self.writing)
        for endpoint in self.endpoints:
            await endpoint.close()

    async def generate(self, message: Generate, deadline: float | None, lane: Lane = "fg") -> AsyncGenerator[Delta | Generated]:
        """The answer's parts where they are asked for, then the whole of it.

        What it raises tells in its detail how many `attempts` were made upstream.

        Raises:
            Invalid: the request is wrong, by the word of those who were asked.
            NotFound: no endpoint has the model.
            Overloaded: no endpoint had room in time; or the background has spent what it may.
            DeadlineExceeded: the caller's time was up.
            Unavailable: nobody could answer; or a stream broke that nobody could go on with.
        """
        attempts = Attempts(
            self.chooser.models(message.model),
            deadline,
            since=self.now(),
            named=message.model,
            namespace=message.namespace,
            tags=frozenset(message.tags),
            lane=lane,
        )
        estimate = estimated_tokens(message.messages) if lane == "bg" else 0
        if lane == "bg":
            self.bucket.take(estimate)

        try:
            async with aclosing(self.answer(message, attempts)) as parts:
                async for part in parts:
                    yield part
        except LatticeError as error:
            error.detail = {**(error.detail or {}), "attempts": attempts.tally.attempts}
            raise
        finally:
            if lane == "bg":
                self.bucket.settle(estimate, attempts.tokens)

    async def answer(self, message: Generate, attempts: Attempts) -> AsyncGenerator[Delta | Generated]:
        """What `generate` says, within what may be spent."""
        self.retries.request()
        asked = Asked(message.model or "", message.messages, message.options, said=message.said)
        answer = Answer()
        while True:
            race = await self.race(attempts, asked)
            try:
                async with aclosing(seamless(race.events(), asked.said)) as events:
                    async for event in events:
                        if answer.is_repeated(event):
                            continue

                        if message.stream and isinstance(event, Piece):
                            yield spoken(event, answer, first=not message.said)

                        answer.add(event)
            except Failure as failure:
                attempts.fail(race.winner.key, failure)
                answer, asked = self.after(failure, answer, asked, message)
                continue

            await written(attempts)
            yield Generated(
                choices=answer.whole(),
                model=answer.counted.model or race.winner.model,
                usage=answer.usage(asked),
                endpoint=race.winner.endpoint.name,
                attempts=attempts.tally.attempts,
                cost=attempts.cost,
            )
            return

    async def embed(self, message: Embed, deadline: float | None, lane: Lane = "fg") -> Vectors:
        """Vectors of texts. Another model is never asked in place of one: vectors of two models have nothing in common.

        Raises:
            NotFound: no endpoint that can embed has the model.
            Unavailable: nobody could answer, or no endpoint can embed.
        """
        capable = [endpoint for endpoint in self.endpoints if endpoint.dialect.embeds]
        model = message.model or next((e.settings.embedding_models[0] for e in capable if e.settings.embedding_models), None)
        if capable and message.model and not any(self.catalogue.may_have(endpoint, message.model) for endpoint in capable):
            raise NotFound(f"no endpoint that can embed has a model called {message.model!r}", detail={"param": "model"})
        if model is None or not capable:
            how = "name embedding_models at an endpoint of dialect openai" if self.endpoints else UNCONFIGURED
            raise Unavailable(f"no endpoint can embed: {how}")

        self.retries.request()
        attempts = Attempts(
            (model,), deadline, since=self.now(), named=model, namespace=message.namespace, lane=lane, embedding=True
        )
        while True:
            attempt = await self.dispatcher.choose(attempts)
            endpoint = attempt.endpoint
            try:
                with attempt.working():
                    call = endpoint.dialect.embed(model, message.texts, message.options)
                    body = await endpoint.ask(call, deadline=deadline, tally=attempts.tally, overdue=attempt.more_s)
                    body = endpoint.dialect.embedded(body)
                    found = vectors(body, count=len(message.texts), model=model, endpoint=endpoint.name)
                    attempt.speaks()
            except Failure as failure:
                attempts.fail(attempt.key, failure)
            else:
                self.used(attempts, endpoint, model, found.usage)
                await written(attempts)
                return found

    async def race(self, attempts: Attempts, asked: Asked) -> Race:
        """The next answer: from one endpoint, or from the faster of two."""
        attempt = await self.dispatcher.choose(attempts)
        hedge = self.settings.hedge
        usual = attempt.endpoint.latest.percentile(hedge.percentile, hedge.minimum_calls) if hedge.enabled else None
        return Race(
            attempt,
            asked,
            delay=None if usual is None else max(usual, hedge.at_least_s),
            second=lambda: self.dispatcher.second(attempt, attempts),
            lost=lambda lost, failure: attempts.fail(lost.key, failure),
        )

    def after(self, failure: Failure, answer: Answer, asked: Asked, message: Generate) -> tuple[Answer, Asked]:
        """With what the next endpoint begins: anew where nothing has reached the caller, else where the stream broke.

        Raises:
            Unavailable: when nobody can go on from there.
        """
        if not message.stream or not answer.begun:
            return Answer(), asked

        if not self.settings.continue_streams or not answer.can_go_on or len(answer.text) > LONGEST_TO_GO_ON:
            raise Unavailable(f"the stream broke after it had begun: {failure.reason}") from failure

        answer.broke()
        return answer, replace(asked, said=message.said + answer.text)

    def used(self, attempts: Attempts, endpoint: Endpoint, model: str, usage: Usage) -> None:
        """Count what an attempt used: for its caller, for the endpoint's day, for the ledger."""
        cost = endpoint.settings.cost(usage.prompt_tokens, usage.completion_tokens)
        attempts.used(usage.total_tokens, cost)
        today = self.today()
        endpoint.spending.add(today, usage.total_tokens, cost or 0.0)
        if self.ledger is None:
            return

        used = Used(
            today,
            attempts.namespace,
            endpoint.name,
            model[:256],
            usage.prompt_tokens,
            usage.completion_tokens,
            cost or 0.0,
            since=attempts.since,
        )
        attempts.writes.add(self.write(self.ledger.record(used), f"usage of {endpoint.name}"))

    def probed(self, endpoint: Endpoint, model: str, usage: Usage) -> None:
        """Count what a probe used: nobody asked for it, and it is paid all the same."""
        self.used(Attempts((model,), None, since=self.now(), namespace=PROBES), endpoint, model, usage)

    def keep(self, held: float) -> None:
        """Keep what the background may still spend: a restart is not to fill its bucket."""
        if self.ledger is not None:
            self.write(self.ledger.hold(held, self.wall()), "what the background may spend")

    def write(self, writing: Coroutine[None, None, None], what: str) -> asyncio.Task[None]:
        """Have something written while the answer goes on."""
        task = asyncio.create_task(kept(writing, what), name=f"write {what}")
        self.writing.add(task)
        task.add_done_callback(self.writing.discard)
        return task


async def written(attempts: Attempts) -> None:
    """Wait a moment for what a request used to be on disk."""
    if attempts.writes:
        await asyncio.wait(attempts.writes, timeout=LEDGER_S)


async def kept(writing: Coroutine[None, None, None], what: str) -> None:
    """Write something. That the disk is full must not cost the caller the answer."""
    try:
        await writing
    except LatticeError as error:
        logger.warning("not kept", what=what, reason=error.message)


def spoken(piece: Piece, answer: Answer, *, first: bool) -> Delta:
    """A piece as a part of the stream; the first one of a choice says whose it is, as OpenAI's streams do."""
    delta = piece.delta if piece.index in answer.said or not first else {"role": "assistant", **piece.delta}
    return Delta(index=piece.index, delta=delta, logprobs=piece.logprobs)
