"""Delivery: a message in an actor's mailbox or hands, and where its answer goes.

Each kind of caller has its class: `Delivery` itself is a tell, `LocalAsk` and `LocalStream` come from this process,
`actors.remote_ask` has those from others, `actors.kept` those that callers are joined to.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors.call import Call
from actors.fair_queue import Flow
from transport.envelope import INITIAL_CREDIT
from transport.errors import Cancelled, LatticeError, PeerReplaced, Unavailable

if TYPE_CHECKING:
    from actors.handlers import Handler
    from actors.message import Contract, Message, Reply

__all__ = ["Delivery", "LocalAsk", "LocalStream"]


class Delivery(Call):
    """A message with its circumstances. This class itself is a tell: whatever comes of it goes nowhere."""

    __slots__ = (
        "__weakref__",
        "arrived",
        "contract",
        "credit",
        "done",
        "ending",
        "handler",
        "message",
        "on_cancel",
        "on_credit",
        "parts",
        "waiter",
        "worker",
    )

    answered = False
    """Whether somebody waits for an answer."""

    handler: Handler
    """Set when it comes into the mailbox."""

    def __init__(  # noqa: PLR0917 (one is made for each message: keywords cost)
        self,
        message: Message,
        id: str,  # noqa: A002 (the wire's own word)
        key: str | None,
        lane: str,
        deadline: float,
        trace: str | None,
        caller: str,
    ) -> None:
        super().__init__(id, key, lane, deadline, trace, caller)
        self.message = message
        self.contract: Contract = message.contract
        self.arrived = time.monotonic()
        self.done = False
        """Whether it was answered, or ended otherwise; its handler may still be unwinding."""

        self.ending: LatticeError | None = None
        """Why it was ended from outside, before its handler was through."""

        self.worker: asyncio.Task[None] | None = None
        """The task that runs its handler; None while it waits."""

        self.credit = INITIAL_CREDIT
        self.parts = 0
        self.waiter: asyncio.Future[None] | None = None
        self.on_cancel: Callable[[Delivery, LatticeError], None] | None = None
        """What takes the place of ending its handler, for calls that are joined to another."""

        self.on_credit: Callable[[Delivery], None] | None = None

    @property
    def flow(self) -> Flow:
        """Its caller's, and its message's namespace."""
        return self.caller, getattr(self.message, "namespace", None) if self.contract.namespaced else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.contract.type} {self.id}>"

    # Answers, called by whoever runs the handler

    def part(self, part: Reply) -> None:
        """Hands on a part, after `ready`."""
        if not self.done:
            self.parts += 1
            self.credit -= 1
            self.send_part(part)

    def reply(self, reply: Reply | None) -> None:
        """Ends the call with its answer; does nothing if it has ended."""
        if not self.done:
            self.done = True
            self.send_reply(reply)

    def fail(self, error: LatticeError) -> None:
        """Ends the call with an error; does nothing if it has ended."""
        if not self.done:
            self.done = True
            self.send_error(error)

    async def ready(self) -> None:
        """Returns once the caller takes one more part."""
        while self.credit <= 0 and not self.done:
            self.waiter = asyncio.get_running_loop().create_future()

            try:
                await self.waiter
            finally:
                self.waiter = None

    def grant(self, n: int) -> None:
        """The caller takes `n` more parts."""
        self.credit += n

        if self.on_credit is not None:
            self.on_credit(self)
        elif self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    # Ends from outside

    def cancel(self, error: LatticeError | None = None) -> None:
        """Ends the call with `error` (`Cancelled` by default), and its handler with `asyncio.CancelledError`."""
        if self.done:
            return

        error = error or Cancelled()
        self.ending = error
        self.fail(error)

        if self.on_cancel is not None:
            self.on_cancel(self, error)
        elif self.worker is not None:
            self.worker.cancel()

    def begin_again(self) -> bool:
        """Prepares for another actor, after the one that had it is gone. False when it has ended, or ends by this."""
        self.worker = None
        self.on_cancel = self.on_credit = None

        if not self.done and self.parts:
            self.fail(self.replaced())

        return not self.done

    def replaced(self) -> LatticeError:
        """The error for a stream whose actor is gone after its first parts."""
        return Unavailable("the actor that was answering is gone", detail={"replaced": True})

    # Where answers go

    def send_part(self, part: Reply) -> None:
        """A tell has nobody to send it to."""

    def send_reply(self, reply: Reply | None) -> None:
        """A tell has nobody to send it to."""

    def send_error(self, error: LatticeError) -> None:
        """A tell has nobody to send it to."""


class LocalAsk(Delivery):
    """An ask from within the process: its answer is a future's result. Parts are passed over."""

    __slots__ = ("future",)

    answered = True

    def __init__(self, *circumstances: Any) -> None:
        super().__init__(*circumstances)
        self.credit = 1 << 62
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def send_reply(self, reply: Reply | None) -> None:
        """Resolves the future."""
        if not self.future.done():
            self.future.set_result(reply)

    def send_error(self, error: LatticeError) -> None:
        """Fails the future."""
        if not self.future.done():
            self.future.set_exception(error)

    def begin_again(self) -> bool:
        """Nobody has seen its parts."""
        self.parts = 0

        return super().begin_again()


class LocalStream(Delivery):
    """A stream within the process: at most its credit's worth of parts waits here for the consumer."""

    __slots__ = ("arrival", "buffer", "consumed", "end", "error")

    answered = True

    def __init__(self, *circumstances: Any) -> None:
        super().__init__(*circumstances)
        self.buffer: deque[Reply] = deque()
        self.consumed = 0
        self.end: Reply | None = None
        self.error: LatticeError | None = None
        self.arrival: asyncio.Future[None] | None = None

    async def take(self) -> Reply | None:
        """The next part, None after the last."""
        while not self.buffer:
            if self.error is not None:
                raise self.error

            if self.done:
                return None

            self.arrival = asyncio.get_running_loop().create_future()

            try:
                await self.arrival
            finally:
                self.arrival = None

        self.consumed += 1

        if self.consumed % (INITIAL_CREDIT // 2) == 0:
            self.grant(INITIAL_CREDIT // 2)

        return self.buffer.popleft()

    def send_part(self, part: Reply) -> None:
        """Lets the consumer have it."""
        self.buffer.append(part)
        self._wake()

    def send_reply(self, reply: Reply | None) -> None:
        """Ends the iteration."""
        self.end = reply
        self._wake()

    def send_error(self, error: LatticeError) -> None:
        """Is raised after the parts that are here."""
        self.error = error
        self._wake()

    def begin_again(self) -> bool:
        """What nobody has consumed yet is made anew."""
        if not self.done and not self.consumed:
            self.buffer.clear()
            self.parts, self.credit = 0, INITIAL_CREDIT

        return super().begin_again()

    def replaced(self) -> LatticeError:
        """As for a stream from another process."""
        return PeerReplaced()

    def _wake(self) -> None:
        if self.arrival is not None and not self.arrival.done():
            self.arrival.set_result(None)
