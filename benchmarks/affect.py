"""How long the affect classifier takes a turn, beside a matrix product of the same run: `python -m benchmarks.affect`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from actors.affect.classifier import Classifier

TURNS = (
    "I can't believe they cancelled the trip, I was so looking forward to it.",
    "Thanks, that helped a lot!",
    "What time does the pharmacy open?",
    "My grandmother passed away on Tuesday and I don't know what to do with myself.",
    "Haha, that's the best thing I've read all week.",
)
FLOPS = 2 * 18 * 10.6e6
"""Of a turn of 18 tokens: two for each weight of six layers and token."""


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    took = []
    for _ in range(repeats):
        began = time.thread_time()
        work()
        took.append((time.thread_time() - began) * 1000)
    return statistics.median(took)


def main() -> None:
    classifier = Classifier()
    left, right = np.ones((18, 384), np.float32), np.ones((384, 1536), np.float32)
    classifier.read(TURNS)
    turn = milliseconds(lambda: classifier.read(TURNS), 40) / len(TURNS)
    product = milliseconds(lambda: left @ right, 400)
    same = product * FLOPS / (2 * 18 * 384 * 1536)
    print(f"affect: {turn:.2f} ms CPU a turn; the same products in float32 numpy: {same:.2f} ms; ratio {turn / same:.2f}")


if __name__ == "__main__":
    main()
