"""Mailbox: an actor's inbox. Two bounded lanes, foreground before background, and background never starves.

Knows pykka's envelopes and Lattice's deliveries only as things that wait; who takes them out is `actors.crew`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pykka._envelope import Envelope as PykkaEnvelope
from pykka.messages import _ActorStop

from actors.delivery import Delivery
from transport.errors import Overloaded

__all__ = ["FOREGROUND_RUN", "Mailbox"]

FOREGROUND_RUN: Final = 8
"""Foreground messages that may go before one in the background while both wait."""

Item = Delivery | PykkaEnvelope[Any]


class Mailbox:
    """What waits for an actor. `put` may be called from any thread, everything else on the actor's loop."""

    def __init__(self, limits: tuple[int, int] = (1024, 1024)) -> None:
        self.limits = limits
        self.foreground: deque[Item] = deque()
        self.background: deque[Delivery] = deque()
        self.after_stop: deque[PykkaEnvelope[Any]] = deque()
        """What came after the message that asks the actor to stop, and is not handled any more."""

        self.stop: PykkaEnvelope[Any] | None = None
        """The message that asks the actor to stop; taken when both lanes are empty."""

        self.overloaded = 0
        self.service_s = 0.001
        """How long a message takes, a moving mean in seconds."""

        self.on_put: Callable[[], None] | None = None
        """Called after each `put` and `offer`, in the putting thread."""

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
        elif len(self.foreground) >= self.limits[0]:
            self._refuse("fg")
        else:
            self.foreground.append(envelope)

        if self.on_put is not None:
            self.on_put()

    def get(self) -> PykkaEnvelope[Any]:
        """The oldest of pykka's envelopes that no worker has taken; for the teardown of an actor that has stopped."""
        if self.after_stop:
            return self.after_stop.popleft()

        for item in self.foreground:
            if not isinstance(item, Delivery):
                self.foreground.remove(item)
                return item

        if self.stop is None:
            raise IndexError("the inbox is empty")

        stop, self.stop = self.stop, None

        return stop

    def empty(self) -> bool:
        """Whether none of pykka's envelopes waits."""
        return not (self.after_stop or self.stop or any(not isinstance(item, Delivery) for item in self.foreground))

    # Lattice's lanes

    def offer(self, delivery: Delivery) -> None:
        """Takes a delivery into its lane.

        Raises:
            Overloaded: the lane is full; `retry_after_ms` says when it may have been worked off.
        """
        if delivery.lane == "bg":
            if len(self.background) >= self.limits[1] and not self._purge("bg", self.background):
                self._refuse("bg")

            self.background.append(delivery)
        else:
            if len(self.foreground) >= self.limits[0] and not self._purge("fg", self.foreground):
                self._refuse("fg")

            self.foreground.append(delivery)

        if self.on_put is not None:
            self.on_put()

    def take(self, *, background: bool = True) -> Item | None:
        """The next to be handled; None when nothing waits, or only what stands in the background and may not run now."""
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
        envelopes = [item for item in self.foreground if not isinstance(item, Delivery)]
        self.foreground.clear()
        self.foreground.extend(envelopes)
        self.background.clear()

        return deliveries

    def __len__(self) -> int:
        return len(self.foreground) + len(self.background)

    def _purge(self, name: str, lane: deque[Any]) -> bool:
        """Drops what was cancelled while it waited; whether that made room.

        Once in vain, it is not tried again before as many were refused as wait: refusing must not cost more the fuller it is.
        """
        if self._looked_through[name] > 0:
            self._looked_through[name] -= 1
            return False

        before = len(lane)
        kept = [item for item in lane if not getattr(item, "done", False)]
        lane.clear()
        lane.extend(kept)

        if len(kept) == before:
            self._looked_through[name] = before

        return len(kept) < before

    def _refuse(self, lane: str) -> None:
        self.overloaded += 1
        waiting = len(self.background) if lane == "bg" else len(self.foreground)
        retry_after_ms = min(5000, max(10, int(waiting * self.service_s * 1000)))
        raise Overloaded(f"{waiting} messages wait in lane {lane} already", retry_after_ms=retry_after_ms)
