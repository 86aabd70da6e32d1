"""A statement read once: words, denials, whether it asserts, whom it is about, figures. The rules compare two of these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from actors.paradox.judging import polarity, quantities, subject
from actors.paradox.judging.claims import mood
from actors.paradox.judging.lexicon import FAMILIES
from actors.paradox.judging.quantities import Quantity
from actors.paradox.judging.subject import Subject
from actors.paradox.judging.words import content, normalise, stem, tokens

__all__ = ["Reading", "read"]

NAME = re.compile(r"(?<![.!?\u2026:] )(?<!^)\b[A-Z][\w'-]*[a-z]\w*")


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement as the rules see it."""

    written: str
    """As it was written."""

    text: str
    """In small letters, contractions spelt out."""

    words: tuple[str, ...]
    stems: frozenset[str]
    """What it is about: its content words, brought to their base forms."""

    families: frozenset[str]
    """The topics that its words belong to."""

    names: frozenset[str]
    """Stems of words written with a capital inside a sentence."""

    denied: frozenset[str]
    """Stems inside the reach of a negation."""

    modality: str | None
    """None for a plain assertion, else why it asserts nothing."""

    subject: Subject
    quantities: tuple[Quantity, ...]
    speaker: str | None
    time: datetime | None

    @property
    def affirmed(self) -> frozenset[str]:
        """Stems outside of every negation."""
        return self.stems - self.denied


def read(text: str, speaker: str | None = None, time: datetime | None = None) -> Reading:
    """What a statement says, as far as the rules can tell. The same text is analysed once."""
    text = text[:4096]
    words, found, families, names, denied, its_modality, its_subject, figures, normal = analyse(text)
    return Reading(text, normal, words, found, families, names, denied, its_modality, its_subject, figures, speaker, time)


Analysis = tuple[
    tuple[str, ...],
    frozenset[str],
    frozenset[str],
    frozenset[str],
    frozenset[str],
    str | None,
    Subject,
    tuple[Quantity, ...],
    str,
]


@lru_cache(maxsize=4096)
def analyse(text: str) -> Analysis:
    normal = normalise(text)
    words = tokens(normal)
    found = content(words)
    families = frozenset[str]().union(*(FAMILIES.get(word, frozenset()) for word in found))
    names = frozenset(stem(name.lower().removesuffix("'s")) for name in NAME.findall(text)) & found
    figures = quantities.find(normal)
    return (
        words,
        found,
        families,
        names,
        polarity.denied(normal),
        mood(text),
        subject.of(normal, text),
        figures,
        normal,
    )
