"""Reflect: what came up most in the turns since the last reflection, weighed by importance, with its sources.

Extractive: it says which words recurred and quotes the sentences that hold most of them. It draws no conclusions; that takes a
model, and none is asked.
"""

from __future__ import annotations

from typing import ClassVar, Final

import apsw

from actors.daemon import batches, extract
from actors.daemon.batches import Batch
from actors.daemon.extract import Said
from actors.daemon.feed import follow
from actors.daemon.settings import ReflectSettings
from actors.daemon.work import Work
from actors.memory.messages import Kind, Link, Memory, NewMemory

__all__ = ["Reflect"]

MADE: Final[dict[Kind, str]] = {"reflection": "reflections"}
IMPORTANCE = 0.5
QUOTED = 3
SOURCES = 64


class Reflect:
    """The cycle."""

    name: ClassVar[str] = "reflect"
    about: ClassVar[str] = "Says what came up most lately and quotes it, by counting; needs no model and draws no conclusions."

    def __init__(self, settings: ReflectSettings) -> None:
        self.settings = settings

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, lay down what is enough for a reflection, work on it."""
        await batches.finish(work, self._reflection, MADE)
        await follow(work)
        await work.commit(self._lay)
        await batches.finish(work, self._reflection, MADE)

    def _lay(self, connection: apsw.Connection) -> None:
        for namespace, _, count, _ in batches.groups(connection, self.name, by_session=False):
            if count >= self.settings.turns_from:
                batches.lay(connection, self.name, namespace, None, self.settings.turns)

    def _reflection(self, batch: Batch, turns: list[Memory]) -> list[NewMemory]:
        said = [Said(turn.id, turn.text, turn.speaker or turn.role or "", turn.importance) for turn in turns]
        themes = extract.themes(said, self.settings.themes)
        if not themes:
            return []

        about = {turn.id: turn for _, _, found in themes for turn in found}
        chosen = extract.salient([turn for turn in said if turn.id in about], QUOTED)
        named = ", ".join(f"{word} ({count} times)" for word, count, _ in themes)
        quoted = "\n".join(f"{turn.speaker}: {sentence[:400]}" for turn, sentence in chosen)
        sources = [turn.id for turn in turns if turn.id in about][-SOURCES:]
        return [
            NewMemory(
                text=f"What came up most lately: {named}.\n{quoted}",
                time=turns[-1].time,
                kind="reflection",
                importance=IMPORTANCE,
                metadata={"cycle": self.name, "extractive": True, "themes": {word: count for word, count, _ in themes}},
                links=tuple(Link(relation="derives_from", target=source) for source in sources),
                key=f"reflect:{batch.id}",
            )
        ]
