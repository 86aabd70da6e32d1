"""Train the intent classifier: multinomial logistic regression over hashed features, numpy alone.

python -m training.intent.train [--write]

Reads training/intent/sentences/*.txt (written for this project, one sentence a line, the file's name is its intent), makes more
sentences of the kind "mixed" by joining two, and prints macro-F1 by cross-validation. With --write it writes
actors/thinking/intents.npz. The held-out sets of tests/thinking are not read here.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.thinking.features import BUCKETS, features_of
from actors.thinking.messages import INTENTS

SENTENCES = Path(__file__).parent / "sentences"
WRITTEN = Path(__file__).resolve().parents[2] / "actors" / "thinking" / "intents.npz"
SEED = 20_261_127
JOINED = 160
"""Sentences of the kind "mixed" that are made of two others."""

FOLDS = 5
EPOCHS = 100
RATE = 2.0
PENALTY = 3e-4
SMOOTHING = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()

    chance = np.random.default_rng(SEED)
    written = read()
    folds = chance.integers(0, FOLDS, len(written))
    confusion = np.zeros((len(INTENTS), len(INTENTS)), dtype=np.int64)
    for fold in range(FOLDS):
        learnt = [one for one, at in zip(written, folds, strict=True) if at != fold]
        weights, bias = train(with_joined(learnt, chance))
        for text, intent in (one for one, at in zip(written, folds, strict=True) if at == fold):
            confusion[intent, int(np.argmax(scores(text, weights, bias)))] += 1

    print(f"{len(written)} sentences, cross-validated macro-F1 {macro_f1(confusion):.3f}")
    for intent, row in zip(INTENTS, confusion, strict=True):
        print(f"{intent:24}", " ".join(f"{n:4}" for n in row))

    if arguments.write:
        weights, bias = train(with_joined(written, chance))
        scale = float(np.abs(weights).max()) / 127
        np.savez_compressed(
            WRITTEN,
            weights=np.round(weights / scale).astype(np.int8),
            scale=np.float32(scale),
            bias=bias.astype(np.float32),
            seen=np.packbits(weights.any(axis=1)),
        )
        print(f"{WRITTEN.name}: {WRITTEN.stat().st_size} bytes")


def read() -> list[tuple[str, int]]:
    """All sentences with their intents' places."""
    return [
        (line.strip(), place)
        for place, intent in enumerate(INTENTS)
        for line in (SENTENCES / f"{intent}.txt").read_text("utf-8").splitlines()
        if line.strip()
    ]


def with_joined(written: Sequence[tuple[str, int]], chance: np.random.Generator) -> list[tuple[str, int]]:
    """The sentences, and pairs of different intents as "mixed"."""
    mixed = INTENTS.index("mixed")
    single = [one for one in written if one[1] != mixed]
    joints = itertools.cycle((" ", " Also, ", " And ", " By the way: ", " ", "\n\n"))
    joined: list[tuple[str, int]] = []
    while len(joined) < JOINED:
        (one, of), (other, by) = (single[int(place)] for place in chance.integers(0, len(single), 2))
        if of != by:
            joined.append((one + next(joints) + other, mixed))
    return [*written, *joined]


def train(examples: Sequence[tuple[str, int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights `[BUCKETS, intents] float32` and bias `[intents] float32`, by full gradient descent with momentum."""
    vectors = [features_of(text) for text, _ in examples]
    used, columns = np.unique(np.concatenate([places for places, _ in vectors]), return_inverse=True)
    matrix = np.zeros((len(examples), len(used)), dtype=np.float32)
    at = 0
    for row, (places, values) in enumerate(vectors):
        matrix[row, columns[at : at + len(places)]] = values
        at += len(places)

    intents = len(INTENTS)
    labels = np.array([intent for _, intent in examples])
    wanted = np.full((len(examples), intents), SMOOTHING / intents, dtype=np.float32)
    wanted[np.arange(len(examples)), labels] += 1 - SMOOTHING
    counts = np.bincount(labels, minlength=intents)
    share = (len(examples) / intents / counts)[labels][:, None].astype(np.float32) / len(examples)

    weights = np.zeros((len(used), intents), dtype=np.float32)
    bias = np.zeros(intents, dtype=np.float32)
    speed, bias_speed = np.zeros_like(weights), np.zeros_like(bias)
    for epoch in range(EPOCHS):
        error = (softmax(matrix @ weights + bias) - wanted) * share
        rate = RATE * (1 - epoch / EPOCHS) * 10
        speed = 0.9 * speed - rate * (matrix.T @ error + PENALTY * weights)
        bias_speed = 0.9 * bias_speed - rate * error.sum(axis=0) * 0.1
        weights += speed
        bias += bias_speed

    whole = np.zeros((BUCKETS, intents), dtype=np.float32)
    whole[used] = weights
    return whole, bias


def scores(text: str, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of each intent."""
    places, values = features_of(text)
    return softmax((values[:, None] * weights[places]).sum(axis=0)[None] + bias)[0]


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)


def macro_f1(confusion: NDArray[np.int64]) -> float:
    """The mean over intents; rows are what was wanted."""
    right = np.diag(confusion)
    return float(np.mean(2 * right / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)))


if __name__ == "__main__":
    main()
