"""Execution: one call being handled, its parts and its outcome, and whoever listens for them.

A call has one subscriber; a `kept` one may have more, may go on with none, and is replayed to those who join late.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from actors.call import Call
from actors.message import Contract, Message, Reply
from transport.errors import Cancelled, LatticeError, Overloaded

__all__ = ["Execution", "KeptCalls", "Subscriber"]

KEPT_S: Final = 60.0
KEPT_COUNT: Final = 1024
KEPT_PARTS: Final = 65_536
"""Parts of one kept stream: at a token a part, more than any model says at once."""


class Subscriber(Protocol):
    """Who gets the parts and the outcome."""

    call_id: str
    cursor: int
    """The next part to be sent."""

    credit: int
    """Parts that may be sent before more is granted."""

    def on_part(self, seq: int, part: Reply) -> None:
        """Take a part."""

    def on_outcome(self, outcome: Reply | LatticeError, parts: int) -> None:
        """Take the reply or the error that ends the call, after `parts` parts."""


class Execution:
    """See the module's docstring."""

    __slots__ = ("base", "call", "contract", "message", "on_finish", "outcome", "parts", "room", "subscribers", "task", "why_cancelled")

    def __init__(self, contract: Contract, message: Message, call: Call) -> None:
        self.contract = contract
        self.message = message
        self.call = call
        self.parts: list[Reply] = []
        self.base = 0
        """Parts that are not kept any more."""

        self.outcome: Reply | LatticeError | None = None
        self.subscribers: list[Subscriber] = []
        self.task: asyncio.Task[None] | None = None
        self.why_cancelled: LatticeError | None = None
        self.room: asyncio.Future[None] | None = None
        self.on_finish: Callable[[Execution], None] = lambda _: None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Send what there is, then what comes."""
        self.subscribers.append(subscriber)
        self.pump(subscriber)

    def unsubscribe(self, call_id: str) -> None:
        """A caller takes its call back; without another one the work is cancelled."""
        self.subscribers = [other for other in self.subscribers if other.call_id != call_id]
        if not self.subscribers:
            self.cancel(Cancelled())

    def cancel(self, why: LatticeError) -> None:
        """End the handler; callers are told why."""
        if self.outcome is not None:
            return
        self.why_cancelled = why
        if self.task is not None:
            self.task.cancel()
        else:
            self.finish(why)

    def grant(self, call_id: str, n: int) -> None:
        """A subscriber may be sent `n` more parts."""
        for subscriber in list(self.subscribers):
            if subscriber.call_id == call_id:
                subscriber.credit += n
                self.pump(subscriber)

    async def put(self, part: Reply) -> None:
        """Send a part. Waits for credit, unless the call is kept: then it goes on with whoever keeps up."""
        self.parts.append(part)
        for subscriber in list(self.subscribers):
            self.pump(subscriber)

        if self.contract.kept:
            if len(self.parts) > KEPT_PARTS:
                raise Overloaded("the answer has more parts than can be kept")
            return

        while self.subscribers and self.subscribers[0].cursor < self.base + len(self.parts):
            self.room = asyncio.get_running_loop().create_future()
            await self.room
        self.base += len(self.parts)
        self.parts.clear()

    def finish(self, outcome: Reply | LatticeError) -> None:
        """The reply or error; delivered once, to all who have had every part."""
        if self.outcome is None:
            self.outcome = outcome
            self.on_finish(self)
            for subscriber in list(self.subscribers):
                self.pump(subscriber)

    def pump(self, subscriber: Subscriber) -> None:
        """Send as many parts as are there and granted, and the outcome after the last."""
        end = self.base + len(self.parts)
        while subscriber.cursor < end and subscriber.credit > 0:
            subscriber.credit -= 1
            seq = subscriber.cursor
            subscriber.cursor += 1
            subscriber.on_part(seq, self.parts[seq - self.base])

        if subscriber.cursor >= end:
            if self.room is not None and not self.room.done():
                self.room.set_result(None)
            if self.outcome is not None:
                self.subscribers = [other for other in self.subscribers if other is not subscriber]
                subscriber.on_outcome(self.outcome, end)


class KeptCalls:
    """Calls of kept contracts, by id and by key, while they run and for a minute after."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._by_name: dict[tuple[str, str], Execution] = {}
        self._ended: OrderedDict[int, tuple[float, Execution]] = OrderedDict()

    def find(self, message: Message, call: Call) -> Execution | None:
        """The call that this one repeats: of the same id, or of the same key where the message says that it repeats one."""
        self._drop_old()
        found = self._by_name.get(("id", call.id))
        if found is None and call.key is not None and message.rejoins:
            found = self._by_name.get(("key", f"{message.contract.type}:{call.key}"))
        return found

    def add(self, execution: Execution) -> None:
        """Remember a call; one of the same key is not found any more."""
        self._by_name["id", execution.call.id] = execution
        if execution.call.key is not None:
            self._by_name["key", f"{execution.contract.type}:{execution.call.key}"] = execution

    def ended(self, execution: Execution) -> None:
        """Keep it for a minute. What failed is not kept: asking again is a new attempt."""
        self._ended[id(execution)] = (self._loop.time() + KEPT_S, execution)
        if isinstance(execution.outcome, LatticeError):
            self._forget(execution)
        self._drop_old()

    def _drop_old(self) -> None:
        now = self._loop.time()
        while self._ended:
            key, (until, execution) = next(iter(self._ended.items()))
            if until > now and len(self._ended) <= KEPT_COUNT:
                return
            del self._ended[key]
            self._forget(execution)

    def _forget(self, execution: Execution) -> None:
        names = [("id", execution.call.id), ("key", f"{execution.contract.type}:{execution.call.key}")]
        for name in names:
            if self._by_name.get(name) is execution:
                del self._by_name[name]
