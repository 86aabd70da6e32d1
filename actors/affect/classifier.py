"""The affect classifier that ships with the project: a text in, how probable each of the 28 labels is. Blocks its thread.

model.json has a threshold for each label, tuned on the development split: at or above it a label counts as felt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from actors.affect.labels import LABELS
from actors.neural_network import Network

__all__ = ["Classifier", "load"]

SHIPPED = Path(__file__).with_name("model.onnx")
LONGEST = 600
"""Characters that are read: the network takes 48 tokens, and a long text's beginning and end say most of its mood."""

_loading = Lock()
_loaded: list[Classifier] = []


class Classifier:
    """Reads texts; what one costs, beside the same products in float32: `benchmarks.affect`."""

    def __init__(self, path: Path = SHIPPED) -> None:
        self._network = Network(path)
        self.thresholds = {label: float(self._network.about["thresholds"][label]) for label in LABELS}

    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each text the probability of each label."""
        if not texts:
            return []
        logits = self._network.run([ends_of(text) for text in texts])
        probabilities = 1.0 / (1.0 + np.exp(-logits))
        return [dict(zip(LABELS, (round(float(value), 4) for value in row), strict=True)) for row in probabilities]

    def felt(self, probabilities: dict[str, float]) -> list[str]:
        """The labels that count as felt, strongest first: those that reach their threshold."""
        reached = [label for label, value in probabilities.items() if value >= self.thresholds[label]]
        return sorted(reached, key=lambda label: -probabilities[label])


def load() -> Classifier:
    """The shipped classifier, loaded once in this process.

    Raises:
        NetworkMissing: it cannot be used.
    """
    with _loading:
        if not _loaded:
            _loaded.append(Classifier())
        return _loaded[0]


def ends_of(text: str) -> str:
    """A long text's beginning and end."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} {text[-half:]}"
