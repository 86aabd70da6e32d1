"""Who waits for an endpoint to have room again: the foreground before the background, and no more than can be served."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Literal, Protocol

from transport.errors import Overloaded

Lane = Literal["fg", "bg"]

RATE_KEPT = 32


class HasRoom(Protocol):
    """What is needed of an endpoint."""

    @property
    def has_room(self) -> bool:
        """Whether it may take another call."""
        ...


class Line:
    """A line of waiting calls. Whoever is let on looks again for an endpoint, and steps back in line when there is none.

    Args:
        limit: how many may wait.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.lanes: dict[Lane, deque[asyncio.Future[None]]] = {"fg": deque(), "bg": deque()}
        self.let_on: deque[float] = deque(maxlen=RATE_KEPT)
        self.refused = 0
        self.waited_s = 0.0
        """All the time that was spent in line."""

    def __len__(self) -> int:
        return sum(len(lane) for lane in self.lanes.values())

    async def wait(self, until: float, lane: Lane) -> bool:
        """Wait until let on, or until then (in the loop's time). Whether let on.

        Raises:
            Overloaded: at once, when the line is full or moves too slowly to be let on by then.
        """
        loop = asyncio.get_running_loop()
        self.check(until - loop.time(), lane)
        turn: asyncio.Future[None] = loop.create_future()
        self.lanes[lane].append(turn)
        began = loop.time()
        try:
            async with asyncio.timeout_at(until):
                await turn
        except TimeoutError:
            return turn.done() and not turn.cancelled()
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # Let on and cancelled at once: the turn is the next one's.
                self.next()

            raise
        finally:
            self.waited_s += loop.time() - began
            with contextlib.suppress(ValueError):
                self.lanes[lane].remove(turn)

        return True

    def room_at(self, endpoint: HasRoom) -> None:
        """An endpoint has room: let on who waits, one more where its limit has grown."""
        for _ in range(2):
            if len(self) and endpoint.has_room:
                self.next()

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

    def expected_s(self, ahead: int) -> float:
        """How long who comes now will wait, by how fast the line moved of late; 0 while that is not known."""
        now = asyncio.get_running_loop().time()
        lately = [then for then in self.let_on if then > now - 60]
        if len(lately) < RATE_KEPT // 2:
            return 0.0

        return (ahead + 1) * (now - lately[0]) / len(lately)

    def next(self) -> None:
        """An endpoint has room: let the first one on."""
        for lane in self.lanes.values():
            while lane:
                turn = lane.popleft()
                if not turn.done():
                    turn.set_result(None)
                    self.let_on.append(asyncio.get_running_loop().time())
                    return
