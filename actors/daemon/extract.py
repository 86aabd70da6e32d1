"""What can be drawn from talk without a model: sentences that tell a fact, that sum up, and the words that recur. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from actors.sentences import sentences
from actors.stopwords import STOPWORDS

__all__ = ["Said", "facts", "salient", "themes"]

WORD = re.compile(r"[^\W\d_][\w'-]{2,}")
FACT = re.compile(
    r"\b(?:I'?m|I am|I was|I(?:'ve| have)|I(?: \w+)? (?:live|work|study|speak|own|like|love|hate|prefer"
    r"|play|moved|grew|eat|drink)"
    r"|(?:my|our) [\w' -]{1,40}? (?:is|are|was|were|has|have|lives?|works?|called|named)|we(?:'ve| have"
    r"|'re| are| live| moved| own))\b",
    re.IGNORECASE,
)
# What tells nothing lasting: how one feels at the moment, what one is about to do, and manners.
PASSING = re.compile(
    r"\b(?:I'?m|I am) (?:sorry|sure|afraid|glad|happy to|just|going to|not sure|wondering|trying|asking"
    r"|curious|fine|here|back|ok)\b"
    r"|\b(?:if|would|could|maybe|perhaps|wish|imagine|suppose)\b"
    r"|\b(?:today|tonight|right now|at the moment|this (?:morning|evening))\b",
    re.IGNORECASE,
)
EMPTY = """
like really it's i'm i've i'll don't didn't doesn't can't won't isn't that's there's what's let's much many ours he's she's
we're we've you're get got one two yes yeah okay well think know want need make made going good great thing things time day
today way lot bit see say said tell told still even ever never always maybe please thanks thank
"""
SMALL = STOPWORDS | frozenset(EMPTY.split())
"""What says nothing of what somebody talks about."""


@dataclass(frozen=True, slots=True)
class Said:
    """A turn's text, who said it, and how much it weighs."""

    id: str
    text: str
    speaker: str
    weight: float = 0.5


def facts(text: str) -> list[str]:
    """The sentences of a turn that tell something lasting about the speaker, as they were said."""
    found: list[str] = []
    for sentence in sentences(text):
        words = sentence.split()
        if 3 <= len(words) <= 40 and not sentence.endswith("?") and FACT.search(sentence) and not PASSING.search(sentence):
            found.append(sentence)

    return found


def salient(turns: Sequence[Said], most: int) -> list[tuple[Said, str]]:
    """The sentences that say most of what the turns are about, in the order in which they were said.

    A sentence scores by the mean weight of its content words, each counted over all turns, damped for its length (as SumBasic,
    Nenkova and Vanderwende 2005); what a chosen sentence has said counts less for the next.
    """
    candidates = [(turn, sentence, content(sentence)) for turn in turns for sentence in sentences(turn.text)]
    candidates = [(turn, sentence, words) for turn, sentence, words in candidates if len(words) >= 2]
    counts = Counter(word for _, _, words in candidates for word in words)
    total = sum(counts.values()) or 1
    weights = {word: count / total for word, count in counts.items()}
    chosen: list[int] = []
    while len(chosen) < min(most, len(candidates)):
        left = [place for place in range(len(candidates)) if place not in chosen]
        best = max(left, key=lambda place: (score(candidates[place][2], weights), -place))
        chosen.append(best)
        for word in candidates[best][2]:
            weights[word] **= 2

    return [(candidates[place][0], candidates[place][1]) for place in sorted(chosen)]


def themes(turns: Sequence[Said], most: int) -> list[tuple[str, int, list[Said]]]:
    """Words that came up in most turns, weighed by the turns' importance: the word, in how many turns, and which."""
    turns_by_word: dict[str, list[Said]] = {}
    for turn in turns:
        for word in sorted(set(content(turn.text))):
            turns_by_word.setdefault(word, []).append(turn)

    recurring = [(word, found) for word, found in turns_by_word.items() if len(found) >= 2]
    recurring.sort(key=lambda entry: (-sum(turn.weight for turn in entry[1]), entry[0]))
    return [(word, len(found), found) for word, found in recurring[:most]]


def content(text: str) -> list[str]:
    return [word for word in (found.lower() for found in WORD.findall(text)) if word not in SMALL]


def score(words: Iterable[str], weights: dict[str, float]) -> float:
    values = [weights[word] for word in words]
    # Sentences of fewer than six content words are held back a little: a greeting repeated often would win otherwise.
    return sum(values) / max(6, len(values))
