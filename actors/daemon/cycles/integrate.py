"""Integrate: open contradictions are contemplated. What is done with each is the paradox actor's; this gives it the time."""

from __future__ import annotations

from typing import ClassVar

from actors.daemon.follower import Follower
from actors.daemon.settings import IntegrateSettings
from actors.daemon.work import Work
from actors.paradox.messages import Contemplate, Contemplated

__all__ = ["Integrate"]

AT_ONCE = 4
"""Contemplated between two yield points."""


class Integrate:
    """The cycle `integrate`; `about` says what it does."""

    name: ClassVar[str] = "integrate"
    about: ClassVar[str] = (
        "Contemplates open contradictions: notes what speaks for each side, and lets go of those nobody touches."
    )
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, settings: IntegrateSettings, _follower: Follower) -> None:
        self.settings = settings

    async def work(self, work: Work) -> None:
        """Those of the highest tension first, a few at a time. Each is thought over once a day at most."""
        for _ in range(0, self.settings.paradoxes, AT_ONCE):
            message = Contemplate(limit=AT_ONCE)
            done: Contemplated | None = await work.write(message, records=AT_ONCE, text="open contradictions")
            if done is None or not (done.noted or done.integrated or done.dormant):
                return
            await work.commit(lambda _connection: None, noted=done.noted, integrated=done.integrated, dormant=done.dormant)
            await work.pass_on()
