"""Consolidate: new turns into facts and, for a talk that has settled, a summary; each linked to what it was drawn from.

Extractive: sentences are chosen, none is written. Keys are made from the turns, so that a repeat creates nothing twice.
"""

from __future__ import annotations

from typing import ClassVar, Final

import apsw

from actors.daemon import batches, extract
from actors.daemon.batches import Batch
from actors.daemon.extract import Said
from actors.daemon.feed import follow
from actors.daemon.settings import ConsolidateSettings
from actors.daemon.store import micros
from actors.daemon.work import Work
from actors.memory.messages import Kind, Link, Memory, NewMemory

__all__ = ["Consolidate"]

MADE: Final[dict[Kind, str]] = {"fact": "facts", "summary": "summaries"}
FACT_IMPORTANCE = 0.6
SUMMARY_IMPORTANCE = 0.5
SUMMARY_LIMIT = 4000


class Consolidate:
    """The cycle."""

    name: ClassVar[str] = "consolidate"
    about: ClassVar[str] = "Draws facts and summaries from talks that have settled, by choosing sentences; needs no model."

    def __init__(self, settings: ConsolidateSettings) -> None:
        self.settings = settings

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, lay down what has settled, work on it."""
        await batches.finish(work, self._records, MADE)
        await follow(work)
        await work.commit(self._lay(micros(work.clock.now())))
        await batches.finish(work, self._records, MADE)

    def _lay(self, now: int) -> Lay:
        return Lay(now - int(self.settings.settled_s * 1_000_000), self.settings.segment)

    def _records(self, batch: Batch, turns: list[Memory]) -> list[NewMemory]:
        return [*self._facts(turns), *self._summary(batch, turns)]

    def _facts(self, turns: list[Memory]) -> list[NewMemory]:
        """What people said of themselves; the assistant's words are no facts about anyone."""
        known: set[str] = set()
        found: list[NewMemory] = []
        for turn in turns:
            if turn.role in ("assistant", "tool", "system"):
                continue
            for number, sentence in enumerate(extract.facts(turn.text)):
                folded = f"{turn.speaker}\0{sentence.casefold()}"
                if folded in known:
                    continue
                known.add(folded)
                found.append(
                    NewMemory(
                        text=sentence,
                        speaker=turn.speaker,
                        role=turn.role,
                        session=turn.session,
                        time=turn.time,
                        kind="fact",
                        importance=max(FACT_IMPORTANCE, turn.importance),
                        metadata={"cycle": self.name},
                        links=(Link(relation="derives_from", target=turn.id),),
                        key=f"consolidate:fact:{turn.id}:{number}",
                    )
                )

        return found[:500]

    def _summary(self, batch: Batch, turns: list[Memory]) -> list[NewMemory]:
        if not batch.session or len(turns) < self.settings.summary_from:
            return []
        said = [Said(turn.id, turn.text, turn.speaker or turn.role or "") for turn in turns]
        chosen = extract.salient(said, self.settings.summary_sentences)
        if not chosen:
            return []
        text = "\n".join(f"{turn.speaker}: {sentence}" if turn.speaker else sentence for turn, sentence in chosen)
        return [
            NewMemory(
                text=text[:SUMMARY_LIMIT],
                session=batch.session,
                time=turns[-1].time,
                kind="summary",
                importance=SUMMARY_IMPORTANCE,
                metadata={"cycle": self.name, "turns": len(turns), "extractive": True},
                links=tuple(Link(relation="summarises", target=turn.id) for turn in turns[:256]),
                key=f"consolidate:summary:{batch.id}",
            )
        ]


class Lay:
    """Lays down batches of what has settled by `until`, in microseconds, or has grown to a segment."""

    def __init__(self, until: int, segment: int) -> None:
        self._until = until
        self._segment = segment

    def __call__(self, connection: apsw.Connection) -> None:
        for namespace, session, count, last in batches.groups(connection, Consolidate.name, by_session=True):
            left = count
            while left >= self._segment or (left > 0 and last <= self._until):
                batches.lay(connection, Consolidate.name, namespace, session, self._segment)
                left -= self._segment
