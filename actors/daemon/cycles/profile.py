"""Profile: what talks say of the people who speak: interests, goals, relationships, style.

Each is held with a confidence and with its evidence: turns that say it in the words in which it is held, so that those go when
the last of them is forgotten. Confidences and values move towards what a stretch of talk says, by no
more than `most_change` a cycle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

import apsw

from actors.daemon import aspects, batches, extract, people
from actors.daemon.aspects import HeldAspect, Source
from actors.daemon.batches import Batch, Outcome
from actors.daemon.follower import Follower, text_digest
from actors.daemon.settings import ProfileSettings
from actors.daemon.work import Work
from actors.memory.messages import Memory
from actors.moments import micros

__all__ = ["Profile", "moved", "people_of"]

NEUTRAL = 0.5
"""Where a trait of style begins."""

SURE_TURNS = 100
"""After so many turns a style is as sure as it gets."""


class Profile:
    """The cycle `profile`; `about` says what it does."""

    name: ClassVar[str] = "profile"
    about: ClassVar[str] = (
        "Draws what people are interested in, after, close to and how they talk from what they say, with evidence."
    )
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset({"turn"})

    def __init__(self, settings: ProfileSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, and take in what is new: one stretch of each namespace a run.

        More than one would let a profile turn over in an hour of catching up.
        """
        await batches.finish(work, self._taken_in)
        await self.follower.catch_up(work)
        await work.commit(lambda connection: batches.lay_all(connection, self.name, self.settings.turns))
        await batches.finish(work, self._taken_in)

    async def _taken_in(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        now = micros(work.now)
        speakers = {
            speaker: list(zip(said, await work.each([turn.text for turn in said], people.read), strict=True))
            for speaker, said in people_of(turns).items()
        }

        def change(connection: apsw.Connection) -> None:
            for speaker, said in speakers.items():
                Person(connection, batch.namespace, speaker, self.settings, now).take_in(said)

        return Outcome(change=change, effects={"people": len(speakers)})


Told = tuple[Memory, people.Reading]
"""A turn, and what it says of who said it."""


class Person:
    """One speaker's aspects, inside a transaction."""

    def __init__(self, connection: apsw.Connection, namespace: str, speaker: str, settings: ProfileSettings, now: int) -> None:
        self._connection = connection
        self._namespace = namespace
        self._speaker = speaker
        self._settings = settings
        self._now = now
        self._held = aspects.held(connection, namespace, speaker)

    def take_in(self, said: Sequence[Told]) -> None:
        """What a stretch of their turns says."""
        self._interests(said)
        self._goals(said)
        self._relationships(said)
        self._style(said)
        for kind in ("interest", "goal", "relationship"):
            aspects.keep_surest(self._connection, self._namespace, self._speaker, kind, self._settings.interests)

    def _interests(self, said: Sequence[Told]) -> None:
        # Whoever was called somebody's in an earlier stretch is no interest of theirs either.
        names = {name.rsplit(" ", 1)[-1].lower() for kind, name in self._held if kind == "relationship"}
        shares = {word: share for word, share in people.recurring([told for _, told in said]).items() if word not in names}
        for word, share in shares.items():
            sources = [turn for turn, told in said if word in told.words]
            # Two mentions say a little, eight say all that mentions can.
            self._hold("interest", word, share, min(1.0, len(sources) / 8), sources)
        for (kind, name), known in self._held.items():
            if kind == "interest" and name not in shares:
                faded = HeldAspect(known.value, max(0.0, known.confidence - self._settings.fade))
                aspects.put(
                    self._connection, self._namespace, self._speaker, (kind, name), new=faded, sources=(), now=self._now
                )

    def _goals(self, said: Sequence[Told]) -> None:
        known = [name for kind, name in self._held if kind == "goal"]
        for turn, told in said:
            for goal in told.goals:
                same = next((name for name in known if is_same(name, goal)), None)
                if same is None:
                    known.append(goal)
                self._hold("goal", same or goal, 1.0, 1.0, [turn] if same in (None, goal) else [])
            for name in known:
                if told.gives_up(name):
                    self._hold("goal", name, 0.0, 0.0, [])

    def _relationships(self, said: Sequence[Told]) -> None:
        mentioned: dict[str, list[tuple[Memory, str]]] = defaultdict(list)
        for turn, told in said:
            for relationship in told.relationships:
                mentioned[self._named(relationship, said)].append((turn, relationship.label))
        for label, found in mentioned.items():
            sources = [turn for turn, as_said in found if as_said == label]
            self._hold("relationship", label, len(found) / len(said), 1.0, sources)

    def _named(self, relationship: people.Relationship, said: Sequence[Told]) -> str:
        """With the name that was said elsewhere, where there is just one of that relation."""
        if relationship.name is not None:
            return relationship.label
        labels = {name for kind, name in self._held if kind == "relationship"}
        labels |= {other.label for _, told in said for other in told.relationships}
        named = [label for label in labels if label.startswith(f"{relationship.relation} ")]
        return named[0] if len(named) == 1 else relationship.label

    def _style(self, said: Sequence[Told]) -> None:
        weight = min(1.0, len(said) / 20)
        for name, value in people.style([turn.text for turn, _ in said]).items():
            known = self._held.get(("style", name), HeldAspect(NEUTRAL, 0.0))
            target = known.value + (value - known.value) * weight
            sure = min(1.0, known.confidence + len(said) / SURE_TURNS)
            self._hold("style", name, target, sure, [turn for turn, _ in said[-4:]])

    def _hold(self, kind: str, name: str, value: float, confidence: float, turns: Sequence[Memory]) -> None:
        """Move an aspect towards a value and a confidence, within what one cycle may change."""
        known = self._held.get((kind, name))
        most = self._settings.most_change
        new = HeldAspect(
            value=value if known is None and kind != "style" else moved(known.value if known else NEUTRAL, value, most),
            confidence=moved(known.confidence if known else 0.0, confidence, most),
        )
        sources = [Source(turn.id, text_digest(turn)) for turn in turns]
        aspects.put(
            self._connection, self._namespace, self._speaker, (kind, name[:300]), new=new, sources=sources, now=self._now
        )


def people_of(turns: Sequence[Memory]) -> dict[str, list[Memory]]:
    """The turns of each person; the assistant and tools are none."""
    found: dict[str, list[Memory]] = defaultdict(list)
    for turn in turns:
        if turn.role not in ("assistant", "tool", "system", "developer"):
            found[turn.speaker or "user"].append(turn)
    return dict(found)


def moved(old: float, target: float, most: float) -> float:
    """`old`, moved towards `target` by `most` at most."""
    return old + max(-most, min(most, target - old))


def is_same(goal: str, other: str) -> bool:
    """Whether two sentences are about one goal: most of the shorter one's content words are shared."""
    one, two = set(extract.content(goal)), set(extract.content(other))
    shared = len(one & two)
    return shared >= 1 and shared * 2 > min(len(one), len(two))
