"""Those who watch the background life as it happens. One that falls behind misses the oldest steps; nobody is held up by it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from actors.daemon.messages import Progress

__all__ = ["Watchers"]

BEHIND = 100
"""Steps that a watcher may be behind."""


class Watchers:
    """Everybody who watches."""

    def __init__(self) -> None:
        self._missing: dict[asyncio.Event, deque[Progress]] = {}
        self._leaving = False

    def tell(self, progress: Progress) -> None:
        """Tell everybody."""
        for came, steps in self._missing.items():
            steps.append(progress)
            came.set()

    def leave(self) -> None:
        """Let everybody go."""
        self._leaving = True
        for came in self._missing:
            came.set()

    async def watch(self) -> AsyncGenerator[Progress]:
        """Steps from now on, until `leave`."""
        came = asyncio.Event()
        steps = self._missing[came] = deque(maxlen=BEHIND)
        try:
            while not self._leaving:
                await came.wait()
                came.clear()
                while steps:
                    yield steps.popleft()
        finally:
            del self._missing[came]
