"""Kept calls: calls that outlive their callers. Who asks again is joined, parts and all, for a minute after the end.

One `_Work` goes through the mailbox; every caller is joined to it, gets its parts from the first and has credit of its own.
See docs/decisions/004-kept-calls.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from actors.delivery import Delivery
from transport.errors import KeyReused, LatticeError, Overloaded

if TYPE_CHECKING:
    from actors.message import Message, Reply

__all__ = ["KeptCalls"]

KEPT_S: Final = 60.0
"""How long an answer is kept after its call has ended."""

MOST: Final = 1024
"""Answers that are kept at once; of more, the oldest go."""

MOST_BYTES: Final = 64 << 20
CALL_BYTES: Final = 16 << 20
"""A call whose answer grows beyond that ends with `overloaded`."""


class KeptCalls:
    """The kept calls of one actor.

    Args:
        offer: takes a call into the mailbox; may raise `Overloaded`.
    """

    def __init__(self, offer: Callable[[Delivery], None], *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self.size = 0
        self._offer = offer
        self._most = most
        self._most_bytes = most_bytes
        self._by_name: dict[tuple[Any, ...], _Work] = {}
        self._ended: dict[_Work, float] = {}
        """Those that have ended and when, oldest first."""

        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(set(self._by_name.values()))

    def admit(self, delivery: Delivery) -> None:
        """Joins a caller to the call that it repeats, or begins a new one.

        Raises:
            KeyReused: the key is that of a call that asked for something else.
            Overloaded: there is none, and no room for a new one.
        """
        by_id, by_key = _names(delivery)
        known = self._by_name.get(by_id)

        if known is not None and known.message == delivery.message:
            known.join(delivery)
            return

        if by_key is not None and delivery.message.rejoins and (known := self._by_name.get(by_key)) is not None:
            if not delivery.message.asks_the_same(known.message):
                raise KeyReused

            known.join(delivery)
            self._by_name[by_id] = known
            known.names.append(by_id)
            return

        work = _Work(self, delivery)
        work.handler = delivery.handler
        self._offer(work)

        for name in (by_id, by_key):
            if name is not None:
                self._by_name[name] = work
                work.names.append(name)

        work.join(delivery)

    def ended(self, work: _Work) -> None:
        """Keeps its answer for a minute, within the bounds. A failure is not kept: who asks again wants another try."""
        if work.failure is not None:
            self._drop(work)
        elif work.names:
            now = asyncio.get_running_loop().time()
            self._ended[work] = now
            self._drop_old(now)
            self._shrink()

    def grew(self, work: _Work, size: int) -> None:
        """Counts what is kept."""
        if not work.names:
            return

        work.size += size
        self.size += size
        self._shrink()

    def abandon(self) -> list[Delivery]:
        """Forgets all calls; returns the callers that still wait."""
        waiting = [caller for work in set(self._by_name.values()) for caller in work.callers if not caller.done]
        self._by_name.clear()
        self._ended.clear()
        self.size = 0

        if self._timer is not None:
            self._timer.cancel()

        return waiting

    def _shrink(self) -> None:
        while self.size > self._most_bytes and self._ended:
            self._drop(next(iter(self._ended)))

    def _drop_old(self, now: float) -> None:
        while self._ended:
            work, ended = next(iter(self._ended.items()))

            if ended + KEPT_S > now and len(self._ended) <= self._most:
                break

            self._drop(work)

        if self._timer is None and self._ended:
            oldest = next(iter(self._ended.values()))
            self._timer = asyncio.get_running_loop().call_at(oldest + KEPT_S, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        self._drop_old(asyncio.get_running_loop().time())

    def _drop(self, work: _Work) -> None:
        self._ended.pop(work, None)
        self.size -= work.size

        for name in work.names:
            if self._by_name.get(name) is work:
                del self._by_name[name]

        work.names.clear()
        work.size = 0


class _Work(Delivery):
    """What is done for all callers of a kept call."""

    __slots__ = ("callers", "failure", "kept", "names", "outcome", "said", "size")

    answered = True

    def __init__(self, kept: KeptCalls, first: Delivery) -> None:
        super().__init__(first.message, first.id, first.key, first.lane, first.deadline, first.trace, first.caller)
        self.credit = 1 << 62
        self.kept = kept
        self.names: list[tuple[Any, ...]] = []
        self.callers: dict[Delivery, int] = {}
        """Who is joined, and how many parts it has been sent."""

        self.said: list[Reply] = []
        self.size = 0
        self.outcome: Reply | None = None
        self.failure: LatticeError | None = None

    def join(self, caller: Delivery) -> None:
        """Lets a caller have all parts from the first, and the answer."""
        caller.on_cancel = self._left
        caller.on_credit = self._serve
        self.callers[caller] = 0
        self.deadline = max(self.deadline, caller.deadline)

        if caller.lane == "fg":
            self.lane = "fg"

        self._serve(caller)

    def send_part(self, part: Reply) -> None:
        """Keeps it, and hands it to every caller that takes more."""
        self.said.append(part)
        self._grow(part)

        for caller in list(self.callers):
            self._serve(caller)

        if self.size > CALL_BYTES:
            # The handler runs in this very task. `cancel` would end it only at its next await.
            self.ending = Overloaded(f"the answer has grown beyond {CALL_BYTES} bytes")
            self.fail(self.ending)
            raise asyncio.CancelledError

    def send_reply(self, reply: Reply | None) -> None:
        """Ends every caller that has all parts; the others follow as they take them."""
        self.outcome = reply

        if reply is not None:
            self._grow(reply)

        self._end()

    def send_error(self, error: LatticeError) -> None:
        """As `send_reply`."""
        self.failure = error
        self._end()

    def begin_again(self) -> bool:
        """Its callers begin again by themselves."""
        return False

    def _end(self) -> None:
        self.kept.ended(self)
        # What was asked is kept as well, to be compared, and is often larger than the answer: a talk's whole history.
        self._grow(self.message)

        for caller in list(self.callers):
            self._serve(caller)

    def _serve(self, caller: Delivery) -> None:
        sent = self.callers.get(caller)

        if sent is None:
            return

        if not caller.message.takes_parts:
            sent = len(self.said)

        while sent < len(self.said) and caller.credit > 0 and not caller.done:
            caller.part(self.said[sent])
            sent += 1

        self.callers[caller] = sent

        if caller.done:
            self.callers.pop(caller, None)
        elif self.done and sent == len(self.said):
            del self.callers[caller]

            if self.failure is not None:
                caller.fail(self.failure)
            else:
                caller.reply(self.outcome)

    def _left(self, caller: Delivery, error: LatticeError) -> None:
        """A caller took its call back. The last to do so ends the work."""
        self.callers.pop(caller, None)

        if not self.callers and not self.done:
            self.cancel(error)

    def _grow(self, kept: Message | Reply) -> None:
        self.kept.grew(self, len(kept.model_dump_json()))


def _names(delivery: Delivery) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
    """What a call is known by: its id, and its key within the namespace that its message names."""
    kind = delivery.contract.type
    by_key = (kind, "key", _namespace(delivery.message), delivery.key) if delivery.key is not None else None

    return (kind, "id", delivery.id), by_key


def _namespace(message: Message) -> Any:
    return getattr(message, "namespace", None)
