"""What is denied to exist, against what is taken for granted: "I have no car" and "somebody scratched my car"."""

from __future__ import annotations

import re
from functools import lru_cache

from actors.paradox.judging.words import STOPWORDS, stem

__all__ = ["absent", "implied", "practised", "present"]

ABSENT = re.compile(
    r"\b(?:i|we) (?:do|did) not (?:own|have|keep|possess)(?: got)? (?:(?:an?|any|the) )?(?P<a>[\w-]+(?: [\w-]+)?)"
    r"|\b(?:i|we) have(?: got)? (?:no|not got an?|not got any|never had an?|never owned an?) (?P<b>[\w-]+(?: [\w-]+)?)"
    r"|\bthere is (?:no|not an?|not any) (?P<c>[\w-]+(?: [\w-]+)?) (?:in|at) (?:my|our)\b"
    r"|\bnever (?:owned|had|needed|kept) an? (?P<d>[\w-]+(?: [\w-]+)?)"
)
PRESENT = re.compile(
    r"\b(?:my|our) (?:own |new |old |older |younger |big |little |back |front |only )*(?P<a>[\w-]+(?: [\w-]+)?)"
    r"|\b(?:i|we) (?:have|own|keep|bought)(?: got)? (?:an?|two|three|four|five|some|several|the|\d+) (?P<b>[\w-]+(?: [\w-]+)?)"
)
# Words that stand for each other when it is about having one.
KINDS = {
    stem(word): kind
    for kind, words in {
        "pet": "pet animal dog cat puppy kitten rabbit hamster parrot goldfish",
        "child": "child son daughter baby toddler twins",
        "sibling": "sibling brother sister",
        "spouse": "husband wife spouse",
        "partner": "boyfriend girlfriend partner fiance fiancee",
        "garden": "garden lawn backyard flowerbed",
        "car": "car",
        "colleague": "cofounder co-founder",
        "licence": "licence license",
    }.items()
    for word in words.split()
}
PAST_ACT = re.compile(
    r"\b(?:when i|back when|i (?:\w+ed|was|had|ran|grew|drove|swam|ate|drank|wrote|read|spoke|flew|went"
    r"|met|first)|the first|first)\b"
)


@lru_cache(maxsize=4096)
def absent(text: str) -> frozenset[str]:
    """What the speaker says they do not have."""
    return nouns(ABSENT, text)


@lru_cache(maxsize=4096)
def present(text: str) -> frozenset[str]:
    """What the speaker has, or takes for granted by saying "my"."""
    return nouns(PRESENT, text) - absent(text)


def implied(old: str, new: str) -> str | None:
    """What one has not and the other has: its word, or None."""
    common = absent(old) & present(new) or present(old) & absent(new)
    return min(common) if common else None


def practised(text: str) -> bool:
    """Whether something done is told, against a "never"."""
    return PAST_ACT.search(text) is not None


def nouns(pattern: re.Pattern[str], text: str) -> frozenset[str]:
    found: set[str] = set()
    for match in pattern.finditer(text):
        phrase = next(group for group in match.groups() if group)
        words = [stem(word) for word in phrase.split() if word not in STOPWORDS]
        found.update(words[:1] if len(words) < 2 else [" ".join(words), words[0]])

    return frozenset(KINDS.get(word, word) for word in found)
