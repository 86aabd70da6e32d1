"""Rules and classifier weighed together: one verdict, and how probable it is that the two are at odds.

Logistic regressions over a few figures (weights.json, made by training/paradox/weigh.py): is a pair at odds; is it an update;
if it is not at odds, is it about the same. Another is over several statements at once (a softmax over each of them and none):
which of them is at odds, if any. Knows what rules and network say, not how they come to it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from actors.paradox.classifier.model import Opinion
from actors.paradox.judging import change
from actors.paradox.judging.explained import EXPLAINED
from actors.paradox.judging.modality import UNASSERTED
from actors.paradox.judging.pair import Judgement, Pair, Verdict
from actors.paradox.judging.rules import speak_of_themselves

__all__ = ["AT_ODDS_FROM", "CONFLICT_FROM", "WEIGHTS", "Weights", "chances", "features", "signs", "topic", "weigh"]

WEIGHTS = Path(__file__).with_name("weights.json")

CONFLICT_FROM = 0.2
"""Of a pair, probabilities below this are doubts, not conflicts."""

AT_ODDS_FROM = 0.46
"""Of several statements, from which probability one of them is held to be at odds with the new one. On 833 of our scenarios,
each file judged by weights of the others, conflict F1, false alarms and pointing are .913, .092, .886 at .42; .914, .079, .879
at .46; .914, .070, .873 at .54."""

RELATED_FROM = 0.5
"""From which probability two statements are about the same."""

LONG_AGO = timedelta(days=180)
"""What was said longer ago holds less surely. From so long ago on it makes no more difference."""

AT_ONCE = timedelta(minutes=10)
"""A word like "no" leans on what was said about so long ago."""

KNOWN = ("rules out", "state", "reckoned", "has and has not")
"""Rules that go by everyday knowledge, which the classifier has little of: it holds such pairs for unrelated."""

SURE = ("slot", "quantifiers", "a retort", "never", "all but one word", "figure")
"""Rules that look for one thing and seldom find it where it is not."""

Weights = dict[str, dict[str, float]]


def weigh(pair: Pair, ruled: Judgement, opinion: Opinion, weights: Weights | None = None) -> Judgement:
    """The verdict on a pair from what the rules and the classifier say of it; with the weights that ship, if none are given."""
    weights = read_weights() if weights is None else weights
    given = features(pair, ruled, opinion)
    conflict = logistic(given, weights["conflict"])
    odds = math.exp(total(given, weights["among"]))
    if ruled.verdict not in ("contradiction", "update") and speak_of_themselves(pair.old, pair.new):
        # The network reads names, and takes some that it has never seen for one.
        conflict = odds = 0.0
    if conflict >= CONFLICT_FROM or odds / (1 + odds) >= AT_ODDS_FROM:
        is_update = logistic(signs(pair, ruled, opinion), weights["update"]) >= 0.5
        by_rule = ruled.verdict in ("contradiction", "update")
        why = f"{ruled.why}; classifier {opinion.conflict:.2f}" if by_rule else f"classifier {opinion.conflict:.2f}"
        verdict: Verdict = "update" if is_update else "contradiction"
        return Judgement(verdict, round(conflict, 4), why, ruled.overlap, conflict, odds, ruled.signed, not by_rule)

    related = logistic(topic(pair, opinion), weights["related"])
    if related >= RELATED_FROM:
        return Judgement("compatible", round(related, 4), reason(ruled), ruled.overlap, conflict, odds)
    return Judgement("unrelated", round(1 - related, 4), reason(ruled), ruled.overlap, conflict, odds)


def chances(judged: Sequence[Judgement]) -> list[float]:
    """Of statements that one new statement was compared with, how probable each is to be what it is at odds with.

    What is left to 1 is that it is at odds with none. A judgement of the rules alone counts with its score.
    """
    odds = [of_rules(one) if one.odds is None else one.odds for one in judged]
    whole = 1.0 + sum(odds)
    return [one / whole for one in odds]


def of_rules(judgement: Judgement) -> float:
    if judgement.verdict not in ("contradiction", "update"):
        return 0.0
    score = min(judgement.score, 0.99)
    return score / (1 - score)


def reason(ruled: Judgement) -> str:
    """A rule that found them at odds was outweighed; one that explains why they are not still does."""
    return "outweighed" if ruled.verdict in ("contradiction", "update") else ruled.why


def features(pair: Pair, ruled: Judgement, opinion: Opinion) -> dict[str, float]:
    """What is weighed for whether they are at odds, by name; few, so that a hundred scenarios are enough to weigh them."""
    at_odds = ruled.verdict in ("contradiction", "update")
    gap = timedelta(days=7) if pair.old.time is None or pair.new.time is None else pair.new.time - pair.old.time
    gap = max(gap, timedelta(0))
    fresh = math.exp(-gap / AT_ONCE)
    taken_back = change.correction(pair.new.text)
    return {
        "opinion": log_odds(opinion.conflict),
        "same_topic": math.log((opinion.compatible + 0.01) / (opinion.unrelated + 0.01)),
        "long_ago": math.sqrt(min(gap, LONG_AGO) / LONG_AGO),
        "ruled": ruled.score if at_odds else 0.0,
        "sure": float(at_odds and ruled.why.startswith(SURE)),
        "known": float(at_odds and ruled.why.startswith(KNOWN)),
        "unasserted": float(ruled.why.startswith(UNASSERTED)),
        "explained": float(ruled.why.startswith(EXPLAINED)),
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


def topic(pair: Pair, opinion: Opinion) -> dict[str, float]:
    """What is weighed when they are not at odds, for whether they are about the same.

    What the classifier thinks could be at odds is about the same. How it divides the rest between compatible and unrelated
    adds nothing to that.
    """
    return {
        "nearly_at_odds": math.log((opinion.conflict + 0.01) / (opinion.unrelated + 0.01)),
        "overlap": min(1.0, 2 * pair.overlap),
    }


@lru_cache(maxsize=1)
def read_weights() -> Weights:
    """The weights as they ship."""
    read: Weights = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return read


def logistic(given: dict[str, float], weights: dict[str, float]) -> float:
    return 1.0 / (1.0 + math.exp(-total(given, weights)))


def total(given: dict[str, float], weights: dict[str, float]) -> float:
    return clipped(weights["constant"] + sum(weights[name] * value for name, value in given.items()), 30.0)


def log_odds(probability: float) -> float:
    kept = min(0.995, max(0.005, probability))
    return math.log(kept / (1 - kept))


def clipped(value: float, limit: float) -> float:
    return min(limit, max(-limit, value))
