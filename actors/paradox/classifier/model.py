"""The pair classifier that ships with the project, or another ONNX file of the same form: what it makes of two statements.

model.json says what the outputs are and by how much they are to be tempered. Knows no rule and no actor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actors.neural_network import Network
from actors.paradox.classifier.nearness import Nearness

__all__ = ["Classifier", "Opinion", "load"]

SHIPPED = Path(__file__).with_name("model.onnx")


@dataclass(frozen=True, slots=True)
class Opinion:
    """How probable each verdict is; they add up to 1."""

    contradiction: float
    update: float
    compatible: float
    unrelated: float

    @property
    def conflict(self) -> float:
        """Contradiction or update."""
        return self.contradiction + self.update


class Classifier:
    """Reads pairs that were written by `rendering.render`. Blocks its thread for a few milliseconds a pair."""

    def __init__(self, path: Path = SHIPPED) -> None:
        self._network = Network(path)
        self._temperature = float(self._network.about.get("temperature", 1.0))
        self._nearness = Nearness(self._network.pieces)

    def near(self, texts: Sequence[str], other: str) -> list[float]:
        """How near each text is to the other one by its words, in [-1, 1]; costs next to nothing."""
        return self._nearness.near(texts, other)

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Opinion]:
        """An opinion for each pair, in their order."""
        if not pairs:
            return []
        logits = self._network.run(pairs) / self._temperature
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return [Opinion(*(float(value) for value in row)) for row in raised / raised.sum(axis=1, keepdims=True)]


def load(path: Path | None = None) -> Classifier:
    """The classifier of a file; the shipped one without.

    Raises:
        NetworkMissing: it cannot be used.
    """
    return Classifier(SHIPPED if path is None else path)
