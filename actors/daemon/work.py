"""One run at work: asking in the background lane, writing under the run's lease, yielding, and keeping to its budget."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

import apsw
from loguru import logger

from actors.asks import Asks
from actors.clock import Clock
from actors.daemon import answers
from actors.daemon.foreground import ForegroundWatch
from actors.daemon.messages import Cost, Planned, Run
from actors.daemon.settings import CycleSettings, DaemonSettings
from actors.daemon.store import Store
from actors.llm.messages import Choice, Generate, Generated
from actors.memory.messages import Get, Memory, Provenance
from actors.moments import micros
from actors.private_reasoning import public_of
from actors.system import SysPing
from transport.errors import Cancelled, DeadlineExceeded, LatticeError, NotFound, Overloaded, Unavailable

__all__ = ["AWAY", "PLANNED", "BudgetSpent", "Cycle", "Paused", "Work"]

S = TypeVar("S")
T = TypeVar("T")

STRETCH_S = 0.005
"""How long may be computed without looking whether people wait, in seconds. One text, of 20,000 characters at most, may take up
to 40 ms."""

SENTENCE_END = re.compile(r"[.!?\u2026\u3002](?=\s|$)")

PLANNED = 50
"""Writes that a dry run tells of."""

ASK_S = 30.0
MODEL_S = 120.0
"""A background answer may take its time; the llm actor's own timeouts are shorter."""

SIGN_S = 2.0
"""For a sign of life of an actor that has given no answer."""

AWAY = (Unavailable, DeadlineExceeded)
"""Errors that are raised where an actor that was asked may be away."""

NO_MODEL = (Unavailable, Overloaded, DeadlineExceeded, NotFound, Cancelled)
"""Errors with which an llm actor answers that has no model to spare: the cycle goes on without."""


class Paused(Exception):
    """The cycle was paused while it ran."""


class BudgetSpent(Exception):
    """The run has had its time or its writes; what is left waits for the next."""


