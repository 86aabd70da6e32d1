"""Standbys: for each child that serves, a spare that knows already whom it would replace.

It has walked through a start of that actor, and has its loop, its threads and its socket. What is left for its promotion is
what only one may do: take the lock, listen, open the database. Standbys are made one at a time, out of the way of whoever
serves. Knows no strategy; that a standby is missing costs time and nothing else.
"""

from __future__ import annotations

import asyncio
import random
import select
from collections.abc import Callable
from typing import Any

from loguru import logger

from supervisors.control import Assignment
from supervisors.intensity import Backoff
from supervisors.process import Process
from supervisors.spares import Spares

__all__ = ["Standbys"]

QUIET_S = 0.05
"""How long after the last promotion a spare begins to learn a part, in seconds. It learns at a low priority, but was forked at
another."""

Role = Callable[[], Assignment]
"""Who a standby is to be: its child's assignment, with the epoch 0."""


class Standbys:
    """Spares that have learnt a part.

    Args:
        spares: where they come from.
        kept: whether there are any.
    """

    def __init__(self, spares: Spares, *, kept: bool) -> None:
        self.spares = spares
        self.kept = kept
        self.wanted: dict[str, Role] = {}
        """The parts that nobody has learnt yet, the longest wanted first."""

        self.learning: dict[str, tuple[Role, Process]] = {}
        """One at most."""

        self.prepared: dict[str, tuple[Role, Process]] = {}
        self.quiet: asyncio.TimerHandle | None = None
        self.backoff = Backoff(0.5, 2.0, 30.0, random.Random())  # noqa: S311 (jitter, no secret)

    def want(self, name: str, role: Role) -> None:
        """Somebody of this name serves: have a standby for it."""
        if self.kept and name not in self.learning and name not in self.prepared:
            self.wanted[name] = role
            self._recruit_later()

    def take(self, name: str) -> Process | None:
        """The standby of this name, which is its taker's from now on; None where there is none."""
        self._recruit_later()
        _, process = self.prepared.pop(name, (None, None))
        if process is None:
            return None

        process.on_message = lambda _: None
        process.on_end = lambda _: None
        # It may have been killed together with whom it was to replace.
        return process if not select.select([process.pidfd], [], [], 0)[0] else None

    def dismiss(self, name: str) -> None:
        """Nobody of this name is to be replaced any more, or by another than this standby would be."""
        self.wanted.pop(name, None)
        for known in (self.learning, self.prepared):
            _, process = known.pop(name, (None, None))
            if process is not None:
                process.on_end = lambda _: None
                process.kill()

    def close(self) -> None:
        """End all standbys."""
        self.kept = False
        if self.quiet is not None:
            self.quiet.cancel()
        for name in [*self.wanted, *self.learning, *self.prepared]:
            self.dismiss(name)

    def _recruit_later(self, wait_s: float = QUIET_S) -> None:
        if self.quiet is not None:
            self.quiet.cancel()
            self.quiet = None
        if self.kept:
            self.quiet = asyncio.get_running_loop().call_later(wait_s, self._recruit)

    def _recruit(self) -> None:
        self.quiet = None
        if self.learning or not self.wanted:
            return
        if not self.spares.can_lend:
            self._recruit_later()
            return

        name = next(iter(self.wanted))
        role = self.wanted.pop(name)
        self.spares.take(lambda process: self._teach(name, role, process))

    def _teach(self, name: str, role: Role, process: Process) -> None:
        self.learning[name] = role, process
        process.on_message = lambda message: self._heard(name, message)
        process.on_end = lambda _: self._lost(name)
        if not process.send("rehearse", assignment=role().model_dump(mode="json")):
            process.kill()

    def _heard(self, name: str, message: dict[str, Any]) -> None:
        if message["say"] == "prepared" and name in self.learning:
            self.prepared[name] = self.learning.pop(name)
            self.backoff.reset()
            self._recruit_later()

    def _lost(self, name: str) -> None:
        """It has ended before it was needed."""
        learning, prepared = self.learning.pop(name, None), self.prepared.pop(name, None)
        if (known := learning or prepared) is None:
            return

        self.wanted[name] = known[0]
        wait_s = self.backoff.next()
        logger.debug("a standby has ended", child=name, again_in_s=wait_s)
        self._recruit_later(wait_s)
