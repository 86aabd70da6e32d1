"""What sentences tell of plans and goals that are behind somebody: done, reached, dropped or called off. Pure; English.

Something is done where it is told in the past with the verb of the plan: "I'll book the flights", and then "Booked!".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from actors.daemon.extract import content
from actors.daemon.interests import is_everyday, stems
from actors.daemon.own_words import own_sentences

__all__ = ["GIVEN_UP", "Ending", "endings"]

GIVEN_UP: Final = re.compile(
    r"\b(?:gave up|giving up|given up|no longer|not any ?more|don't want|changed my mind|cancell?ed"
    r"|called (?:[\w-]+ ){0,4}?off"
    r"|quit|finished|finally did|made it|passed|completed|won't)\b",
    re.IGNORECASE,
)
UNREAL: Final = re.compile(r"\b(?:if|wish|imagine|suppose|used to|wanted|joking|kidding)\b", re.IGNORECASE)
FIGURE: Final = re.compile(r"\b\d\w*")
LEADING: Final = r"(?:\w+[,!.:]? ){0,2}?(?:(?:I|we)(?:'ve| have)? (?:(?:just|finally|already|also|both) )*)?"
PAST: Final = re.compile(
    rf"^{LEADING}(?P<past>[a-z]+ed|told|ran|bought|went|saw|seen|met|wrote|written|sent|made|found|sold|paid|got|swam|drove|flew|rode"
    r"|read|did|done|gave|took|left|spoke|built|cut|won|began|had|came|sang|taught|thought|chose|hung|put|set)\b",
    re.IGNORECASE,
)
"""A sentence that begins with what somebody did: "I've called him", "Booked!", "Ran 15 km"."""

IRREGULAR: Final = {
    "told": "tell",
    "ran": "run",
    "bought": "buy",
    "went": "go",
    "saw": "see",
    "seen": "see",
    "met": "meet",
    "wrote": "write",
    "written": "write",
    "sent": "send",
    "made": "make",
    "found": "find",
    "sold": "sell",
    "paid": "pay",
    "got": "get",
    "swam": "swim",
    "drove": "drive",
    "flew": "fly",
    "rode": "ride",
    "read": "read",
    "did": "do",
    "done": "do",
    "gave": "give",
    "took": "take",
    "left": "leave",
    "spoke": "speak",
    "built": "build",
    "cut": "cut",
    "won": "win",
    "began": "begin",
    "had": "have",
    "came": "come",
    "sang": "sing",
    "taught": "teach",
    "thought": "think",
    "chose": "choose",
    "hung": "hang",
    "put": "put",
    "set": "set",
}
INTENDED: Final = re.compile(
    r"(?:\b(?:I|we)(?:'ll| will)|\b(?:going|want|have|need|like|love|plan|planning|hope|hoping|intend|decided|got"
    r"|promised|mean) to"
    r"|\b(?:must|should)) (?:(?:finally|also|really|then|just|still) )*(?P<verb>[a-z]+)|(?:\bI'm|\bI am|\bwe're"
    r"|\bwe are) (?P<doing>(?!going to)[a-z]+ing)\b",
    re.IGNORECASE,
)
"""A plan's verb."""

VAGUE: Final = frozenset({"do", "be", "have", "get", "go", "try", "make"})
"""Verbs that anything may be told with: the rest has to be the same."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A sentence that tells of an end: its words, and the verb in which it tells that something was done, if it does."""

    words: frozenset[str]
    done: frozenset[str] = frozenset()
    """What its verb may be a form of."""

    def is_of(self, plan: str) -> bool:
        """Whether a plan or a goal is what has ended."""
        planned = words_of(plan)
        if not self.done:
            return not planned.isdisjoint(self.words)

        verbs = verbs_of(plan) & self.done
        if not verbs:
            return False
        figures, mine = ({word for word in words if word[0].isdigit()} for words in (planned, self.words))
        if figures and mine:
            return not figures.isdisjoint(mine)
        one, other = (things(words, verbs) for words in (planned, self.words))
        if not one.isdisjoint(other):
            return True
        return (not one or not other) and verbs.isdisjoint(VAGUE)


def endings(text: str) -> tuple[Ending, ...]:
    """The sentences that tell that something is done, reached, dropped or over."""
    found = []
    for _, own in own_sentences(text):
        if own.endswith("?") or UNREAL.search(own):
            continue
        if GIVEN_UP.search(own):
            found.append(Ending(words_of(own)))
        elif (told := PAST.match(own)) is not None:
            found.append(Ending(words_of(own), bases_of(told["past"].lower())))
    return tuple(found)


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """Content words, and figures: "10k", "42"."""
    return frozenset({*content(text), *(found.lower() for found in FIGURE.findall(text))})


def bases_of(past: str) -> frozenset[str]:
    """What a verb in the past may be a form of."""
    return frozenset({IRREGULAR[past]}) if past in IRREGULAR else frozenset(stems(past)) - {past}


@lru_cache(maxsize=4096)
def verbs_of(plan: str) -> frozenset[str]:
    """The verbs of what somebody means to do."""
    found: set[str] = set()
    for one in INTENDED.finditer(plan):
        found |= {one["verb"].lower()} if one["verb"] else set(stems(one["doing"].lower()))
    return frozenset(found)


@lru_cache(maxsize=4096)
def things(words: frozenset[str], verbs: frozenset[str]) -> frozenset[str]:
    """What is done something with: no verb of it, no time, nothing that everybody says."""
    return frozenset(
        word for word in words if not is_everyday(word) and verbs.isdisjoint(stems(word)) and not bases_of(word) & verbs
    )
