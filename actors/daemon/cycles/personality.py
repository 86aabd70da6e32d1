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
from actors.daemon.follower import Follower, text_digest
from actors.daemon.settings import PersonalitySettings
from actors.daemon.work import Work
from actors.memory.messages import Memory
from actors.moments import micros
from actors.text.sentences import straight

__all__ = ["Personality", "signs_in"]

TO_YOU: Final = r"(?:^|[.!?,;:] ?|\b(?:please|just|you (?:can|could|may|should)|can you|could you) )"
"""What stands before what is asked of the assistant, rather than told of others or of oneself ("to be honest")."""

IT_WAS: Final = r"\b(?:your \w+ (?:is|are|was|were)|you(?:'re| are| were)|that(?:'s| is| was)) (?:\w+ )?too"
MORE: Final = {
    "warmth": r"thank you so much|that(?:'s| is) (?:so )?(?:kind|sweet)|i feel (?:alone|sad|down|lost|anxious)\b|\bhugs?\b",
    "curiosity": rf"{TO_YOU}ask me\b|\bgood question\b|i'm glad you asked|{TO_YOU}what do you think",
    "humour": r"\b(?:haha+|lol|lmao|hehe)\b|that's funny|you(?:'re| are) funny|made me laugh|[\U0001f602\U0001f923]",
    "directness": rf"(?:just|straight) tell me|{TO_YOU}be (?:direct|honest|frank|blunt)\b|{TO_YOU}get to the point|stop hedging"
    r"|no sugar-?coating",
    "brevity": rf"{IT_WAS} long|\b(?:keep|make) (?:it|them|this|that|answers|your answers) (?:short(?:er)?|brief)\b"
    rf"|{TO_YOU}(?:be )?(?:more )?(?:brief|concise|shorter)\b|\bshorter (?:answers?|version|replies|reply)\b|shorter,? please"
    r"|tl;?dr|in one sentence\b",
}
LESS: Final = {
    "warmth": rf"(?:don't|no need to) (?:be so nice|flatter|comfort)|stop (?:flattering|comforting)|{IT_WAS} (?:sweet|cheesy)",
    "curiosity": r"stop asking me|(?:^|[.!?,;:] ?)stop asking\b|you ask(?:ed)? too many questions|don't ask me\b",
    "humour": rf"(?:that(?:'s| is| was)|you(?:'re| are)) not funny|no jokes|stop joking|{TO_YOU}be serious",
    "directness": rf"{IT_WAS} (?:harsh|blunt|direct)\b|{TO_YOU}be (?:gentle|kind|nicer)\b|that was (?:harsh|rude)",
    "brevity": rf"more detail|{TO_YOU}(?:elaborate|go deeper)\b|explain (?:more|further|in depth)|{IT_WAS} short|tell me more",
}
UP = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in MORE.items()}
DOWN = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in LESS.items()}

FULL: Final = 0.1
"""The share of turns with a sign at which an aspect goes to its bound: people say such things seldom."""


class Personality:
    """The cycle `personality`; `about` says what it does."""

    name: ClassVar[str] = "personality"
    about: ClassVar[str] = "Lets the assistant's own aspects drift, within bounds, towards what its people ask of it."
    needs_model: ClassVar[str] = ""
    follows: ClassVar[frozenset[str]] = frozenset({"turn"})

    def __init__(self, settings: PersonalitySettings, follower: Follower) -> None:
        self.settings = settings
        self.follower = follower

    async def work(self, work: Work) -> None:
        """Finish what was laid down, follow the feed, and take in what is new."""
        await batches.finish(work, self._drifted)
        await self.follower.catch_up(work)
        await work.commit(lambda connection: batches.lay_all(connection, self.name, self.settings.turns))
        await batches.finish(work, self._drifted)

    async def _drifted(self, work: Work, batch: Batch, turns: list[Memory]) -> Outcome:
        said = [turn for spoken in people_of(turns).values() for turn in spoken]
        read = await work.each([turn.text for turn in said], signs_in)
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


def signs_in(text: str) -> set[tuple[str, bool]]:
    """Of which aspects a text asks for more (True), and of which for less."""
    text = straight(text)
    return {(name, more) for more, signs in ((True, UP), (False, DOWN)) for name, sign in signs.items() if sign.search(text)}
