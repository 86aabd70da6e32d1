"""Many endpoints as one: whom to ask, and what to do when that fails, before and after the first token."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace

from loguru import logger

from actors.llm.breaker import Permit
from actors.llm.catalogue import Catalogue
from actors.llm.continuation import seamless
from actors.llm.endpoint import Endpoint, Tally
from actors.llm.failure import Blame, Failure
from actors.llm.form import Answer, Asked, Event, Piece
from actors.llm.line import Line
from actors.llm.messages import Delta, Embed, Generate, Generated, Vectors
from actors.llm.refusal import UNCONFIGURED, refusal
from actors.llm.settings import LlmSettings
from actors.llm.vectors import vectors
from transport.errors import DeadlineExceeded, NotFound, Overloaded, Unavailable

OPINIONS = 2
"""When so many endpoints say that a request is wrong, it is."""


@dataclass(slots=True)
class Attempts:
    """What has been tried for one request."""

    model: str | None
    deadline: float | None
    embedding: bool = False
    tally: Tally = field(default_factory=Tally)
    failures: dict[str, Failure] = field(default_factory=dict)
    answering: str = ""
    """The model that was asked last."""

    def fail(self, endpoint: Endpoint, failure: Failure) -> None:
        """Remember how an endpoint failed.

        Raises:
            DeadlineExceeded: when that was because the caller's time is up.
        """
        logger.info("endpoint failed", endpoint=endpoint.name, reason=failure.reason, attempt=self.tally.attempts)
        if failure.blame is Blame.CALLER:
            raise DeadlineExceeded(detail={"endpoints": {name: known.reason for name, known in self.failures.items()}})

        self.failures[endpoint.name] = failure

    @property
    def pointless(self) -> bool:
        """Whether asking further endpoints cannot help."""
        return sum(failure.blame is Blame.REQUEST for failure in self.failures.values()) >= OPINIONS


class Router:
    """Chooses endpoints by priority, then by weight, leaving out those that are broken or full.

    Args:
        settings: of the actor.
        now: seconds of a clock that only goes forward, for breakers and caches.
        chance: draws between endpoints of equal priority.
    """

    def __init__(self, settings: LlmSettings, now: Callable[[], float], chance: random.Random) -> None:
        self.settings = settings
        self.chance = chance
        self.endpoints: list[Endpoint] = []
        self.line = Line()
        self.catalogue = Catalogue(
            self.endpoints,
            timeout_s=settings.models_timeout_s,
            cache_s=settings.models_cache_s,
            now=now,
        )

    def add(self, endpoint: Endpoint) -> None:
        """Take an endpoint in, at its place in the order."""
        self.endpoints.append(endpoint)
        self.endpoints.sort(key=lambda known: known.settings.priority)

    async def close(self) -> None:
        """Close every connection."""
        await self.catalogue.close()
        for endpoint in self.endpoints:
            await endpoint.close()

    async def generate(self, message: Generate, deadline: float | None) -> AsyncGenerator[Delta | Generated]:
        """The answer's parts where they are asked for, then the whole of it.

        Raises:
            Invalid: the request is wrong, by the word of those who were asked.
            NotFound: no endpoint has the model.
            Overloaded: no endpoint had room in time.
            DeadlineExceeded: the caller's time was up.
            Unavailable: nobody could answer; or a stream broke that nobody could go on with.
        """
        attempts = Attempts(message.model, deadline)
        asked = Asked(message.model or "", message.messages, message.options, said=message.said)
        answer = Answer()
        while True:
            endpoint, permit = await self.choose(attempts)
            try:
                async with aclosing(seamless(self.attempt(endpoint, permit, asked, attempts), asked.said)) as events:
                    async for event in events:
                        if answer.is_repeated(event):
                            continue

                        if message.stream and isinstance(event, Piece):
                            yield part(event, answer, first=not message.said)

                        answer.add(event)
            except Failure as failure:
                attempts.fail(endpoint, failure)
                answer, asked = self.after(failure, answer, asked, message)
                continue

            yield Generated(
                choices=answer.whole(),
                model=answer.counted.model or attempts.answering,
                usage=answer.usage(asked),
                endpoint=endpoint.name,
                attempts=attempts.tally.attempts,
            )
            return

    async def embed(self, message: Embed, deadline: float | None) -> Vectors:
        """Vectors of texts. Another model is never asked in place of one: vectors of two models have nothing in common.

        Raises:
            Unavailable: nobody could answer, or no endpoint can embed.
        """
        capable = [endpoint for endpoint in self.endpoints if endpoint.dialect.embeds]
        model = message.model or next((e.settings.embedding_models[0] for e in capable if e.settings.embedding_models), None)
        if model is None or not any(self.catalogue.may_have(endpoint, model) for endpoint in capable):
            how = "name embedding_models at an endpoint of dialect openai" if self.endpoints else UNCONFIGURED
            raise Unavailable(f"no endpoint can embed: {how}")

        attempts = Attempts(model, deadline, embedding=True)
        while True:
            endpoint, permit = await self.choose(attempts)
            try:
                with self.working(endpoint, permit):
                    call = endpoint.dialect.embed(model, message.texts, message.options)
                    body = await endpoint.ask(call, deadline=deadline, tally=attempts.tally)
                    return vectors(body, count=len(message.texts), model=model, endpoint=endpoint.name)
            except Failure as failure:
                attempts.fail(endpoint, failure)

    async def choose(self, attempts: Attempts) -> tuple[Endpoint, Permit]:
        """The next endpoint to ask, and leave to ask it.

        Raises:
            LatticeError: when there is none; see `generate`.
        """
        if not self.endpoints:
            raise Unavailable(UNCONFIGURED)

        patience = asyncio.get_running_loop().time() + self.settings.queue_timeout_s
        if attempts.deadline is not None:
            patience = min(patience, attempts.deadline)

        while True:
            groups = self.groups(attempts)
            for group in groups:
                untried = self.in_order(group, attempts)
                for endpoint in untried:
                    if endpoint.has_room and (permit := endpoint.breaker.enter()):
                        return endpoint, permit

                if any(endpoint.breaker.state == "closed" for endpoint in untried):
                    # It is sound, and full.
                    break
            else:
                raise refusal(attempts.model, attempts.failures, [endpoint for group in groups for endpoint in group])

            if not await self.line.wait(patience):
                if patience == attempts.deadline:
                    raise DeadlineExceeded

                raise Overloaded("every model endpoint has its hands full", retry_after_ms=1000)

    def groups(self, attempts: Attempts) -> list[list[Endpoint]]:
        """Whom to ask: those that have the model, and when none of them can answer, where that is allowed, the others.

        Raises:
            NotFound: when none has it.
        """
        model = attempts.model
        able = [endpoint for endpoint in self.endpoints if not attempts.embedding or endpoint.dialect.embeds]
        having = [endpoint for endpoint in able if model is None or self.catalogue.may_have(endpoint, model)]
        if not having:
            raise NotFound(f"no endpoint has a model called {model!r}")

        # Endpoints that have refused, rather than failed, say something of the request that holds for the others too.
        refused = [attempts.failures.get(endpoint.name) for endpoint in having]
        if all(failure is not None and failure.blame is not Blame.ENDPOINT for failure in refused):
            return [having]

        if attempts.embedding or not self.settings.other_models:
            return [having]

        return [having, [endpoint for endpoint in able if endpoint not in having]]

    def in_order(self, group: Sequence[Endpoint], attempts: Attempts) -> list[Endpoint]:
        """Those of a group that have not been asked yet, by priority; equal ones drawn by weight (Efraimidis and Spirakis)."""
        untried = [] if attempts.pointless else [endpoint for endpoint in group if endpoint.name not in attempts.failures]
        return sorted(untried, key=lambda e: (e.settings.priority, -(self.chance.random() ** (1 / e.settings.weight))))

    async def attempt(
        self,
        endpoint: Endpoint,
        permit: Permit,
        asked: Asked,
        attempts: Attempts,
    ) -> AsyncGenerator[Event]:
        """What one endpoint says; its breaker learns how it went."""
        with self.working(endpoint, permit):
            model = attempts.model
            if model is None or not self.catalogue.may_have(endpoint, model):
                model = await self.catalogue.first(endpoint)

            attempts.answering = model
            begun = False
            while True:
                there = endpoint.fitted(asked, model)
                try:
                    async with aclosing(endpoint.generate(there, deadline=attempts.deadline, tally=attempts.tally)) as events:
                        async for event in events:
                            if isinstance(event, Piece):
                                begun = True
                                permit.first_token()

                            yield event
                except Failure as failure:
                    if begun or not endpoint.adapts(failure, there):
                        raise
                else:
                    return

    @contextmanager
    def working(self, endpoint: Endpoint, permit: Permit) -> Iterator[None]:
        """Count a call as in flight, tell the breaker how it ended, and let the next one in line on."""
        endpoint.in_flight += 1
        try:
            yield
        except Failure as failure:
            endpoint.failed(failure)
            match failure.blame:
                case Blame.ENDPOINT:
                    permit.failed(failure.retry_after_s)
                case Blame.CALLER:
                    permit.abandoned()
                case _:
                    permit.succeeded()

            raise
        except BaseException:
            permit.abandoned()
            raise
        else:
            permit.succeeded()
        finally:
            endpoint.in_flight -= 1
            self.line.next()

    def after(self, failure: Failure, answer: Answer, asked: Asked, message: Generate) -> tuple[Answer, Asked]:
        """With what the next endpoint begins: anew where nothing has reached the caller, else where the stream broke.

        Raises:
            Unavailable: when nobody can go on from there.
        """
        if not message.stream or not answer.begun:
            return Answer(), asked

        if not self.settings.continue_streams or not answer.can_go_on:
            raise Unavailable(f"the stream broke after it had begun: {failure.reason}") from failure

        answer.broke()
        return answer, replace(asked, said=message.said + answer.text)


def part(piece: Piece, answer: Answer, *, first: bool) -> Delta:
    """A piece as a part of the stream; the first one of a choice says whose it is, as OpenAI's streams do."""
    delta = piece.delta if piece.index in answer.said or not first else {"role": "assistant", **piece.delta}
    return Delta(index=piece.index, delta=delta, logprobs=piece.logprobs)
