"""Thinking open paradoxes over in the background: what else memory knows of either side. Asks no model.

Evidence alone settles a paradox when at least two other statements of the same speaker agree with one side, contradict the
other, and none does the reverse. Whether the later side was wrong only what was said after it can tell: what agreed with the
earlier one before shows how it was then, and the world may have changed. Everything else stays open, with a note. Of what is
settled the side that lost gets its end in memory; nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from loguru import logger

from actors.asks import Asks
from actors.clock import Clock
from actors.memory.messages import Recall, Recalled
from actors.paradox.compare import KINDS, comparable_by, said
from actors.paradox.judge import is_read
from actors.paradox.judging.pair import Judgement
from actors.paradox.life import Conclusion
from actors.paradox.messages import Contemplated, Paradox, Side
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Store
from transport.errors import LatticeError

__all__ = ["Contemplator"]

RECALLED = 12
"""Other statements that are looked at for one paradox."""

ENOUGH = 2
"""So many other statements on one side, and none on the other, settle a paradox. One alone may be an echo of the side
itself."""


class Judging(Protocol):
    """Judges pairs without holding the loop."""

    async def __call__(self, pairs: Sequence[tuple[Side, Side]]) -> list[Judgement]:
        """A judgement for each pair (earlier, later)."""


class Contemplator:
    """Takes open paradoxes one by one.

    Args:
        ask: asks another actor.
        judge: judges pairs of statements.
    """

    def __init__(self, settings: ParadoxSettings, store: Store, clock: Clock, *, ask: Asks, judge: Judging) -> None:
        self._settings = settings
        self._store = store
        self._clock = clock
        self._ask = ask
        self._judge = judge

    async def step(self, namespace: str | None, limit: int) -> Contemplated:
        """Think over up to `limit` of those that are due, and let what nobody touches fade."""
        now = self._clock.now()
        half_life = timedelta(days=self._settings.half_life_days)
        dormant = await self._store.doze(now, half_life, self._settings.dormant_below, namespace)
        before = now - timedelta(seconds=self._settings.contemplate_rest_s)
        noted = integrated = 0
        for paradox in await self._store.due(namespace, before, now, limit):
            conclusion = await self._think(paradox)
            if conclusion is not None and await self._store.contemplated(paradox.id, conclusion, self._clock.now()):
                noted += 1
                integrated += conclusion.state in ("integrated", "dismissed")

        return Contemplated(noted=noted, integrated=integrated, dormant=dormant)

    async def _think(self, paradox: Paradox) -> Conclusion | None:
        try:
            return await self._weigh(paradox)
        except LatticeError as error:
            # Memory is away: the paradox stays due.
            logger.info("a paradox could not be thought over", paradox=paradox.id, error=error.code)
            return None

    async def _weigh(self, paradox: Paradox) -> Conclusion:
        """What else was said that agrees with one side and not with the other."""
        query = f"{paradox.earlier.text[:1000]} {paradox.later.text[:1000]}"
        recall = Recall(
            namespace=paradox.namespace,
            query=query,
            k=2 * RECALLED,
            kinds=KINDS,
            exclude=(paradox.earlier.memory, paradox.later.memory),
        )
        recalled: Recalled = await self._ask(recall, timeout=30, lane="bg")
        others = [
            Side(memory=other.id, text=other.text, speaker=other.speaker, time=other.time)
            for other in said(recalled, RECALLED)
            if comparable_by(other.speaker, paradox.later.speaker)
            and is_read(other.text, paradox.earlier.text, paradox.later.text)
        ]
        pairs = [in_order(side, other) for other in others for side in (paradox.earlier, paradox.later)]
        judged = await self._judge(pairs)
        for_earlier: list[Side] = []
        for_later: list[Side] = []
        for number, other in enumerate(others):
            earlier, later = judged[2 * number], judged[2 * number + 1]
            if at_odds(earlier) and agrees(later):
                for_later.append(other)
            elif at_odds(later) and agrees(earlier):
                for_earlier.append(other)
        return conclusion(paradox, len(others), for_earlier, for_later)


def conclusion(paradox: Paradox, seen: int, for_earlier: Sequence[Side], for_later: Sequence[Side]) -> Conclusion:
    """A note on the evidence, and the end of the paradox where it is clear."""
    days = abs((paradox.later.time - paradox.earlier.time).days)
    apart = f"{days} days apart" if days > 1 else "within a day"
    if len(for_later) >= ENOUGH and not for_earlier:
        return Conclusion("evidence", f"{listed(for_later)} agree with the later statement and not with the earlier.",
                       state="integrated", keep="later")  # fmt: skip
    said_again = [other for other in for_earlier if other.time > paradox.later.time]
    if len(said_again) >= ENOUGH and not for_later:
        return Conclusion("evidence", f"{listed(said_again)} agree with the earlier statement and not with the later.",
                       state="integrated", keep="earlier")  # fmt: skip
    if for_earlier or for_later:
        counts = f"{len(for_earlier)} of {seen} related statements speak for the earlier, {len(for_later)} for the later"
        text = f"Said {apart}. {counts}."
    else:
        text = f"Said {apart}. None of {seen} related statements speaks for either."
    return Conclusion("evidence", text)


def listed(sides: Sequence[Side]) -> str:
    days = ", ".join(sorted({f"{side.time:%-d %B %Y}" for side in sides})[:4])
    return f"{len(sides)} other statements ({days})"


def in_order(one: Side, other: Side) -> tuple[Side, Side]:
    return (one, other) if (one.time, one.memory) <= (other.time, other.memory) else (other, one)


def at_odds(judgement: Judgement) -> bool:
    return judgement.verdict in ("contradiction", "update") and judgement.score >= 0.6


def agrees(judgement: Judgement) -> bool:
    """Compatible, and about much the same: another topic agrees with nothing."""
    return judgement.verdict == "compatible" and judgement.overlap >= 0.5
