"""Relevance: which memories, and which contradictions, have to do with a question at all. Knows no actor.

Recall answers what is nearest, however far away that is. A model passes over what has nothing to do with the question; an
answer from memory alone would quote it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from actors.memory.messages import Recollection
from actors.paradox.messages import Paradox, Side
from actors.text.stopwords import STOPWORDS
from actors.thinking.talk import ends_of, plain

__all__ = ["bearing", "relevant"]

NEAR: Final = 0.4
"""`Recollection.nearness` from which a memory is about a question that shares no word with it. Tried on a dozen questions about
a dozen sentences: what answered them came to 0.40 and more, all else to 0.36 at most, once greetings were out of the way."""

COURTESY: Final = re.compile(
    r"\b(?:hello+|hi+|hey+|hiya|howdy|greetings|good (?:morning|afternoon|evening|night|day)"
    r"|how are (?:you|things)(?: doing| today)?|how(?: i|')s it going|what's up|nice to (?:meet|see) you"
    r"|are you (?:there|back|ok|okay)|thank you|thanks|thx|please|welcome"
    r"|bye|goodbye|see you(?: later| soon)?|ok|okay|yes|no|sure|cheers)\b",
    re.IGNORECASE,
)
"""What is said for the sake of saying it, and asks for nothing."""

WORD: Final = re.compile(r"[^\W_]+")
STEM: Final = 4
"""Letters that two forms of a word share at least."""

ENDING: Final = 3
"""Letters that may differ at their ends."""


def relevant(question: str, memories: Sequence[Recollection]) -> tuple[Recollection, ...]:
    """Those that share a word with the question which carries a topic, or are near to it in meaning; in order, each text once.

    Of a greeting there are none.
    """
    rest = COURTESY.sub(" ", ends_of(question))
    asked = words_of(rest)
    if not asked and not WORD.search(rest):
        return ()

    once = {plain(memory.text): memory for memory in reversed(memories)}
    return tuple(
        memory
        for memory in memories
        if once[plain(memory.text)] is memory and (is_near(memory) or shares_word(asked, words_of(ends_of(memory.text))))
    )


def bearing(
    question: str, tensions: Sequence[Paradox], recalled: Sequence[Recollection], seen: frozenset[str]
) -> tuple[Paradox, ...]:
    """Tensions of which a side shares a topic with the question, was recalled as being about it, or is `seen` in this talk.

    What is at odds somewhere else in a life is no use to whoever asks for a recipe, and makes an assistant harp on it.
    """
    asked = words_of(COURTESY.sub(" ", ends_of(question)))
    near = {memory.id for memory in relevant(question, recalled)}

    def bears(side: Side) -> bool:
        return side.memory in near or plain(side.text) in seen or shares_word(asked, words_of(ends_of(side.text)))

    return tuple(paradox for paradox in tensions if bears(paradox.earlier) or bears(paradox.later))


def is_near(memory: Recollection) -> bool:
    """Whether it is near in meaning, as far as that is known."""
    return memory.nearness is not None and memory.nearness >= NEAR


def words_of(text: str) -> frozenset[str]:
    """Words that carry a topic."""
    return frozenset(WORD.findall(text.lower())) - STOPWORDS


def shares_word(asked: frozenset[str], words: frozenset[str]) -> bool:
    """Whether a word of one is a word of the other, or a form of it."""
    if not asked.isdisjoint(words):
        return True
    if any(f"{word}s" in words or word.removesuffix("s") in words for word in asked):
        return True

    # Other forms begin alike: of two long texts, not each word is held against each.
    alike: dict[str, list[str]] = {}
    for word in words:
        alike.setdefault(word[:STEM], []).append(word)
    return any(is_form_of(one, other) for one in asked for other in alike.get(one[:STEM], ()))


def is_form_of(one: str, other: str) -> bool:
    """Whether two words begin alike and differ by an ending; short ones by a plural's alone."""
    shorter, longer = sorted((one, other), key=len)
    if longer == f"{shorter}s":
        return True

    kept = max(STEM, len(shorter) - ENDING)
    return len(shorter) >= STEM and len(longer) - len(shorter) <= ENDING and longer.startswith(shorter[:kept])
