"""Mailbox: an actor's inbox. Two bounded lanes, foreground before background, and background never starves.

Within a lane callers take turns, and where it is full, who has most waiting gives way (`FairQueue`).

Knows pykka's envelopes and Lattice's deliveries only as things that wait; who takes them out is `actors.crew`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, NoReturn

from pykka._envelope import Envelope as PykkaEnvelope
from pykka.messages import _ActorStop

from actors.delivery import Delivery
from actors.fair_queue import FairQueue
from transport.errors import Overloaded

__all__ = ["FOREGROUND_RUN", "Mailbox"]

FOREGROUND_RUN: Final = 8
"""Foreground messages that may go before one in the background while both wait."""

Item = Delivery | PykkaEnvelope[Any]


class Mailbox:
    """What waits for an actor. `put` may be called from any thread, everything else on the actor's loop."""

    def __init__(self, limits: tuple[int, int] = (1024, 1024)) -> None:
        self.limits = limits
        self.foreground: FairQueue[Item] = FairQueue(is_wanted)
        self.background: FairQueue[Item] = FairQueue(is_wanted)
        self._put: deque[PykkaEnvelope[Any]] = deque()
        """Of pykka's envelopes those that are not in the foreground yet: another thread may put them, and it is the loop's."""

        self.after_stop: deque[PykkaEnvelope[Any]] = deque()
        """What came after the message that asks the actor to stop, and is not handled any more."""

        self.stop: PykkaEnvelope[Any] | None = None
        """The message that asks the actor to stop; taken when both lanes are empty."""

        self.overloaded = 0
        self.service_s = 0.001
        """How long a message takes, a moving mean in seconds."""

        self.on_put: Callable[[], None] | None = None
        """Called after each `put` and `offer`, in the putting thread."""

        self.on_displaced: Callable[[Delivery, Overloaded], None] = Delivery.fail
        """Called with what had to give way to another's message, in the putting thread."""

        self._run = 0
        self._looked_through = {"fg": 0, "bg": 0}
        """Refusals by lane until which a full one is not looked through again for what was cancelled."""

    # Pykka's inbox

    def put(self, envelope: PykkaEnvelope[Any]) -> None:
        """Takes one of pykka's envelopes, into the foreground.

        Raises:
            Overloaded: the lane is full. Pykka would block here; a loop must not.
        """
        if self.stop is not None:
            self.after_stop.append(envelope)
        elif isinstance(envelope.message, _ActorStop):
            self.stop = envelope
        elif len(self.foreground) + len(self._put) >= self.limits[0]:
            self._refuse("fg")
        else:
            self._put.append(envelope)

        if self.on_put is not None:
            self.on_put()

    def get(self) -> PykkaEnvelope[Any]:
        """The oldest of pykka's envelopes that no worker has taken; for the teardown of an actor that has stopped."""
        if self.after_stop:
            return self.after_stop.popleft()

        self._let_in()

        oldest = next((item for item in self.foreground if not isinstance(item, Delivery)), None)

        if oldest is not None:
            self.foreground.keep(lambda item: item is not oldest)
            return oldest

        if self.stop is None:
            raise IndexError("the inbox is empty")

        stop, self.stop = self.stop, None

        return stop

    def empty(self) -> bool:
        """Whether none of pykka's envelopes waits."""
        self._let_in()

        return not (self.after_stop or self.stop or any(not isinstance(item, Delivery) for item in self.foreground))

    # Lattice's lanes

    def offer(self, delivery: Delivery) -> None:
        """Takes a delivery into its lane.

        Raises:
            Overloaded: the lane is full, and nobody has more waiting in it than its caller; `retry_after_ms` says when it may
                have been worked off.
        """
        if self._put:
            self._let_in()

        name = delivery.lane
        lane, limit = (self.background, self.limits[1]) if name == "bg" else (self.foreground, self.limits[0])
        flow = delivery.flow

        if len(lane) >= limit and not self._purge(name, lane):
            displaced = lane.give_way(flow)

            if not isinstance(displaced, Delivery):
                self._refuse(name)

            if not displaced.done:
                self.overloaded += 1
                self.on_displaced(displaced, self._too_much(name))

        lane.append(delivery, flow)

        if self.on_put is not None:
            self.on_put()

    def take(self, *, background: bool = True) -> Item | None:
        """The next to be handled; None when nothing waits, or only what stands in the background and may not run now."""
        if self._put:
            self._let_in()

        if self.foreground and (self._run < FOREGROUND_RUN or not self.background or not background):
            if self.background:
                self._run += 1

            return self.foreground.popleft()

        if self.background and background:
            self._run = 0
            return self.background.popleft()

        return None

    def deliveries(self) -> list[Delivery]:
        """All deliveries that wait."""
        return [item for item in (*self.foreground, *self.background) if isinstance(item, Delivery)]

    def clear(self) -> list[Delivery]:
        """Takes all deliveries out."""
        deliveries = self.deliveries()
        self.foreground.keep(lambda item: not isinstance(item, Delivery))
        self.background.clear()

        return deliveries

    def __len__(self) -> int:
        return len(self._put) + len(self.foreground) + len(self.background)

    def _let_in(self) -> None:
        while self._put:
            envelope = self._put.popleft()
            # Each is a peer of its own: none is ever anybody's excess, and they keep their order.
            self.foreground.append(envelope, (envelope, None))

    def _purge(self, name: str, lane: FairQueue[Item]) -> bool:
        """Drops what was cancelled while it waited; whether that made room.

        Once in vain, it is not tried again before as many were refused as wait: refusing must not cost more the fuller it is.
        """
        if self._looked_through[name] > 0:
            self._looked_through[name] -= 1
            return False

        before = len(lane)
        lane.keep(is_wanted)

        if len(lane) == before:
            self._looked_through[name] = before

        return len(lane) < before

    def _refuse(self, lane: str) -> NoReturn:
        self.overloaded += 1
        raise self._too_much(lane)

    def _too_much(self, lane: str) -> Overloaded:
        waiting = len(self.background) if lane == "bg" else len(self.foreground)
        retry_after_ms = min(5000, max(10, int(waiting * self.service_s * 1000)))
        return Overloaded(f"{waiting} messages wait in lane {lane} already", retry_after_ms=retry_after_ms)


def is_wanted(item: Item) -> bool:
    """Whether it is still to be handled: a delivery may have been cancelled, or its time been up, while it waited."""
    return not getattr(item, "done", False)
