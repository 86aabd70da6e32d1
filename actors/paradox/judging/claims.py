"""What a text claims: of several sentences those that assert something, each in a mood of its own.

"I moved to Vienna. I wish you could see the flat! Can you find me a gym?" claims the first, and asks for something. A joke
takes back all that was said with it, and what is told within a dream or a film stays within. A question stays with the answer
that leans on it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from actors.paradox.judging import change, modality, quantities
from actors.paradox.judging.words import content, normalise, tokens
from actors.text.sentences import sentences

__all__ = ["claims", "mood"]

QUOTES = re.compile(r"[\"\u201c\u201d]")
LEANS = re.compile(r"\b(?:it|its|they|them|their|he|him|his|she|her|that|this|these|those|there|one|ones)\b")


def claims(text: str) -> list[str]:
    """What is claimed, one thing each: a sentence, with those before it that it leans on; the whole text where nothing is."""
    read = moods(text)
    if len(read) < 2:
        return [text]
    found: list[str] = []
    before: list[str] = []
    """What has asserted nothing since the last claim: a question may say what its answer is about."""

    for sentence, mood_of_it in read:
        if not is_claim(sentence, mood_of_it):
            before.append(sentence)
            continue
        asks = asking(sentence)
        if asks or not leaning(sentence):
            found.append(sentence)
        elif before or not found:
            found.append(" ".join([*before, sentence]))
        else:
            found[-1] += f" {sentence}"
        before = []
    return found or [text]


def mood(text: str) -> str | None:
    """Why a text asserts nothing; None where one of its sentences does."""
    read = moods(text)
    if len(read) < 2:
        return read[0][1] if read else modality.of("")
    if any(is_claim(sentence, mood_of_it) for sentence, mood_of_it in read):
        return None
    return next((mood_of_it for _, mood_of_it in read if mood_of_it is not None), None)


@lru_cache(maxsize=4096)
def moods(text: str) -> tuple[tuple[str, str | None], ...]:
    """The sentences, each with why it asserts nothing, if so."""
    normal = normalise(text)
    cut = unquoted(sentences(text))
    if modality.taken_for_a_joke(normal):
        return tuple((sentence, "joke") for sentence in cut)
    found: list[tuple[str, str | None]] = []
    within: str | None = None
    for sentence in cut:
        normal = normalise(sentence)
        mood_of_it = modality.of(normal) or within
        if mood_of_it is not None and modality.frames(normal):
            within = mood_of_it
        found.append((sentence, mood_of_it))
    return tuple(found)


def unquoted(cut: list[str]) -> list[str]:
    """Sentences of one quotation are one."""
    whole: list[str] = []
    for sentence in cut:
        if whole and len(QUOTES.findall(whole[-1])) % 2:
            whole[-1] += f" {sentence}"
        else:
            whole.append(sentence)
    return whole


def is_claim(sentence: str, mood_of_it: str | None) -> bool:
    """Whether it asserts something that others could be at odds with; "Oh well." does not."""
    if mood_of_it is not None:
        return False
    normal = normalise(sentence)
    said = content(tokens(normal)) or quantities.find(normal)
    return bool(said) or change.correction(normal) or change.retort(normal)


def asking(sentence: str) -> bool:
    """Whether the other one is asked for something: that says nothing of what was told before it."""
    normal = normalise(sentence)
    return modality.request(normal) and (normal.rstrip().endswith("?") or "please" in tokens(normal))


def leaning(sentence: str) -> bool:
    """Whether a sentence says little without those before it."""
    normal = normalise(sentence)
    return LEANS.search(normal) is not None or len(content(tokens(normal))) < 2
