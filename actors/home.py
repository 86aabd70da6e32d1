"""Home: what an actor and the rooms around it see of the host they live in. `actors/host.py` is the one there is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from actors.dead_letters import DeadLetters
from actors.delivery import Delivery
from actors.lag import LagWatch
from actors.limits import ProcessLimits
from actors.refs import Ref, Ways

__all__ = ["Home"]


class Home(Ways, Protocol):
    """One process, as those see it who live in it. What its fields mean, `Host` says."""

    incarnation: str
    started: float
    draining: asyncio.Event
    dead_letters: DeadLetters
    recent: deque[str]
    lag: LagWatch
    pool: ThreadPoolExecutor
    limits: ProcessLimits
    unfinished: list[str]
    lingers_s: float
    on_hurry: Callable[[], None] | None

    @property
    def calls(self) -> int:
        """Calls from other processes that are in flight."""

    def ref(self, name: str, *, caller: str = "") -> Ref:
        """The way to an actor, here or elsewhere; it need not exist yet."""

    def why_not_ready(self, actor: Any) -> str | None:
        """Why an actor is not ready; None: it is."""

    def _ended(self, actor: Any, unfinished: list[Delivery], failure: BaseException | None) -> None:
        """An actor has ended; what it has not answered waits for its replacement."""
