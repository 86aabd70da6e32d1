"""Those who watch the background life as it happens. One that falls behind misses the oldest steps, and is told so.

Nobody is held up by it. Steps are numbered for as long as this process lives, and the latest are kept: who comes back and says
what it saw last goes on from there. They are on no disk: what a run came to stands in its row.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final, Literal

from actors.clock import Clock
from actors.daemon.messages import Progress
from transport.errors import Unavailable

__all__ = ["KEPT", "Watchers"]

KEPT: Final = 1000
"""Steps that a watcher may be behind, or have been away for."""


class Watchers:
    """Everybody who watches.

    Args:
        clock: tells when somebody was told that it missed something.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._life = secrets.token_hex(4)
        self._told: deque[Progress] = deque(maxlen=KEPT)
        self._count = 0
        self._waiting: set[asyncio.Event] = set()
        self._leaving = False

    def tell(self, progress: Progress) -> None:
        """Tell everybody."""
        self._count += 1
        self._told.append(progress.model_copy(update={"id": self._id(self._count)}))
        for came in self._waiting:
            came.set()

    def leave(self) -> None:
        """Let everybody go."""
        self._leaving = True
        for came in self._waiting:
            came.set()

    async def watch(self, after: str | None = None) -> AsyncGenerator[Progress]:
        """Steps until `leave`: from now on, or those after the one whose id is `after`; see `Watch`.

        Raises:
            Unavailable: who watches has been let go, and is to ask whoever comes after this one.
        """
        if self._leaving:
            raise Unavailable("the daemon is going away", retry_after_ms=50, detail={"draining": True})

        came = asyncio.Event()
        self._waiting.add(came)
        try:
            reached = self._reached(after)
            if after == "":
                yield self._note("watching", reached or 0)
            if reached is None:
                reached = self._oldest
                yield self._note("missed", reached)
            while True:
                came.clear()
                while reached < self._count:
                    if reached < self._oldest:
                        reached = self._oldest
                        yield self._note("missed", reached)
                    else:
                        step = self._told[reached - self._count]
                        reached += 1
                        yield step
                if self._leaving:
                    return
                await came.wait()
        finally:
            self._waiting.discard(came)

    @property
    def _oldest(self) -> int:
        """The number of the last step that is not kept any more."""
        return self._count - len(self._told)

    def _reached(self, after: str | None) -> int | None:
        """The number of the last step that a watcher has seen; None where it is of another life than this one."""
        if not after:
            return self._count
        life, _, number = after.rpartition(".")
        if life == self._life and number.isdecimal() and int(number) <= self._count:
            return int(number)
        return None

    def _note(self, what: Literal["watching", "missed"], reached: int) -> Progress:
        return Progress(what=what, id=self._id(reached), cycle=None, run=None, time=self._clock.now())

    def _id(self, number: int) -> str:
        return f"{self._life}.{number}"
