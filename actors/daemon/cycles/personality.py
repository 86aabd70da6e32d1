"""Personality: the assistant's own aspects follow, slowly and within bounds, what the people it talks with ask of it.

What they ask for is read from what they say to it ("shorter, please"; laughter). Without such signs an aspect returns to its
baseline.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

import apsw

from actors.daemon import aspects, batches
from actors.daemon.aspects import ASSISTANT, HeldAspect, Source
from actors.daemon.batches import Batch, Outcome
from actors.daemon.cycles.profile import moved, people_of
from actors.daemon.following import Following, text_digest
from actors.daemon.settings import PersonalitySettings
from actors.daemon.work import Work
from actors.memory.messages import Memory
from actors.moments import micros
from actors.sentences import straight

__all__ = ["Personality", "signs_in"]

MORE: Final = {
    "warmth": r"thank you so much|that(?:'s| is) (?:so )?(?:kind|sweet)|i feel (?:alone|sad|down|lost|anxious)|hug",
    "curiosity": r"ask me|good question|i'm glad you asked|what do you think",
    "humour": r"\b(?:haha+|lol|lmao|hehe)\b|that's funny|you(?:'re| are) funny|made me laugh|[\U0001f602\U0001f923]",
    "directness": r"(?:just|straight) tell me|be (?:direct|honest|frank|blunt)|get to the point|stop hedging|no sugar-?coating",
    "brevity": r"too long|shorter|concise|be brief|(?:keep it|make it|answers) short|tl;?dr|in (?:one sentence|short)\b",
}
LESS: Final = {
    "warmth": r"(?:don't|no need to) (?:be so nice|flatter|comfort)|stop (?:flattering|comforting)|too (?:sweet|cheesy)",
    "curiosity": r"stop asking|too many questions|don't ask me",
    "humour": r"not funny|no jokes|stop joking|be serious",
    "directness": r"too (?:harsh|blunt|direct)|be (?:gentle|kind|nicer)|that was (?:harsh|rude)",
    "brevity": r"more detail|elaborate|explain (?:more|further|in depth)|too short|go deeper|tell me more",
}
UP = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in MORE.items()}
DOWN = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in LESS.items()}

FULL: Final = 0.1
"""The share of turns with a sign at which an aspect goes to its bound: people say such things seldom."""


class Personality:
    """The cycle."""

    name: ClassVar[str] = "personality"
    about: ClassVar[str] = "Lets the assistant's own aspects drift, within bounds, towards what its people ask of it."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset({"turn"})

    def __init__(self, settings: PersonalitySettings, following: Following) -> None:
        self.settings = settings
        self.following = following

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, and take in what is new."""
        await batches.finish(work, self._drifted)
        await self.following.catch_up(work)
        await work.commit(lambda connection: batches.lay_all(connection, self.name, self.settings.turns))
        await batches.finish(work, self._drifted)

    async def _drifted(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        said = [turn for spoken in people_of(turns).values() for turn in spoken]
        read = await work.each(said, signs_in)
        found: dict[str, tuple[list[Memory], list[Memory]]] = {name: ([], []) for name in UP}
        for turn, shown in zip(said, read, strict=True):
            for name, more in shown:
                found[name][0 if more else 1].append(turn)

        def change(connection: apsw.Connection) -> None:
            held = aspects.held(connection, batch.namespace, ASSISTANT)
            for name, baseline in self.settings.baseline.items():
                more, less = found.get(name, ([], []))
                known = held.get(("trait", name))
                if known is None and not more and not less:
                    continue
                wanted = (len(more) - len(less)) / max(1, len(said)) / FULL
                target = max(0.0, min(1.0, baseline + self.settings.drift * max(-1.0, min(1.0, wanted))))
                new = HeldAspect(moved(known.value if known else baseline, target, self.settings.step), 1.0)
                sources = [Source(turn.id, text_digest(turn)) for turn in (*more, *less)]
                aspects.put(
                    connection, batch.namespace, ASSISTANT, ("trait", name), new=new, sources=sources, now=micros(work.now)
                )

        return Outcome(change=change, effects={"signs": sum(len(more) + len(less) for more, less in found.values())})


def signs_in(turn: Memory) -> set[tuple[str, bool]]:
    """Of which aspects a turn asks for more (True), and of which for less."""
    text = straight(turn.text)
    return {(name, more) for more, signs in ((True, UP), (False, DOWN)) for name, sign in signs.items() if sign.search(text)}
