"""Negations and opposites: what one statement affirms and the other denies."""

from __future__ import annotations

import re

from actors.paradox.judging.lexicon import BAD, GOOD, OPPOSITES, SAID_WITH_NO
from actors.paradox.judging.words import content, tokens

__all__ = ["denied", "opposed", "sentiments"]

NEGATION = re.compile(
    r"\b(not|no|never|nobody|none|nothing|neither|nor|without|hardly|barely|rarely|seldom|scarcely|nowhere|skipped|refused? to"
    r"|failed to|stopped(?= \w+ing)|unable to"
    r"|far from)\b"
)
# Words that end a negation's reach.
CLAUSE_END = re.compile(r"[,.;:!?]|\b(but|because|since|although|though|so|and (?:i|he|she|we|they|it)|until|just|only)\b")
# "Not only", "not just", "no doubt", "why not" deny nothing of what follows; "not everyone came" not that some did. What one
# "can't wait" to do one is going to do, what one "couldn't agree more" with one affirms, and "don't worry" is no statement.
EMPTY = re.compile(
    r"\bnot (just|only|merely|simply|quite|necessarily|sure|all|every\w*|always|both)\b"
    rf"|\bno ({SAID_WITH_NO}|limits?)\b|\bwhy not\b"
    r"|\bcan not (wait|believe|help (but|\w+ing)|thank|imagine|stress|(get|say) enough|recommend (\w+ )+enough)\b"
    r"|\bcould not (wait|believe|help (but|\w+ing)|(agree|ask for|have asked for) more|be (happier|prouder|better|more)"
    r"|have done (it|this|that) without)\b"
    r"|\bdo not (worry|forget|hesitate|give up|quit|hold back|get me wrong|be (afraid|shy|sorry|sad|so hard))\b"
)


def denied(text: str) -> frozenset[str]:
    """Stems that stand in the reach of a negation in a normalised text; a second negation in the same clause takes it back."""
    found: set[str] = set()
    text = EMPTY.sub(" ", text)
    for clause in clauses(text):
        parts = NEGATION.split(clause)
        if len(parts) < 3:
            continue
        for position, part in enumerate(parts[2::2]):
            if position % 2 == 0:
                found |= content(tokens(part))
        if parts[1] in {"nobody", "none", "nothing", "no", "neither"} and not found:
            found |= content(tokens(parts[0]))

    return frozenset(found)


def clauses(text: str) -> list[str]:
    """The text cut where a negation's reach ends."""
    cut: list[str] = []
    start = 0
    for end in CLAUSE_END.finditer(text):
        cut.append(text[start : end.start()])
        start = end.end()

    cut.append(text[start:])
    return cut


def opposed(one: frozenset[str], one_denied: frozenset[str], other: frozenset[str], other_denied: frozenset[str]) -> str | None:
    """A pair of opposites, both affirmed, one on each side: `open/close`; None when there is none."""
    for word in one - one_denied:
        for opposite in OPPOSITES.get(word, ()):
            if opposite in other and opposite not in other_denied and word not in other:
                return f"{word}/{opposite}"

    return None


def sentiments(affirmed: frozenset[str], negated: frozenset[str]) -> int:
    """+1 when only praise is said, -1 when only blame, 0 otherwise."""
    praise = len(affirmed & GOOD) + len(negated & BAD)
    blame = len(affirmed & BAD) + len(negated & GOOD)
    return (praise > 0) - (blame > 0) if not (praise and blame) else 0
