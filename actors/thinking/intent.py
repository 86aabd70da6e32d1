"""Intent: what a text seems to want, without a model call. Knows no actor and no database.

A multinomial logistic regression over hashed features (features.py), trained by training/intent/train.py on sentences written
for it; its weights are intents.npz beside this file. They are English: what it has not seen the words of gets a low
confidence, which says so.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.thinking.features import BUCKETS, buckets_of_words, features_of
from actors.thinking.messages import INTENTS

__all__ = ["Intent", "intent_of"]

WEIGHTS: Final = Path(__file__).with_name("intents.npz")
KNOWN_ENOUGH: Final = 0.5
"""Share of a text's words that training has seen, from which the classifier is believed as it is."""


class Intent(NamedTuple):
    """The intent, its confidence in [0, 1], and every intent's probability."""

    name: str
    confidence: float
    scores: dict[str, float]


def intent_of(text: str) -> Intent:
    """The intent of a text. The probabilities are drawn towards equal ones as far as its words are unknown."""
    weights, scale, bias, seen = classifier()
    places, values = features_of(text)
    words = buckets_of_words(text)
    trust = min(float(seen[words].mean()) / KNOWN_ENOUGH, 1.0) if len(words) else 0.0

    logits = values @ weights[places].astype(np.float32) * scale + bias
    raised = np.exp(logits - logits.max())
    chances = trust * raised / raised.sum() + (1 - trust) / len(INTENTS)
    best = int(np.argmax(chances))
    scores = {name: round(float(chance), 3) for name, chance in zip(INTENTS, chances, strict=True)}
    return Intent(INTENTS[best], round(float(chances[best]), 3), scores)


@cache
def classifier() -> tuple[NDArray[np.int8], float, NDArray[np.float32], NDArray[np.bool_]]:
    """Weights `[BUCKETS, intents]` and their scale, bias `[intents]`, and which buckets training has seen `[BUCKETS]`."""
    with np.load(WEIGHTS) as saved:
        weights, scale = saved["weights"], float(saved["scale"])
        bias = saved["bias"].astype(np.float32)
        seen = np.unpackbits(saved["seen"], count=BUCKETS).astype(np.bool_)

    return weights, scale, bias, seen
