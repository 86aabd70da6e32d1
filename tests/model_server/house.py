"""What the scripted server holds: its script, its log of what it saw, and what hangs."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.model_server.script import Script

MAX_HANG_S = 300.0


@dataclass(slots=True)
class Seen:
    """A request as the log tells it."""

    n: int
    path: str
    headers: dict[str, str]
    body: Any
    started: float
    connection: int
    """Port of the client's end: the same for requests of one connection."""

    fault: str | None
    state: str = "open"
    """open, holding (hangs until /release), finished, faulted (ended by its fault), hung_up (the client left early)."""

    tokens: int = 0


@dataclass(slots=True)
class House:
    """All that the server holds."""

    script: Script = field(default_factory=Script)
    log: deque[Seen] = field(default_factory=lambda: deque(maxlen=20_000))
    count: int = 0
    models: list[str] = field(default_factory=lambda: ["gpt-test"])
    released: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, seen: Seen, state: str) -> None:
        seen.state = state
        async with self.changed:
            self.changed.notify_all()

    async def hold(self, seen: Seen) -> None:
        await self.note(seen, "holding")
        async with asyncio.timeout(MAX_HANG_S):
            await self.released.wait()

        seen.state = "open"


class Broken(Exception):
    """The connection was broken on purpose."""
