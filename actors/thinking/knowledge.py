"""Knowledge: what the background life has learnt of a namespace's user, and what it would like to bring up.

It is kept for some seconds: it changes with the daemon's cycles, not with a talk, and asking with each question would cost
more than it brings.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from actors.clock import Clock
from actors.runtime import AsyncActor
from actors.thinking.settings import ThinkingSettings

__all__ = ["Knowledge", "Known"]

MOST: Final = 1024
"""Namespaces that are kept in mind."""


@dataclass(frozen=True, slots=True)
class Known:
    """Lines for the prompt, each part best first."""

    profile: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()


class Knowledge:
    """Looked up for a namespace, and kept for `profile_cache_s`.

    Args:
        actor: who asks.
    """

    def __init__(self, actor: AsyncActor, settings: ThinkingSettings, clock: Clock) -> None:
        self.actor = actor
        self.settings = settings
        self.clock = clock
        self.kept: OrderedDict[str, tuple[float, Known]] = OrderedDict()

    async def of(self, namespace: str, *, seconds: float) -> Known:
        """What is known. Whatever the daemon answers with an error is the caller's to note."""
        now = self.clock.now().timestamp()
        kept = self.kept.get(namespace)
        if kept is not None and now - kept[0] < self.settings.profile_cache_s:
            return kept[1]

        known = await self._asked(namespace, seconds=seconds)
        self.kept[namespace] = (now, known)
        self.kept.move_to_end(namespace)
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)
        return known

    def forget(self) -> None:
        """Memory forgot something: what was drawn from it may have changed."""
        self.kept.clear()

    async def _asked(self, namespace: str, *, seconds: float) -> Known:
        del namespace, seconds
        return Known()
