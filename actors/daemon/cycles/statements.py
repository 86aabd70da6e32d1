"""Statements: what the assistant would like to bring up: how a plan went once its time is over, what contradicts itself.

Each is a record of kind `statement` in memory, with its sources. It is open from when it makes sense until it expires, and said
once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import apsw

from actors.daemon import batches, extract, facts, people, statements
from actors.daemon.batches import Batch, Outcome
from actors.daemon.cycles.profile import people_of
from actors.daemon.endings import Ending, endings
from actors.daemon.follower import Follower, namespaces
from actors.daemon.interests import stems
from actors.daemon.settings import StatementsSettings
from actors.daemon.work import Work
from actors.memory.messages import Found, Get, Link, Memory, NewMemory, Remember, Remembered
from actors.moments import micros
from actors.paradox.messages import List as ListParadoxes
from actors.paradox.messages import Paradox, Paradoxes
from transport.errors import NotFound

__all__ = ["Statements"]

PLAN_URGENCY = 0.6
GOAL_URGENCY = 0.3
QUOTED = re.compile(r'^On [^"]* said: "(.*)" ', re.DOTALL)
"""The words of a plan or a goal in what is to be said of it."""

PLANS = 8
"""Plans of a turn that are looked at: a list of hundreds is no plan of anybody's."""

OPEN_PARADOXES = 20
"""How many open paradoxes of each namespace are looked at, those of the highest tension; some are worth bringing up."""

SURE = 0.95
"""The probability of a contradiction that is brought up even where its sides share no word."""


@dataclass(frozen=True, slots=True)
class End:
    """A sentence that tells that something is done, dropped or over: who said it, and in which turn."""

    speaker: str
    turn: str
    ending: Ending

    def is_of(self, speaker: str | None, plan: str, sources: Sequence[str]) -> bool:
        """Whether it is the end of a plan of that speaker's, said after it."""
        after = all(self.turn > source for source in sources)
        return self.speaker == speaker and after and self.ending.is_of(plan)


@dataclass(frozen=True, slots=True)
class Idea:
    """Something that might be brought up."""

    text: str
    why: str
    urgency: float
    opens: datetime
    sources: tuple[str, ...]
    key: str
    speaker: str | None
    """Whom it is meant for."""

    paradox: str | None = None

    def is_over(self, ends: Sequence[End]) -> bool:
        """Whether it was told meanwhile what became of it."""
        quoted = QUOTED.search(self.text)
        return quoted is not None and any(end.is_of(self.speaker, quoted[1], self.sources) for end in ends)


