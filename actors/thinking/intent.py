"""Intent: what a text seems to want, from rules alone. Knows no actor, no model, no database.

Rules are regular expressions with a weight each. An intent's score is `1 - product(1 - weight)` over the rules that match
(a noisy or: several weak signs make a strong one, and none makes certain). They read English; other languages get the
fallback with a low confidence, which says so.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from actors.thinking.messages import INTENTS
from actors.thinking.signs import RULES

__all__ = ["Intent", "intent_of"]

LONGEST = 4_000
"""Characters that are looked at: the first and last half of this. What people want stands at either end of what they paste."""

LONGEST_SENTENCE = 500
"""Characters of a sentence that are looked at: some rules take time quadratic in it. With it the worst text that was tried
("write " over and over) took 2 ms, without it 63 ms."""

FALLBACK = 0.2
"""Score of the fallback when no rule matches: a question asks, a statement chats."""

MIXED_FROM = 0.5
"""A text is mixed when two of its sentences have different winners that both score at least this. Chosen on the tuning half
of tests/thinking/intents.jsonl."""

SENTENCE = re.compile(
    r"(?<=[.!?;])\s+|,? and (?:also |then )?(?=i\b|i'm|can\b|could|what|when|how|please|tell|compose|write)"
    r"|, (?=please|i'm|i feel|but |so how|which|who)"
)
"""Where sentences, or halves of them that want something of their own, are parted."""


class Intent(NamedTuple):
    """The intent, its confidence in [0, 1], and every intent's score in [0, 1]."""

    name: str
    confidence: float
    scores: dict[str, float]


def intent_of(text: str) -> Intent:
    """The intent of a text.

    The confidence is the winner's score times its share of the two best, so that a close second halves it.
    """
    seen = excerpt(text)
    scores = dict.fromkeys(INTENTS, 0.0)
    winners: dict[str, float] = {}

    for sentence in SENTENCE.split(seen):
        found = scored(sentence[:LONGEST_SENTENCE])
        for intent, score in found.items():
            scores[intent] = 1 - (1 - scores[intent]) * (1 - score)
        if found:
            winner = max(found, key=lambda name: found[name])
            winners[winner] = max(winners.get(winner, 0.0), found[winner])

    if not winners:
        scores["information_seeking" if "?" in seen else "social_interaction"] = FALLBACK

    strong = sorted((score for score in winners.values() if score >= MIXED_FROM), reverse=True)
    if len(strong) > 1:
        scores["mixed"] = strong[1]
        return Intent("mixed", round(strong[1], 3), rounded(scores))

    first, second = sorted(scores, key=lambda name: (-scores[name], name))[:2]
    share = scores[first] / (scores[first] + scores[second])
    return Intent(first, round(scores[first] * share, 3), rounded(scores))


def scored(sentence: str) -> dict[str, float]:
    """The score of every intent with a rule that matches."""
    scores: dict[str, float] = {}
    for intent, weight, pattern in RULES:
        if pattern.search(sentence):
            scores[intent] = 1 - (1 - scores.get(intent, 0.0)) * (1 - weight)
    return scores


def excerpt(text: str) -> str:
    """The ends of a text in lower case, with one kind of apostrophe and single spaces."""
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} {text[-LONGEST // 2 :]}"
    return " ".join(text.lower().replace("\u2019", "'").split())


def rounded(scores: dict[str, float]) -> dict[str, float]:
    """Scores with three digits."""
    return {name: round(score, 3) for name, score in scores.items()}
