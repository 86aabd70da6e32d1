"""Macro-F1 over GoEmotions' labels, and a threshold for each label from a development set. Needs numpy only."""

from __future__ import annotations

import numpy as np

__all__ = ["f1s", "macro_f1", "tuned_thresholds"]


def f1s(given: np.ndarray, labels: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """F1 of each label; `given` and `labels` are [n, labels]."""
    said = given >= thresholds
    true = labels > 0
    both = (said & true).sum(0)
    either = said.sum(0) + true.sum(0)
    return np.where(either > 0, 2 * both / np.maximum(either, 1), 0.0)


def macro_f1(given: np.ndarray, labels: np.ndarray, thresholds: np.ndarray) -> float:
    """The mean over labels."""
    return float(f1s(given, labels, thresholds).mean())


def tuned_thresholds(given: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each label the threshold of the best F1, smoothed over its neighbours, since rare labels have few examples."""
    grid = np.arange(0.05, 0.91, 0.01)
    table = np.stack([f1s(given, labels, np.full(labels.shape[1], value)) for value in grid])
    window = np.ones(9) / 9
    smooth = np.stack([np.convolve(np.pad(column, 4, mode="edge"), window, mode="valid") for column in table.T], axis=1)
    return grid[smooth.argmax(0)]
