"""What can be drawn from talk without a model: sentences that tell a fact, that sum up, and the words that recur. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from actors.memory.messages import Memory
from actors.text.languages import small_words
from actors.text.sentences import sentences, straight
from actors.text.stopwords import STOPWORDS

__all__ = ["Candidate", "Said", "candidates", "chosen", "content", "facts", "said_in", "themes"]

WORD = re.compile(r"[^\W\d_][\w'-]{2,}")
DOES = (
    "live|lived|work|worked|study|studied|speak|own|like|love|hate|prefer|enjoy|play|moved|grew|eat|drink|teach|swim|collect|sing"
    "|paint|used to|quit|gave up|stopped|started|bought|sold|adopted|married|graduated|retired|broke my|lost my"
    "|got (?:a|an|married|engaged|divorced|promoted)|don't (?:eat|drink|like|have|own|speak|smoke)"
    "|can't (?:eat|stand|drive|swim)"
)
OTHERS_DO = (
    "is|are|was|were|has|have|had|lives?|lived|works?|worked|called|named|needs?|loves?|likes?|hates?|wants?|got|moved|died|plays?"
    "|studies|studied|speaks?|teaches|turned|left|quit|started|bought|visits?"
)
FACT = re.compile(
    rf"\b(?:I'm|im (?:a|an|from|not)|I am|I was|I(?:'ve| have)(?! (?:got )?to\b)|I(?: [\w']+)? (?:{DOES})"
    rf"|(?:my|our) [\w' -]{{1,40}}? (?:{OTHERS_DO})|we(?:'ve| have(?! to\b)|'re| are| live| moved| own))\b",
    re.IGNORECASE,
)
# Whoever says who they are needs two words for it: "I'm Mara."
NAMED = re.compile(r"(?:\w+,? )?I(?:'m| am) [A-Z][^\W\d_]+\W*")
FEELINGS = (
    "sorry|sure|afraid|glad|happy|fine|here|back|ok|okay|good|great|stressed|nervous|exhausted|tired|sad|excited|scared|angry|worried"
    "|bored|hungry|thirsty|sick of|over the moon|done|lost|confused|surprised|proud|ready|late|off to|upset|annoyed|curious"
)
POINTED_AT = "it|this|that|them|him|her|you|your|those|these|the idea"
# What tells nothing lasting: how one feels, what one is about to do, manners, and what points at something said before.
PASSING = re.compile(
    rf"\b(?:I'?m|I am|I was|I feel) (?:(?:so|very|really|still|pretty|quite|a bit|just|super|too|as) )*(?:{FEELINGS})\b"
    r"|\b(?:I'?m|I am|I was) (?:just|going to|not sure|wondering|thinking|trying|asking)\b"
    r"|\b(?:if|would|could|maybe|perhaps|wish|imagine|suppose)\b"
    r"|\b(?:today|tonight|right now|at the moment|this (?:morning|evening))\b"
    rf"|\bI(?: really| just| also| still)? (?:love|like|hate|prefer|own|play|eat|drink|got) (?:{POINTED_AT})\b"
    r"|\bI(?:'ve| have)(?: got)? (?:no idea|a question|an idea)\b|\b(?:doing|feeling) (?:well|fine|good|great|better)\b",
    re.IGNORECASE,
)
OTHERS_START = re.compile(rf"(?:[\w']+ )??(?:{OTHERS_DO})\b")
QUOTED = re.compile(r'"[^"]*"')
SOMEBODY = re.compile(rf"\b(?:my|our) [\w' -]{{1,40}}? (?:{OTHERS_DO})\b", re.IGNORECASE)
FURTHER = re.compile(rf"(?:he|she|they|his|her|their)\b(?:'s|'re|'ve| (?:[\w']+ ){{0,2}}?(?:{OTHERS_DO}))\b", re.IGNORECASE)
"""A sentence that goes on about whom the one before named."""

PERSON_WEIGHT, ASSISTANT_WEIGHT = 0.5, 0.2
LONGEST_FACT = 40
"""Words of a fact."""

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


def facts(text: str, *, names: frozenset[str] = frozenset()) -> list[str]:
    """The sentences of a turn that tell something lasting about the speaker, as they were said.

    So do sentences about the people and animals of theirs whose `names` are known. What goes on about somebody ("He's a
    beagle.") stands with the sentence that says of whom it speaks.
    """
    found: list[str] = []
    about: str | None = None
    for sentence in sentences(text):
        read = QUOTED.sub("", straight(sentence))
        length = len(sentence.split())
        if about is not None and FURTHER.match(read) and not is_passing(read):
            if len(about.split()) + length <= LONGEST_FACT:
                found = [*(one for one in found if one != about), f"{about} {sentence}"]
                about = found[-1]
            continue

        named = starts_with_name(read, names)
        about = sentence if (SOMEBODY.search(read) or named) and not read.endswith("?") else None
        if is_passing(read) or length > LONGEST_FACT:
            continue
        if NAMED.fullmatch(read) or (length >= 3 and (FACT.search(read) or named)):
            found.append(sentence)

    return found


def is_passing(sentence: str) -> bool:
    """Whether a sentence tells nothing that lasts."""
    return sentence.endswith("?") or PASSING.search(sentence) is not None


def starts_with_name(sentence: str, names: frozenset[str]) -> bool:
    """Whether it says of somebody of that name what they are or do."""
    first, _, rest = sentence.partition(" ")
    return first.removesuffix("'s") in names and (first not in names or OTHERS_START.match(rest) is not None)


def candidates(turn: Said) -> list[Candidate]:
    """The sentences of a turn that may stand in a summary."""
    cut = [(sentence, content(sentence)) for sentence in sentences(turn.text)]
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
