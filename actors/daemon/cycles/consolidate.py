"""Consolidate: new turns into facts and, for a talk that has settled, a summary; each linked to what it was drawn from.

Facts are sentences as they were said; a summary is written by a model where one answers, and else chosen from the sentences.
Keys are made from the turns, so that a repeat creates nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from typing import ClassVar

import apsw

from actors.daemon import aspects, batches, extract, facts, people, rederivation
from actors.daemon.batches import Batch, Outcome
from actors.daemon.follower import Follower, text_digest
from actors.daemon.salient import salient
from actors.daemon.settings import ConsolidateSettings
from actors.daemon.work import Work
from actors.memory.messages import Link, Memory, NewMemory
from actors.moments import micros

__all__ = ["Consolidate"]

FACT_IMPORTANCE = 0.6
SUMMARY_IMPORTANCE = 0.5
SUMMARY_LIMIT = 4000
SUMMARISE = (
    "Sum up the talk below in at most four plain sentences: who said, wants, plans or decided what. Names and figures as they "
    "were said. Nothing that was not said, no opinion on it, no heading."
)


class Consolidate:
    """The cycle `consolidate`; `about` says what it does."""

    name: ClassVar[str] = "consolidate"
    about: ClassVar[str] = (
        "Draws facts and summaries from talks that have settled, each linked to the turns that it was drawn from."
    )

    needs_model: ClassVar[str] = "Summaries in words of their own: without one they are sentences chosen from the talk."
    follows: ClassVar[frozenset[str]] = frozenset({"turn"})
    rereads: ClassVar[bool] = True
    """A turn that is corrected says other things: what was drawn from it has ended."""

    def __init__(self, settings: ConsolidateSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, derive anew what lost a source, and work on what has settled."""
        await batches.finish(work, self._made)
        await self.follower.catch_up(work)
        await rederivation.rederive(work)
        await work.commit(self._lay(micros(work.clock.now())))
        await batches.finish(work, self._made)

    def _lay(self, now: int) -> Lay:
        return Lay(now, int(self.settings.settled_s * 1_000_000), self.settings.segment)

    async def _made(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        told = await self._facts(work, batch, turns)
        summary = await self._summary(work, batch, turns)
        return Outcome([*told, *summary], effects={"facts": len(told), "summaries": len(summary)})

    async def _facts(self, work: Work, batch: Batch, turns: list[Memory]) -> list[NewMemory]:
        """What people said of themselves; the assistant's words are no facts about anyone."""
        known: set[str] = set()
        found: list[NewMemory] = []
        people_said = [turn for turn in turns if turn.role not in ("assistant", "tool", "system")]
        names = await self._names(work, batch.namespace, people_said)
        told = await work.each(people_said, lambda turn: facts.facts(turn.text, names=names[turn.speaker]))
        for turn, sentences in zip(people_said, told, strict=True):
            for number, sentence in enumerate(sentences):
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
                        provenance=work.provenance(),
                        links=(Link(relation="derives_from", target=turn.id),),
                        key=f"consolidate:fact:{turn.id}:{number}:{text_digest(turn).hex()}",
                    )
                )

        return found[:500]

    async def _names(self, work: Work, namespace: str, turns: list[Memory]) -> dict[str | None, frozenset[str]]:
        """What the people and animals are called whom each speaker calls theirs, here or in earlier talks."""
        found: dict[str | None, set[str]] = defaultdict(set)
        named = await work.each(turns, lambda turn: people.relationships(turn.text))
        for turn, relationships in zip(turns, named, strict=True):
            found[turn.speaker] |= {one.name for one in relationships if one.name is not None}
        for speaker in {turn.speaker for turn in turns}:
            found[speaker] |= await work.read(names_held, namespace, speaker or "user")
        return {speaker: frozenset(names) for speaker, names in found.items()}

    async def _summary(self, work: Work, batch: Batch, turns: list[Memory]) -> list[NewMemory]:
        if not batch.session or len(turns) < self.settings.summary_from:
            return []
        chosen = await salient(work, extract.said_in(turns), self.settings.summary_sentences)
        if not chosen:
            return []
        written = await work.generate(SUMMARISE, talk_of(turns), turns) or None
        text = written or "\n".join(f"{turn.speaker}: {sentence}" if turn.speaker else sentence for turn, sentence in chosen)
        return [
            NewMemory(
                text=text[:SUMMARY_LIMIT],
                session=batch.session,
                time=turns[-1].time,
                kind="summary",
                importance=SUMMARY_IMPORTANCE,
                metadata={"turns": len(turns)},
                provenance=work.provenance(by_model=written is not None),
                links=tuple(Link(relation="summarises", target=turn.id) for turn in turns[:256]),
                key=f"consolidate:summary:{batch.id}",
            )
        ]


def names_held(connection: apsw.Connection, namespace: str, speaker: str) -> set[str]:
    """Names of those whom a speaker's profile calls theirs: "Ana" of "sister Ana"."""
    held = aspects.held(connection, namespace, speaker)
    labels = [name.rsplit(" ", 1) for kind, name in held if kind == "relationship"]
    return {parts[1] for parts in labels if len(parts) == 2 and parts[1][:1].isupper()}


def talk_of(turns: list[Memory]) -> str:
    """A stretch of talk as a model reads it."""
    return "\n".join(f"{turn.speaker or turn.role or 'somebody'}: {turn.text}" for turn in turns)


class Lay:
    """Lays down batches of what has settled, or has grown to a segment.

    Args:
        now: microseconds.
        settled: how many microseconds nothing must have come. What is dated as far ahead came under a clock that was.
        segment: turns.
    """

    def __init__(self, now: int, settled: int, segment: int) -> None:
        self._now = now
        self._settled = settled
        self._segment = segment

    def __call__(self, connection: apsw.Connection) -> None:
        for namespace, session, count, last in batches.groups(connection, Consolidate.name, by_session=True):
            left = count
            while left >= self._segment or (left > 0 and abs(self._now - last) >= self._settled):
                batches.lay(connection, Consolidate.name, namespace, session, self._segment)
                left -= self._segment
