"""Rules and classifier weighed together: one verdict, and how probable it is that the two are at odds.

Two logistic regressions over a few figures (weights.json, made by training/paradox/weigh.py): is the pair at odds, and if so,
is it an update. Knows what rules and network say, not how they come to it.
"""

from __future__ import annotations

import json
import math
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from actors.paradox.classifier.model import Opinion
from actors.paradox.judging import change
from actors.paradox.judging.pair import Judgement, Pair

__all__ = ["CONFLICT_FROM", "WEIGHTS", "Weights", "features", "signs", "weigh"]

WEIGHTS = Path(__file__).with_name("weights.json")

CONFLICT_FROM = 0.25
"""Probabilities below this are doubts, not conflicts. On our own scenarios, cross-validated, conflict F1 and
false alarms are .81 and .19 at .20, .80 and .18 at .25, .80 and .17 at .30."""

RELATED_FROM = 0.5
"""From which two statements are about the same: three parts what the classifier says, one part the words they share."""

AT_ONCE = timedelta(minutes=10)
"""A word like "no" leans on what was said about so long ago."""

SURE = ("rules out", "has and has not", "slot", "quantifiers", "a retort", "never")
"""Rules that look for one thing and seldom find it where it is not."""

Weights = dict[str, dict[str, float]]


def weigh(pair: Pair, ruled: Judgement, opinion: Opinion, weights: Weights | None = None) -> Judgement:
    """The verdict on a pair from what the rules and the classifier say of it; with the weights that ship, if none are given."""
    weights = read_weights() if weights is None else weights
    conflict = logistic(features(pair, ruled, opinion), weights["conflict"])
    if conflict >= CONFLICT_FROM:
        is_update = logistic(signs(pair, ruled, opinion), weights["update"]) >= 0.5
        by_rule = ruled.verdict in ("contradiction", "update")
        why = f"{ruled.why}; classifier {opinion.conflict:.2f}" if by_rule else f"classifier {opinion.conflict:.2f}"
        return Judgement("update" if is_update else "contradiction", round(conflict, 4), why, ruled.overlap, conflict)

    related = 0.75 * opinion.compatible / (opinion.compatible + opinion.unrelated) + 0.25 * min(1.0, 2 * pair.overlap)
    if related >= RELATED_FROM:
        return Judgement("compatible", round(related, 4), reason(ruled), ruled.overlap, conflict)
    return Judgement("unrelated", round(1 - related, 4), reason(ruled), ruled.overlap, conflict)


def reason(ruled: Judgement) -> str:
    """A rule that found them at odds was outweighed; one that explains why they are not still does."""
    return "outweighed" if ruled.verdict in ("contradiction", "update") else ruled.why


def features(pair: Pair, ruled: Judgement, opinion: Opinion) -> dict[str, float]:
    """What is weighed for whether they are at odds, by name; few, so that a hundred scenarios are enough to weigh them."""
    at_odds = ruled.verdict in ("contradiction", "update")
    gap = timedelta(days=7) if pair.old.time is None or pair.new.time is None else pair.new.time - pair.old.time
    fresh = math.exp(-max(gap, timedelta(0)) / AT_ONCE)
    taken_back = change.correction(pair.new.text)
    return {
        "opinion": log_odds(opinion.conflict),
        "ruled": ruled.score if at_odds else 0.0,
        "sure": float(at_odds and ruled.why.startswith(SURE)),
        "mood": float(ruled.why.startswith("mood")),
        "other_subject": float(pair.same is False),
        "overlap": pair.overlap,
        "taken_back_at_once": fresh if taken_back else 0.0,
        "retort": fresh if change.retort(pair.new.text) else 0.0,
    }


def signs(pair: Pair, ruled: Judgement, opinion: Opinion) -> dict[str, float]:
    """What is weighed when they are at odds, for whether the world changed or somebody contradicts himself."""
    return {
        "leaning": clipped(math.log((opinion.update + 1e-3) / (opinion.contradiction + 1e-3)), 4.0),
        "ruled_update": float(ruled.verdict == "update"),
        "ruled_contradiction": float(ruled.verdict == "contradiction"),
        "changed": float(pair.changed),
        "lifelong": float(change.lifelong(pair.new.text)),
        "taken_back": float(change.correction(pair.new.text)),
    }


@lru_cache(maxsize=1)
def read_weights() -> Weights:
    """The weights as they ship."""
    read: Weights = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return read


def logistic(given: dict[str, float], weights: dict[str, float]) -> float:
    total = weights["constant"] + sum(weights[name] * value for name, value in given.items())
    return 1.0 / (1.0 + math.exp(-clipped(total, 30.0)))


def log_odds(probability: float) -> float:
    kept = min(0.995, max(0.005, probability))
    return math.log(kept / (1 - kept))


def clipped(value: float, limit: float) -> float:
    return min(limit, max(-limit, value))
