"""What can be drawn from talk without a model: sentences that sum up, and the words that recur. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from actors.daemon.own_words import own_sentences
from actors.memory.messages import Memory
from actors.text.languages import small_words
from actors.text.sentences import straight
from actors.text.stopwords import STOPWORDS

__all__ = ["Candidate", "Said", "candidates", "chosen", "content", "said_in", "themes"]

WORD = re.compile(r"[^\W\d_][\w'-]{2,}")
PERSON_WEIGHT, ASSISTANT_WEIGHT = 0.5, 0.2
POINTING = re.compile(r"(?:he|she|it|they|that|this|right|so)\b", re.IGNORECASE)
QUESTION_SHARE, POINTING_SHARE = 0.5, 0.7
"""What a question, or a sentence that points at what was said before it, is worth in a summary beside others."""

EMPTY = """
like really it's i'm i've i'll don't didn't doesn't can't won't isn't that's there's what's let's much many ours he's she's
we're we've you're get got one two yes yeah okay well think know want need make made going good great thing things time day
today way lot bit see say said tell told still even ever never always maybe please thanks thank
"""
SMALL = STOPWORDS | frozenset(EMPTY.split())
"""Words that say nothing of what somebody talks about."""


@dataclass(frozen=True, slots=True)
class Said:
    """A turn's text, who said it, and how much it weighs."""

    id: str
    text: str
    speaker: str
    weight: float = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, who said it, and its content words."""

    turn: Said
    sentence: str
    words: list[str]


def said_in(turns: Iterable[Memory]) -> list[Said]:
    """Turns of a talk that is to be summed up: what the assistant said weighs less than what its people did."""
    return [
        Said(
            turn.id, turn.text, turn.speaker or turn.role or "", ASSISTANT_WEIGHT if turn.role == "assistant" else PERSON_WEIGHT
        )
        for turn in turns
    ]


def candidates(turn: Said) -> list[Candidate]:
    """The sentences of a turn that may stand in a summary, by the words in them that are its speaker's own."""
    cut = [(sentence, content(own)) for sentence, own in own_sentences(turn.text)]
    return [Candidate(turn, sentence, words) for sentence, words in cut if len(words) >= 2]


def chosen(candidates: Sequence[Candidate], most: int) -> list[tuple[Said, str]]:
    """Of sentences those that say most of what all are about, in the order in which they were said.

    A sentence scores by the mean weight of its content words, each counted over all turns, damped for its length (as SumBasic,
    Nenkova and Vanderwende 2005), times the weight of its turn; what a chosen sentence has said counts less for the next.
    """
    worth = [found.turn.weight * share_of(found.sentence) for found in candidates]
    counts = Counter(word for found in candidates for word in found.words)
    total = sum(counts.values()) or 1
    weights = {word: count / total for word, count in counts.items()}
    best: list[int] = []
    while len(best) < min(most, len(candidates)):
        left = [place for place in range(len(candidates)) if place not in best]
        best.append(max(left, key=lambda place: (worth[place] * score(candidates[place].words, weights), -place)))
        for word in candidates[best[-1]].words:
            weights[word] **= 2

    return [(candidates[place].turn, candidates[place].sentence) for place in sorted(best)]


def share_of(sentence: str) -> float:
    """What a sentence is worth beside others, by its form."""
    asking = QUESTION_SHARE if sentence.endswith("?") else 1.0
    return asking * (POINTING_SHARE if POINTING.match(sentence) else 1.0)


def themes(
    turns: Sequence[tuple[Said, Iterable[str]]], most: int, *, is_left_out: Callable[[str], bool] = lambda _: False
) -> list[tuple[str, int, list[Said]]]:
    """Words that came up in most turns, weighed by the turns' importance: the word, in how many turns, and which.

    Turns come with their content words.
    """
    turns_by_word: dict[str, list[Said]] = {}
    for turn, words in turns:
        for word in sorted(set(words)):
            turns_by_word.setdefault(word, []).append(turn)

    recurring = [(word, found) for word, found in turns_by_word.items() if len(found) >= 2 and not is_left_out(word)]
    recurring.sort(key=lambda entry: (-sum(turn.weight for turn in entry[1]), entry[0]))
    return [(word, len(found), found) for word, found in recurring[:most]]


def content(text: str) -> list[str]:
    """The words of a text that say what it is about, in lower case."""
    text = straight(text)
    small = small_words(text)
    return [word for word in (found.lower() for found in WORD.findall(text)) if word not in SMALL and word not in small]


def score(words: Iterable[str], weights: dict[str, float]) -> float:
    values = [weights[word] for word in words]
    # Sentences of fewer than six content words are held back a little: a greeting repeated often would win otherwise.
    return sum(values) / max(6, len(values))