class Work:
    """What a cycle has in hand while it runs.

    Args:
        run: its row, with the epoch under which it writes.
        schedule: its budget.
        settings: the daemon's.
        foreground: for whom it stands still.
        paused: whether the cycle has been paused meanwhile.
        worked: told of each step that had an effect.
        dry: write nothing to others and ask no model; `store` is a copy.
    """

    def __init__(
        self,
        *,
        run: Run,
        schedule: CycleSettings,
        settings: DaemonSettings,
        store: Store,
        clock: Clock,
        ask: Asks,
        foreground: ForegroundWatch,
        paused: Callable[[], bool] = lambda: False,
        worked: Callable[[dict[str, int]], None] = lambda _effects: None,
        dry: bool = False,
    ) -> None:
        self.run = run
        self.schedule = schedule
        self.settings = settings
        self.store = store
        self.clock = clock
        self.dry = dry
        self.planned: list[Planned] = []
        self.writes = 0
        self.effects: dict[str, int] = {}
        self._ask = ask
        self._foreground = foreground
        self._paused = paused
        self._worked = worked
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._before = run.cost
        self._model_calls = self._model_tokens = 0
        self._model = settings.model
        self._patience_s = settings.yield_s
        self._unanswered: tuple[str, Exception] | None = None
        """Who gave no answer the last time, and what was raised."""

    async def ask(self, message: Any) -> Any:
        """Ask behind everything that people wait for."""
        return await self._answer(message)

    async def write(self, message: Any, *, records: int = 1, key: str | None = None, text: str = "") -> Any:
        """Ask an actor to change something; None in a dry run, which only counts it.

        Args:
            message: what is to be changed.
            records: how many it writes, for the budget.
            key: idempotency key, where the message's own contents do not make a repeat harmless.
            text: what a dry run shows of it.
        """
        self.writes += records
        if self.dry:
            if len(self.planned) < PLANNED:
                namespace = getattr(message, "namespace", None) or ""
                self.planned.append(Planned(type=message.contract.type, namespace=namespace, text=text[:400]))
            return None
        return await self._answer(message, key=key)

    async def _answer(self, message: Any, *, key: str | None = None) -> Any:
        await self._foreground.pass_by(self.settings.yield_s)
        try:
            return await self._ask(message, timeout=ASK_S, lane="bg", key=key)
        except AWAY as error:
            self._unanswered = message.contract.actor, error
            raise

    async def away(self, error: Exception) -> str | None:
        """The actor whose silence `error`, or its cause, tells of, where it gives no sign of life either; None: none."""
        name, raised = self._unanswered or ("", None)
        if raised is None or (raised is not error and raised is not error.__cause__):
            return None

        try:
            await self._ask(SysPing(), to=name, timeout=SIGN_S)
        except LatticeError:
            return name

        return None

    async def generate(self, task: str, text: str, sources: Sequence[Memory], *, most_tokens: int = 512) -> str | None:
        """What a model makes of `text`; None where none answers or the budget has no room: the cycle then goes on without.

        An answer is stored with the ids of its sources before it is used: it is paid for once, whoever takes the run over.

        Args:
            task: what to do with it, the system prompt.
            text: at most 100,000 characters are sent.
            sources: the records that the text quotes, all of one namespace, which the tokens are counted for.
            most_tokens: longest answer.

        Raises:
            NotFound: a source was forgotten while the model answered; the answer may quote it, and is not kept.
        """
        if self.dry or not self.schedule.budget_tokens:
            return None
        digest = answers.digest_of(self.run.cycle, task, text)
        known = await self.read(answers.known, digest)
        if known is not None:
            answer, self._model = known
            return answer
        # Four characters a token is what English prose has; what was really used is counted from the answer.
        expected = (len(task) + min(len(text), 100_000)) // 4 + most_tokens
        if self.tokens_left < expected:
            return None

        message = Generate(
            namespace=sources[0].namespace,
            model=self.settings.model,
            messages=({"role": "system", "content": task}, {"role": "user", "content": text[:100_000]}),
            options={"max_tokens": most_tokens, "temperature": 0},
        )
        await self._foreground.pass_by(self.settings.yield_s)
        try:
            generated: Generated = await self._ask(message, timeout=MODEL_S, lane="bg", key=f"daemon:{digest}")
        except NO_MODEL as error:
            logger.info("a cycle goes on without a model", cycle=self.run.cycle, reason=error.code)
            return None
        answer = told_by(generated.choices[0])
        self._model = generated.model
        tokens = generated.usage.total_tokens or expected
        self._model_calls += 1
        self._model_tokens += tokens
        keep = partial(
            answers.keep,
            digest=digest,
            cycle=self.run.cycle,
            model=generated.model,
            text=answer,
            tokens=tokens,
            now=micros(self.clock.now()),
            sources=[(source.namespace, source.id) for source in sources],
        )
        await self.commit(keep, model_answers=1)
        # Whoever follows the feed has perhaps heard of it before the answer was there to be dropped.
        for source in sources:
            await self._check_there(source, digest)
        return answer

    async def _check_there(self, source: Memory, digest: str) -> None:
        try:
            await self.ask(Get(namespace=source.namespace, id=source.id))
        except NotFound:
            await self.commit(lambda connection: answers.drop(connection, digest))
            await self.store.scrub()
            raise

    async def commit(self, change: Callable[[apsw.Connection], T], **effects: int) -> T:
        """Write to daemon.db, count the effects of the run, and renew its lease, in one transaction; then yield."""
        counted = {name: count for name, count in effects.items() if count}
        self._patience_s = self.settings.yield_s
        done = await self.store.commit(self.run, self.clock.now(), change, effects, self.cost)
        for name, count in effects.items():
            self.effects[name] = self.effects.get(name, 0) + count
        if counted:
            self._worked(counted)
        await asyncio.sleep(0)
        return done

    async def each(self, texts: Iterable[S], fn: Callable[[S], T]) -> list[T]:
        """What a function makes of each text; who waits for an answer goes first between two, however many there are.

        All the standing still between two commits together lasts no longer than one.
        """
        made = []
        since = self._loop.time()
        for text in texts:
            made.append(fn(text))
            if self._loop.time() - since >= STRETCH_S:
                await asyncio.sleep(0)
                began = self._loop.time()
                await self._foreground.pass_by(self._patience_s)
                since = self._loop.time()
                self._patience_s = max(0.0, self._patience_s - (since - began))
        return made

    async def read(self, fn: Callable[..., T], *args: Any) -> T:
        """Read daemon.db."""
        return await self.store.read(fn, *args)

    async def pass_on(self) -> None:
        """A yield point, between two pieces of work: whoever waits for an answer goes first.

        Raises:
            Paused: the cycle is not to go on.
            BudgetSpent: it has had its share.
        """
        await asyncio.sleep(0)
        await self._foreground.pass_by(self.settings.yield_s)
        if self._paused():
            raise Paused
        if self.writes >= self.schedule.budget_writes or self._loop.time() >= self._began + self.schedule.budget_s:
            raise BudgetSpent

    def provenance(self, *, by_model: bool = False) -> Provenance:
        """Who made a record, and how."""
        if by_model:
            return Provenance(by=self.run.cycle, model=self._model or "default")
        return Provenance(by=self.run.cycle, rule="extractive")

    @property
    def cost(self) -> Cost:
        """What the run has used so far, former attempts at it included."""
        before = self._before
        return Cost(
            wall_ms=before.wall_ms + int((self._loop.time() - self._began) * 1000),
            model_calls=before.model_calls + self._model_calls,
            model_tokens=before.model_tokens + self._model_tokens,
            memory_writes=before.memory_writes + self.writes,
        )

    @property
    def tokens_left(self) -> int:
        """Of the run's budget."""
        return self.schedule.budget_tokens - self.cost.model_tokens

    @property
    def writes_left(self) -> int:
        """What the budget still has room for; at least 1, since a run without any ends at its yield point."""
        return max(1, self.schedule.budget_writes - self.writes)

    @property
    def now(self) -> datetime:
        """When the run began: the same for whoever takes it over."""
        return self.run.started


def told_by(choice: Choice) -> str:
    """What a model says, without what it thinks aloud, and without the sentence in which its tokens ran out."""
    said = choice.message.get("content")
    answer = public_of(said).public.strip() if isinstance(said, str) else ""
    if choice.finish_reason != "length":
        return answer
    return answer[: max((end.end() for end in SENTENCE_END.finditer(answer)), default=0)]


class Cycle(Protocol):
    """One kind of background work."""

    name: ClassVar[str]
    about: ClassVar[str]

    needs_model: ClassVar[str]
    """What it cannot do without a model; empty where it asks none."""

    follows: ClassVar[frozenset[str]]
    """Kinds of new records that are to be laid before it."""

    @property
    def settings(self) -> CycleSettings:
        """Its schedule and budget."""

    async def work(self, work: Work) -> None:
        """Do what is there to do; raise to fail. After a kill it is called again, under the same run."""
