"""Crew: the tasks that take messages out of an actor's mailbox and run their handlers, at most `concurrency` at a time.

A worker is a long-lived task that runs one handler after another: a task made for each message would cost as much as
the message itself. It lives in the actor's loop and knows nothing of where messages come from.
"""

# ruff: noqa: SLF001 (the rooms of the runtime look into each other, and nobody else does)
from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from loguru import logger

from actors.call import current_call
from actors.delivery import Delivery
from actors.handlers import Kind
from transport.errors import DeadlineExceeded, Internal, LatticeError

if TYPE_CHECKING:
    from types import TracebackType

    from pykka._envelope import Envelope as PykkaEnvelope

    from actors.dead_letters import Reason
    from actors.handlers import Handler
    from actors.home import Home
    from actors.mailbox import Mailbox
    from actors.message import Message

__all__ = ["Crew", "Tally", "run_handler"]

LAST_WORD_S: Final = 0.05
"""How long an answer may take to leave a process that ends with it, in seconds."""

SLICE_S: Final = 0.002
"""A worker whose handlers never wait lets the loop go on after this many seconds."""


@dataclass(slots=True)
class Tally:
    """What an actor has done, by type."""

    handled: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)


class Worked(Protocol):
    """What a crew needs of the actor whose handlers it runs."""

    name: ClassVar[str]
    host: Home | None

    async def _handle_envelope(self, envelope: PykkaEnvelope[Any]) -> None:
        """Handles one of pykka's own messages."""

    def _stop_reached(self) -> None:
        """All that came before its stop is handled."""

    def _dead(self, reason: Reason, delivery: Delivery) -> None:
        """Notes a dead letter."""

    def _fail(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Ends the actor."""


class Crew:
    """The workers of one actor."""

    def __init__(self, actor: Worked, mailbox: Mailbox, concurrency: int) -> None:
        self.running: set[Delivery] = set()
        self.busy = 0
        self.tally = Tally()
        self._actor = actor
        self._mailbox = mailbox
        self._concurrency = concurrency
        self._busy_in_background = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._called = 0
        """Workers that have been woken and have not looked yet."""

        self._closed = False
        self._unfinished: list[Delivery] = []

    def open(self) -> None:
        """Begins to take messages."""
        self._loop = asyncio.get_running_loop()
        self.wake()

    def wake(self, workers: int = 1) -> None:
        """Lets workers look at the mailbox, unless as many are about to. On the loop.

        A worker that takes a message wakes two if there are more. So a burst that is handled without waiting costs three
        wake-ups, not one for each message; and one whose handlers wait is begun in as many turns of the loop as its length has
        binary digits, so that what they wait for (a commit, an encoder) is asked for by all of them together.
        """
        if self._loop is None or self._closed:
            return

        while self._called < workers and self._wake_one(self._loop):
            self._called += 1

    def _wake_one(self, loop: asyncio.AbstractEventLoop) -> bool:
        while self._idle:
            waiter = self._idle.pop()

            if not waiter.done():
                waiter.set_result(None)
                return True

        if len(self._workers) < self._concurrency:
            worker = loop.create_task(self._work(), name=f"{type(self._actor).__name__}-{len(self._workers)}")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
            return True

        return False

    async def close(self, within_s: float = 5.0) -> list[Delivery]:
        """Cancels what is running; returns it. What it answers from now on goes nowhere."""
        if self._closed:
            return self._unfinished

        self._closed = True
        self._unfinished = list(self.running)
        workers = [worker for worker in self._workers if worker is not asyncio.current_task()]

        for worker in workers:
            worker.cancel()

        if workers:
            await asyncio.wait(workers, timeout=within_s)

        return self._unfinished

    async def _work(self) -> None:
        mailbox = self._mailbox
        worker = asyncio.current_task()
        self._called -= 1
        since = time.monotonic()

        while not self._closed:
            item = mailbox.take(background=self._concurrency == 1 or self._busy_in_background < self._concurrency - 1)

            if item is None:
                if mailbox.stop is not None and not self.busy and not len(mailbox):
                    self._actor._stop_reached()

                await self._rest()
                self._called -= 1
                since = time.monotonic()
                continue

            if len(mailbox):
                self.wake(2)

            self.busy += 1

            try:
                if isinstance(item, Delivery):
                    await self._handle(item, worker)
                else:
                    await self._actor._handle_envelope(item)
            finally:
                self.busy -= 1

            if time.monotonic() - since > SLICE_S:
                await asyncio.sleep(0)
                since = time.monotonic()

    async def _rest(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        await waiter

    async def _handle(self, delivery: Delivery, worker: asyncio.Task[None] | None) -> None:
        began = time.monotonic()

        if delivery.done:
            return

        if delivery.deadline <= began:
            delivery.fail(DeadlineExceeded("the time for the call was up before its handler could begin"))
            self._actor._dead("deadline", delivery)
            return

        in_background = delivery.lane == "bg"
        self._busy_in_background += in_background
        delivery.worker = worker
        self.running.add(delivery)
        token = current_call.set(delivery)
        type_name = delivery.contract.type
        if (host := self._actor.host) is not None:
            host.recent.append(type_name)

        try:
            reply = await self._answer(delivery)

            if not self._closed:
                delivery.reply(reply)
        except asyncio.CancelledError:
            self._was_cancelled(delivery)
        except LatticeError as error:
            self.tally.failed[type_name] += 1
            self._refused(delivery, error)
        except Exception as error:  # noqa: BLE001 (whatever it is: the caller hears of it, or the actor ends)
            self.tally.failed[type_name] += 1
            self._broke(delivery, error)
        finally:
            current_call.reset(token)
            self.running.discard(delivery)
            self._busy_in_background -= in_background
            took = time.monotonic() - began
            self._mailbox.service_s += 0.1 * (took / self._concurrency - self._mailbox.service_s)
            self.tally.handled[type_name] += 1
            self.tally.seconds[type_name] += took  # type: ignore[assignment]   # a Counter counts in floats as well

            if delivery.ending is not None and worker is not None and not self._closed:
                # A call that is taken back ends its handler, not the worker.
                while worker.cancelling():
                    worker.uncancel()

    async def _answer(self, delivery: Delivery) -> Any:
        handler = delivery.handler

        if handler.kind is Kind.STREAM:
            reply = await self._stream(delivery, handler)
        elif handler.kind is Kind.COROUTINE:
            reply = await handler.function(self._actor, delivery.message)
        else:
            reply = handler.function(self._actor, delivery.message)

        wanted = handler.contract.reply

        if wanted is not None and not isinstance(reply, wanted):
            raise TypeError(f"the handler of {handler.contract.type} answered {type(reply).__name__}, not {wanted.__name__}")

        return reply

    async def _stream(self, delivery: Delivery, handler: Handler) -> Any:
        contract = handler.contract
        reply, part = contract.reply, contract.part

        async with aclosing(handler.function(self._actor, delivery.message)) as items:
            async for item in items:
                if self._closed:
                    raise asyncio.CancelledError

                if reply is not None and isinstance(item, reply):
                    return item

                if part is None or not isinstance(item, part):
                    raise TypeError(
                        f"the handler of {contract.type} yielded {type(item).__name__}, which is no part of its stream"
                    )

                if delivery.credit <= 0:
                    await delivery.ready()

                delivery.part(item)

        return None

    def _was_cancelled(self, delivery: Delivery) -> None:
        if self._closed:
            raise asyncio.CancelledError

        if delivery.ending is None:
            self._refused(delivery, Internal("the handler gave up: something that it waited for was cancelled"))

    def _refused(self, delivery: Delivery, error: LatticeError) -> None:
        if self._closed:
            return

        if not delivery.answered:
            self._actor._dead("refused", delivery)

        delivery.fail(error)

    def _broke(self, delivery: Delivery, error: Exception) -> None:
        if self._closed or delivery.ending is not None:
            return

        if isinstance(error, MemoryError):
            # Nothing that this process goes on to do can be relied on.
            delivery.fail(Internal(f"the handler of {delivery.contract.type} used up the memory that its process may use"))
            # Once the answer has left: who hears nothing asks the replacement, which would go the same way.
            asyncio.get_running_loop().call_later(LAST_WORD_S, self._actor._fail, *sys.exc_info())
        elif delivery.answered:
            logger.opt(exception=error).error(
                "a handler failed", actor=self._actor.name, type=delivery.contract.type, id=delivery.id, trace=delivery.trace
            )
            delivery.fail(Internal(f"the handler of {delivery.contract.type} failed: {type(error).__name__}"))
        else:
            self._actor._dead("failed", delivery)
            self._actor._fail(*sys.exc_info())


async def run_handler(actor: Worked, handler: Handler, message: Message) -> Any:
    """What a contract's handler answers to a message that came through pykka's own `ask`; parts are passed over."""
    if handler.kind is not Kind.STREAM:
        answer = handler.function(actor, message)
        return await answer if handler.kind is Kind.COROUTINE else answer

    last = None

    async with aclosing(handler.function(actor, message)) as items:
        async for item in items:
            last = item

    return last
