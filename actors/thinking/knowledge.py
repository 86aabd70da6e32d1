"""Knowledge: what the background life has learnt of a namespace's user, and what it would like to bring up.

It is kept for some seconds: it changes with the daemon's cycles, not with a talk, and asking with each question would cost
more than it brings.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from actors.clock import Clock
from actors.daemon.messages import Aspect, Deliver, GetProfile, ListStatements, Profile, Statement, Statements, Trait
from actors.memory.messages import UNNAMED, may_hear
from actors.runtime import AsyncActor
from actors.thinking.prompt import KnownLine
from actors.thinking.settings import ThinkingSettings
from transport.errors import LatticeError

__all__ = ["Knowledge", "Known"]

SURE: Final = 0.2
"""Aspects of less confidence are not shown: the daemon begins low and is moved by evidence."""

MOVED: Final = 0.05
"""A trait nearer to its baseline than this says nothing."""

MOST_LINES: Final = 12
MOST_KEPT: Final = 100
"""Aspects of a namespace's people that are kept, of which those who ask are shown theirs first."""

MOST_STATEMENTS: Final = 16
NOBODY: Final = frozenset({None, UNNAMED})
"""As memory calls speakers who have no name."""

STYLES: Final = {
    "long-winded": ("writes at length", "writes briefly"),
    "asking": ("asks many questions", "seldom asks questions"),
    "exclaiming": ("exclaims a lot", "seldom exclaims"),
    "polite": ("words things politely", "does without polite words"),
    "emoji": ("uses many emoji", "uses few emoji or none"),
}
MUCH, LITTLE = 0.6, 0.15
"""A style between the two says nothing."""

MOST: Final = 1024
"""Namespaces that are kept in mind."""


@dataclass(frozen=True, slots=True)
class Known:
    """Lines for the prompt, each part best first."""

    profile: tuple[KnownLine, ...] = ()
    """Aspects of the people, then the assistant's own traits where they have moved."""

    statements: tuple[KnownLine, ...] = ()

    def meant_for(self, asker: str | None) -> Known:
        """What bears on a question of somebody's: their own profile first, nothing meant for another, no confidences."""
        own = frozenset({asker}) | (NOBODY if asker is None else frozenset())
        people = [line for line in self.profile if line.speaker is not None and may_hear(asker, line.confided_by)]
        shown = sorted(people, key=lambda line: line.speaker not in own)[:MOST_LINES]
        return Known(
            profile=(*shown, *(line for line in self.profile if line.speaker is None)),
            statements=tuple(
                line
                for line in self.statements
                if (asker is None or line.speaker in {asker, *NOBODY}) and may_hear(asker, line.confided_by)
            ),
        )


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
        self.forgettings = 0
        """How often memory forgot something: what was asked for before that is not kept after it."""

    async def of(self, namespace: str, *, seconds: float) -> Known:
        """What is known. Whatever the daemon answers with an error is the caller's to note."""
        now = self.clock.now().timestamp()
        kept = self.kept.get(namespace)
        # A clock that was set back says nothing of how old it is.
        if kept is not None and 0 <= now - kept[0] < self.settings.profile_cache_s:
            return kept[1]

        forgettings = self.forgettings
        known = await self._asked(namespace, seconds=seconds)
        if self.forgettings != forgettings:
            return known

        self.kept[namespace] = (now, known)
        self.kept.move_to_end(namespace)
        while len(self.kept) > MOST:
            self.kept.popitem(last=False)
        return known

    def forget(self) -> None:
        """Memory forgot something: what was drawn from it may have changed."""
        self.kept.clear()
        self.forgettings += 1

    def taken(self, namespace: str) -> None:
        """A statement was taken: what is open is asked for anew."""
        self.kept.pop(namespace, None)

    async def take(
        self, namespace: str, thought_id: str, known: Known, *, asker: str | None, most: int, seconds: float
    ) -> Known:
        """What is known, with those statements alone that this thought has been given: each is brought up once."""
        if not known.statements or most == 0:
            return Known(known.profile)

        self.taken(namespace)
        kept = []
        for line in known.statements[:most]:
            try:
                await self.actor.ask(Deliver(namespace=namespace, id=line.id, thought=thought_id, asker=asker), timeout=seconds)
            except LatticeError:
                # Another thought has it, or the daemon is away: it is not ours to bring up.
                continue
            kept.append(line)
        return Known(known.profile, tuple(kept))

    async def _asked(self, namespace: str, *, seconds: float) -> Known:
        profile: Profile
        statements: Statements
        profile, statements = await asyncio.gather(
            self.actor.ask(GetProfile(namespace=namespace), timeout=seconds),
            self.actor.ask(ListStatements(namespace=namespace, limit=MOST_STATEMENTS), timeout=seconds),
        )
        aspects = sorted(
            (
                (aspect.confidence, speaker, aspect)
                for speaker, known in profile.speakers.items()
                for aspect in known
                if aspect.confidence >= SURE and worded(aspect)
            ),
            # How somebody writes is soon surer than anything else, and matters least.
            key=lambda one: (one[2].kind == "style", -one[0], one[1], one[2].name),
        )
        traits = [trait for trait in profile.traits if abs(trait.value - trait.baseline) >= MOVED]
        return Known(
            profile=(
                *(of_aspect(speaker, aspect) for _, speaker, aspect in aspects[:MOST_KEPT]),
                *(of_trait(trait) for trait in traits),
            ),
            statements=tuple(of_statement(one) for one in statements.statements),
        )


def of_aspect(speaker: str, aspect: Aspect) -> KnownLine:
    """An aspect of a person."""
    told: dict[str, JsonValue] = {
        "kind": aspect.kind,
        "score": aspect.confidence,
        "memories": list(aspect.evidence),
    }
    return KnownLine(f"{speaker}: {worded(aspect)}", "", speaker, told, aspect.confided_by)


def of_trait(trait: Trait) -> KnownLine:
    """A trait of the assistant's own."""
    more = "more" if trait.value > trait.baseline else "less"
    text = f"yourself: {more} {trait.name} than usual ({trait.value:.2f}, usually {trait.baseline:.2f})"
    return KnownLine(
        text, "", None, {"kind": "trait", "trait": trait.name, "score": trait.value, "memories": list(trait.evidence)}
    )


def of_statement(statement: Statement) -> KnownLine:
    """Something to bring up."""
    told: dict[str, JsonValue] = {"score": statement.urgency, "memories": [statement.id]}
    return KnownLine(statement.text, statement.id, statement.speaker, told, statement.confided_by)


def worded(aspect: Aspect) -> str:
    """An aspect as a line for the prompt; empty where it says nothing."""
    match aspect.kind:
        case "style":
            much, little = STYLES.get(aspect.name, ("", ""))
            return much if aspect.value >= MUCH else little if aspect.value <= LITTLE else ""
        case "goal":
            return f'is after: "{aspect.name}"'
        case "interest":
            return f"interested in {aspect.name}"
        case "relationship":
            return f"speaks of their {aspect.name}"
