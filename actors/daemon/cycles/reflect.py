"""Reflect: what came up most in the turns since the last reflection, weighed by importance, with its sources.

It asks what came up most, and answers from memory: which words recurred, the sentences that hold most of them, and what was
said about each before. Conclusions take a model; where one answers, they are added to what was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

import apsw

from actors.daemon import batches, extract
from actors.daemon.batches import Batch, Outcome
from actors.daemon.extract import Said
from actors.daemon.follower import Follower
from actors.daemon.interests import is_everyday
from actors.daemon.own_words import own_words
from actors.daemon.salient import salient
from actors.daemon.settings import ReflectSettings
from actors.daemon.work import Work
from actors.memory.messages import Link, Memory, NewMemory, Recall, Recalled

__all__ = ["Reflect"]

IMPORTANCE = 0.5
NOBODY = ("assistant", "tool", "system", "developer")
"""Whose words say nothing of what matters to people: an assistant says "that makes sense" to everything."""

QUOTED = 3
EARLIER = 2
SOURCES = 256 - EARLIER
"""Turns that are read, the latest: a record has 256 links at most, and what is counted or quoted is linked."""

CONCLUDE = (
    "Below is what came up most in somebody's talks lately, with quotations. In at most two plain sentences: what seems to "
    "matter to them, and what has changed since the earlier quotations, if anything. Only what the quotations bear out."
)


class Reflect:
    """The cycle `reflect`; `about` says what it does."""

    name: ClassVar[str] = "reflect"
    about: ClassVar[str] = "Asks what mattered lately, and answers from memory, with its sources."
    needs_model: ClassVar[str] = "Conclusions: without one it counts, quotes, and says what was said of it before."
    follows: ClassVar[frozenset[str]] = frozenset({"turn"})

    def __init__(self, settings: ReflectSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, lay down what is enough for a reflection, work on it."""
        await batches.finish(work, self._reflected)
        await self.follower.catch_up(work)
        await work.commit(self._lay)
        await batches.finish(work, self._reflected)

    def _lay(self, connection: apsw.Connection) -> None:
        batches.lay_all(connection, self.name, self.settings.turns, from_turns=self.settings.turns_from)

    async def _reflected(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        turns = turns[-SOURCES:]
        said = [Said(turn.id, turn.text, turn.speaker or turn.role or "", turn.importance) for turn in turns]
        words = await work.each(said, lambda turn: extract.content(own_words(turn.text)))
        people = {turn.id for turn in turns if turn.role not in NOBODY}
        said_by_people = {word for turn, found in zip(said, words, strict=True) if turn.id in people for word in found}
        themes = extract.themes(
            list(zip(said, words, strict=True)),
            self.settings.themes,
            is_left_out=lambda word: word not in said_by_people or is_everyday(word),
        )
        if not themes:
            return Outcome(effects={"reflections": 0})

        about = {turn.id: turn for _, _, found in themes for turn in found}
        chosen = await salient(work, [turn for turn in said if turn.id in about and turn.id in people], QUOTED)
        named = ", ".join(f"{word} ({count} times)" for word, count, _ in themes)
        quoted = "\n".join(f"{turn.speaker}: {sentence[:400]}" for turn, sentence in chosen)
        earlier = await self._earlier(work, batch, [word for word, _, _ in themes], turns)
        before = "".join(f"\nEarlier, {memory.time:%d %B %Y}: {line_of(memory)}" for memory in earlier)
        text = f"What came up most lately: {named}.\n{quoted}{before}"
        sources = [*[turn for turn in turns if turn.id in about], *earlier]
        concluded = await work.generate(CONCLUDE, text, sources, most_tokens=200)
        record = NewMemory(
            text=f"{text}\n{concluded}" if concluded else text,
            time=turns[-1].time,
            kind="reflection",
            importance=IMPORTANCE,
            metadata={"themes": {word: count for word, count, _ in themes}},
            provenance=work.provenance(by_model=bool(concluded)),
            links=tuple(Link(relation="derives_from", target=source.id) for source in sources),
            key=f"reflect:{batch.id}",
        )
        return Outcome([record], effects={"reflections": 1})

    async def _earlier(self, work: Work, batch: Batch, words: list[str], turns: list[Memory]) -> Sequence[Memory]:
        """What was said of the themes before: the answer that memory has to "what do I know of this?"."""
        known = {turn.id for turn in turns}
        before = min(turn.time for turn in turns) - timedelta(microseconds=1)
        recalled: Recalled = await work.ask(
            Recall(
                namespace=batch.namespace,
                query=" ".join(words),
                k=2 * EARLIER,
                kinds=("turn", "fact"),
                until=before,
                exclude=tuple(known),
            )
        )
        about = set(words)
        found: list[Memory] = []
        for memory in recalled.memories:
            # A fact says what its turn says: one of the two is enough.
            again = any(memory.text in other.text or other.text in memory.text for other in found)
            if memory.role not in NOBODY and memory.id not in known and not again and about & set(extract.content(memory.text)):
                found.append(memory)
        return found[:EARLIER]


def line_of(memory: Memory) -> str:
    """A record in a line."""
    text = " ".join(memory.text.split())[:300]
    return f"{memory.speaker}: {text}" if memory.speaker else text
