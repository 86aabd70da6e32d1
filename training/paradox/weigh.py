"""Fits how rules and classifier are weighed: `python -m training.paradox.weigh SCENARIOS... [--against SCENARIOS...]`.

Scenario files have the form of the development set. Two logistic regressions with few features each (see
actors/paradox/weighing.py): is a pair at odds; if so, is it an update. Written to weights.json.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path

import numpy as np

from actors.paradox.classifier.model import Classifier
from actors.paradox.classifier.rendering import render
from actors.paradox.judging.pair import pair_of
from actors.paradox.judging.reading import read
from actors.paradox.judging.rules import judge
from actors.paradox.weighing import WEIGHTS, features, signs


def rows(path: Path, classifier: Classifier) -> list[tuple[dict[str, float], dict[str, float], int]]:
    """For each pair of each scenario what is weighed, and its verdict (2: not at odds)."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        scenario = json.loads(line)
        new = scenario["new"]
        late = read(new["text"], new["speaker"], datetime.fromisoformat(new["time"]))
        olds = [read(old["text"], old["speaker"], datetime.fromisoformat(old["time"])) for old in scenario["memory"]]
        opinions = classifier.read(
            [render(old.written, late.written, (old.speaker, late.speaker), (old.time, late.time)) for old in olds]
        )
        for number, (old, opinion) in enumerate(zip(olds, opinions, strict=True)):
            label = {"contradiction": 0, "update": 1}[scenario["label"]] if number in scenario["conflicts_with"] else 2
            pair, ruled = pair_of(old, late), judge(old, late)
            found.append((features(pair, ruled, opinion), signs(pair, ruled, opinion), label))
    return found


def fit(table: np.ndarray, target: np.ndarray, *, ridge: float) -> np.ndarray:
    """Logistic regression by Newton's method; the last column is the constant and is not held small."""
    solution = np.zeros(table.shape[1])
    hold = np.full(table.shape[1], ridge * len(table))
    hold[-1] = 0
    for _ in range(30):
        said = 1 / (1 + np.exp(-np.clip(table @ solution, -30, 30)))
        gradient = table.T @ (said - target) + hold * solution
        curve = (table * (said * (1 - said))[:, None]).T @ table + np.diag(hold + 1e-9)
        solution -= np.linalg.solve(curve, gradient)
    return solution


def calibration_error(said: np.ndarray, true: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error (Guo et al. 2017) over equal bins."""
    numbers = np.minimum((said * bins).astype(int), bins - 1)
    return float(
        sum(
            abs(said[numbers == number].mean() - true[numbers == number].mean()) * (numbers == number).mean()
            for number in range(bins)
            if (numbers == number).any()
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", type=Path, nargs="+")
    parser.add_argument("--against", type=Path, nargs="*", default=[], help="for the calibration error only")
    chosen = parser.parse_args()
    classifier = Classifier()
    data = [row for path in chosen.scenarios for row in rows(path, classifier)]
    labels = np.array([row[2] for row in data])
    at_odds = [row for row in data if row[2] < 2]
    weights = {
        "conflict": fit(columns([row[0] for row in data]), (labels < 2).astype(float), ridge=0.002),
        "update": fit(columns([row[1] for row in at_odds]), np.array([row[2] == 1 for row in at_odds], float), ridge=0.02),
    }
    names = {"conflict": [*data[0][0], "constant"], "update": [*data[0][1], "constant"]}
    told = {
        key: dict(zip(names[key], (round(float(value), 4) for value in found), strict=True)) for key, found in weights.items()
    }
    WEIGHTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    for path in (*chosen.scenarios, *chosen.against):
        measured = rows(path, classifier)
        said = 1 / (1 + np.exp(-columns([row[0] for row in measured]) @ weights["conflict"]))
        true = np.array([row[2] < 2 for row in measured], float)
        print(path.name, len(true), "pairs, expected calibration error", round(calibration_error(said, true), 4))


def columns(given: list[dict[str, float]]) -> np.ndarray:
    return np.array([[*row.values(), 1.0] for row in given])


if __name__ == "__main__":
    main()
