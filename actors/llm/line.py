"""The line: calls that wait while every endpoint that could serve them is full.

The foreground goes before the background. Whoever would wait longer than it has patience for is told so at once, by how fast
the line moved of late; so a burst is not queued beyond what can be served. Room at an endpoint is told to those who want that
one, and who does not take it passes it on: there is no room that nobody has heard of.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from transport.errors import Overloaded

Lane = Literal["fg", "bg"]

RATE_KEPT = 32


class HasRoom(Protocol):
    """What is needed of an endpoint."""

    @property
    def room(self) -> int:
        """How many calls it may take now."""
        ...


@dataclass(slots=True, eq=False)
class Place:
    """A call's place in line. It is kept while the call looks for an endpoint, until it has one or gives up."""

    lane: Lane
    number: int | None = None
    """In the order in which they came; None: it has not had to wait yet."""

    wants: Collection[HasRoom] = ()
    """Those that were full when it looked last."""

    turn: asyncio.Future[None] | None = None
    offered: HasRoom | None = None
    """The endpoint whose room it was let on for. If it does not take that room, the next one in line is let on for it."""

    taken: HasRoom | None = None
    """Where it goes to."""


class Line:
    """A line of waiting calls. Whoever is let on looks again for an endpoint, and steps back to its place when there is none.

    Args:
        limit: how many may wait.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.lanes: dict[Lane, list[Place]] = {"fg": [], "bg": []}
        self.count = 0
        self.served: deque[tuple[float, float]] = deque(maxlen=RATE_KEPT)
        """When a call in line was served, and for how long somebody had stood in line until then, all in all."""

        self.stood_s = 0.0
        self.stands_since: float | None = None
        self.refused = 0
        self.waited_s = 0.0
        """All the time that was spent in line."""

    def __len__(self) -> int:
        return sum(len(lane) for lane in self.lanes.values())

    @contextmanager
    def place(self, lane: Lane) -> Iterator[Place]:
        """A place for a call that looks for an endpoint; it stands in line from the first time that it waits."""
        place = Place(lane)
        try:
            yield place
        finally:
            if place.number is not None and place.taken is not None:
                now = asyncio.get_running_loop().time()
                self.served.append((now, self.stood(now)))
            if place.taken is not None and place.taken is place.offered:
                place.offered = None

            self.pass_on(place)

    async def wait(self, place: Place, wants: Collection[HasRoom], until: float) -> bool:
        """Wait for room at one of those that it wants, until then (in the loop's time). Whether there may be some.

        Raises:
            Overloaded: at once, when it has only come, and the line is full or moves too slowly to be let on by then.
        """
        loop = asyncio.get_running_loop()
        if place.number is None:
            self.check(until - loop.time(), place.lane)
            self.count += 1
            place.number = self.count

        place.wants = wants
        place.turn = turn = loop.create_future()
        began = loop.time()
        insort(self.lanes[place.lane], place, key=lambda one: one.number or 0)
        if self.stands_since is None:
            self.stands_since = began

        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            return turn.done() and not turn.cancelled()
        finally:
            self.waited_s += loop.time() - began
            self.take_out(place)

        return True

    def pass_on(self, place: Place) -> None:
        """Room that a call was let on for and has not taken is the next one's."""
        offered, place.offered = place.offered, None
        if offered is not None:
            self.room_at(offered)

    def room_at(self, endpoint: HasRoom) -> None:
        """An endpoint has room: let on as many of those who want it as it has room for."""
        room = endpoint.room
        if room <= 0:
            return

        for lane in self.lanes.values():
            for place in [place for place in lane if endpoint in place.wants][:room]:
                place.offered = endpoint
                self.let_on(place)
                room -= 1

    def look_again(self) -> None:
        """There are other endpoints than before: everybody in line looks again."""
        for lane in self.lanes.values():
            for place in list(lane):
                self.let_on(place)

    def let_on(self, place: Place) -> None:
        """Let somebody look for an endpoint."""
        self.take_out(place)
        if place.turn is not None and not place.turn.done():
            place.turn.set_result(None)

    def take_out(self, place: Place) -> None:
        """It does not wait now."""
        lane = self.lanes[place.lane]
        if place in lane:
            lane.remove(place)

        if self.stands_since is not None and not len(self):
            now = asyncio.get_running_loop().time()
            self.stood_s = self.stood(now)
            self.stands_since = None

    def check(self, patience: float, lane: Lane) -> None:
        """Refuse who would wait in vain. The background may fill half of the line."""
        ahead = len(self.lanes["fg"]) if lane == "fg" else len(self)
        room = self.limit if lane == "fg" else self.limit // 2
        expected = self.expected_s(ahead)
        if len(self) >= room or expected > patience:
            self.refused += 1
            raise Overloaded(
                f"every model endpoint has its hands full, and {len(self)} calls wait already",
                retry_after_ms=max(int(expected * 1000), 1000),
                detail={"models": True},
            )

    def stood(self, now: float) -> float:
        """For how long somebody has stood in line, all in all: the line is not slow while nobody is in it."""
        return self.stood_s + (0.0 if self.stands_since is None else now - self.stands_since)

    def expected_s(self, ahead: int) -> float:
        """How long who comes now will wait, by how fast the line moved of late; 0 while that is not known."""
        now = asyncio.get_running_loop().time()
        lately = [stood for then, stood in self.served if then > now - 60]
        if len(lately) < RATE_KEPT // 2:
            return 0.0

        return (ahead + 1) * (self.stood(now) - lately[0]) / len(lately)