class Statements:
    """The cycle `statements`; `about` says what it does."""

    name: ClassVar[str] = "statements"
    about: ClassVar[str] = (
        "Notes what the assistant would like to bring up: plans whose time is over, contradictions that stand open."
    )
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset({"turn"})

    def __init__(self, settings: StatementsSettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Let go of what has expired, then note what new turns and open contradictions give occasion for."""
        expired = await work.commit(lambda connection: statements.expire(connection, micros(work.clock.steady())))
        await work.commit(lambda _connection: None, expired=expired)
        await batches.finish(work, self._noted)
        await self.follower.catch_up(work)
        await work.commit(lambda connection: batches.lay_all(connection, self.name, self.settings.turns))
        await batches.finish(work, self._noted)
        for namespace in await work.read(namespaces):
            await self._contradictions(work, namespace)
            await work.pass_on()

    async def _noted(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        said = [(speaker, turn) for speaker, turns_of in people_of(turns).items() for turn in turns_of]
        ends = [
            End(speaker, turn.id, ending)
            for (speaker, turn), found in zip(said, await work.each(said, lambda one: endings(one[1].text)), strict=True)
            for ending in found
        ]
        ideas = [idea for found in await work.each(said, lambda one: self._ideas(*one)) for idea in found]
        over = await self._over(work, batch.namespace, ends)
        are_over = await work.each(ideas, lambda idea: idea.is_over(ends))
        left = [idea for idea, is_over in zip(ideas, are_over, strict=True) if not is_over]
        return await self._held(work, batch.namespace, left, over=over)

    async def _over(self, work: Work, namespace: str, ends: list[End]) -> list[str]:
        """The open statements about plans and goals that somebody has told the end of themselves."""
        if not ends:
            return []
        over = []
        for identifier in await work.read(statements.open_ones, namespace):
            try:
                found: Found = await work.ask(Get(namespace=namespace, id=identifier))
            except NotFound:
                continue
            held = found.memory
            speaker = held.metadata.get("speaker")
            quoted = QUOTED.search(held.text)
            if "paradox" in held.metadata or quoted is None or not isinstance(speaker, str):
                continue
            sources = [link.target for link in held.links]
            if any(end.is_of(speaker, quoted[1], sources) for end in ends):
                over.append(identifier)
        return over

    def _ideas(self, speaker: str, turn: Memory) -> list[Idea]:
        found = []
        said = f"On {turn.time:%d %B %Y} {who(speaker, first=False)} said"
        for number, plan in enumerate(people.plans(turn.text, turn.time)[:PLANS]):
            text = f'{said}: "{plan.sentence}" That time is over; ask how it went.'
            found.append(
                Idea(text, "a plan's time is over", PLAN_URGENCY, plan.over, (turn.id,), f"plan:{turn.id}:{number}", speaker)
            )
        if not found:
            opens = turn.time + timedelta(days=self.settings.after_days)
            for number, goal in enumerate(people.goals(turn.text)[:1]):
                text = f'{said}: "{goal}" Ask how it is going.'
                found.append(
                    Idea(text, "a goal was named", GOAL_URGENCY, opens, (turn.id,), f"goal:{turn.id}:{number}", speaker)
                )
        return found

    async def _contradictions(self, work: Work, namespace: str) -> None:
        listed: Paradoxes = await work.ask(ListParadoxes(namespace=namespace, open=True, limit=OPEN_PARADOXES))
        ideas = [idea_of(paradox, work.now) for paradox in listed.paradoxes if is_worth_asking(paradox)]
        outcome = await self._held(work, namespace, ideas)
        await work.commit(outcome.change, **outcome.effects)

    async def _held(self, work: Work, namespace: str, ideas: list[Idea], *, over: Sequence[str] = ()) -> Outcome:
        """Remember ideas as statements, as many as there is room for, the most urgent first; let go of what is over."""
        room = len(over) + self.settings.open - await work.read(statements.open_count, namespace)
        # One that has run out before anybody could know of it is no use to anyone.
        timely = [idea for idea in ideas if idea.opens + self._lasts > work.now]
        chosen = sorted(timely, key=lambda idea: (-idea.urgency, idea.key))[: max(0, room)]
        held: list[tuple[str, Idea]] = []
        for idea in chosen:
            record = NewMemory(
                text=idea.text,
                time=work.now,
                kind="statement",
                importance=idea.urgency,
                metadata={
                    "why": idea.why,
                    **({"speaker": idea.speaker} if idea.speaker else {}),
                    **({"paradox": idea.paradox} if idea.paradox else {}),
                },
                provenance=work.provenance(),
                links=tuple(Link(relation="derives_from", target=source) for source in idea.sources),
                key=f"statements:{idea.key}",
            )
            try:
                stored: Remembered | None = await work.write(
                    Remember(namespace=namespace, memories=(record,)), text=record.text
                )
            except NotFound:
                # A source was forgotten meanwhile.
                continue
            # It may have been remembered by a run that was killed before it was held.
            if stored is not None and not await work.read(statements.is_known, namespace, stored.memories[0].id):
                held.append((stored.memories[0].id, idea))

        def change(connection: apsw.Connection) -> None:
            for memory in over:
                statements.withdraw(connection, namespace, memory)
            for memory, idea in held:
                statements.put(
                    connection,
                    namespace,
                    memory,
                    why=idea.why,
                    urgency=idea.urgency,
                    created=micros(work.now),
                    opens=micros(idea.opens),
                    expires=micros(max(idea.opens, work.now) + self._lasts),
                )

        return Outcome(change=change, effects={"statements": len(held), "withdrawn": len(over)})

    @property
    def _lasts(self) -> timedelta:
        return timedelta(days=self.settings.expires_days)


def is_worth_asking(paradox: Paradox) -> bool:
    """Whether somebody may be asked unbidden which of two things holds.

    Only where people told something lasting both times, about the same: to be asked for nothing is tiresome. The others stand
    in the list of contradictions all the same.
    """
    sides = (paradox.earlier, paradox.later)
    if any(side.speaker == "assistant" or not facts.facts(side.text) for side in sides):
        return False
    one, other = (frozenset(stem for word in extract.content(side.text) for stem in stems(word)) for side in sides)
    return not one.isdisjoint(other) or paradox.probability >= SURE


def idea_of(paradox: Paradox, now: datetime) -> Idea:
    """What is to be said of a contradiction: both sides, and a question."""
    earlier, later = paradox.earlier, paradox.later
    first, second = (f'on {side.time:%d %B %Y}: "{side.text[:300].rstrip(".")}"' for side in (earlier, later))
    if earlier.speaker == later.speaker:
        text = f"{who(earlier.speaker)} said {first}, but {second}. Ask which holds."
    else:
        text = f"{who(earlier.speaker)} said {first}, but {who(later.speaker, first=False)} said {second}. Ask which holds."
    return Idea(
        text,
        "a contradiction stands open",
        paradox.tension,
        now,
        (earlier.memory, later.memory),
        f"paradox:{paradox.id}",
        later.speaker if earlier.speaker == later.speaker else None,
        paradox.id,
    )


def who(speaker: str | None, *, first: bool = True) -> str:
    """A speaker in a sentence: "Ana", "The user"; who has no name is the one whose memory it is."""
    name = "the user" if speaker in {None, "user"} else str(speaker)
    return f"{name[:1].upper()}{name[1:]}" if first else name
