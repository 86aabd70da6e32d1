"""Fits how rules and classifier are weighed: `python -m training.paradox.weigh SCENARIOS... [--folds 6]`.

Scenario files have the form of the development set (ours: scenarios.py). Two logistic regressions with few features each (see
actors/paradox/weighing.py): is a pair at odds; if so, is it an update. Written to weights.json. The figures that are printed are
cross-validated over whole scenarios: each is judged with weights that were fitted without it.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from actors.paradox.classifier.model import Classifier, Opinion
from actors.paradox.classifier.rendering import render
from actors.paradox.judge import Judge
from actors.paradox.judging.pair import pair_of
from actors.paradox.judging.reading import read
from actors.paradox.judging.rules import judge
from actors.paradox.messages import Statement
from actors.paradox.weighing import WEIGHTS, Weights, features, logistic, signs

Row = tuple[dict[str, float], dict[str, float], int]


class Remembering:
    """The classifier, asked once about each pair."""

    def __init__(self) -> None:
        self._classifier = Classifier()
        self._known: dict[tuple[str, str], Opinion] = {}

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Opinion]:
        unknown = [pair for pair in pairs if pair not in self._known]
        self._known |= dict(zip(unknown, self._classifier.read(unknown), strict=True))
        return [self._known[pair] for pair in pairs]


def rows(scenarios: list[dict], classifier: Remembering) -> list[Row]:
    """For each pair of each scenario what is weighed, and its verdict (2: not at odds)."""
    found = []
    for scenario in scenarios:
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


def fitted(data: list[Row]) -> Weights:
    """Weights by name."""
    labels = np.array([row[2] for row in data])
    at_odds = [row for row in data if row[2] < 2]
    found = {
        "conflict": fit(columns([row[0] for row in data]), (labels < 2).astype(float), ridge=0.002),
        "update": fit(columns([row[1] for row in at_odds]), np.array([row[2] == 1 for row in at_odds], float), ridge=0.02),
    }
    names = {"conflict": [*data[0][0], "constant"], "update": [*data[0][1], "constant"]}
    return {
        key: dict(zip(names[key], (round(float(value), 4) for value in values), strict=True)) for key, values in found.items()
    }


def columns(given: list[dict[str, float]]) -> np.ndarray:
    return np.array([[*row.values(), 1.0] for row in given])


def crossed(scenarios: list[dict], classifier: Remembering, folds: int) -> list[dict]:
    """Each scenario with its file's name, what it is, and what was said of it by weights that were fitted without it."""
    order = list(range(len(scenarios)))
    random.Random(1).shuffle(order)
    told = []
    for fold in range(folds):
        held = set(order[fold::folds])
        weights = fitted(rows([one for number, one in enumerate(scenarios) if number not in held], classifier))
        judge = Judge(classifier, weights=weights)
        for number in held:
            scenario = scenarios[number]
            statements = [Statement.model_validate(one) for one in scenario["memory"]]
            new = Statement.model_validate(scenario["new"])
            checked = judge.check(statements, new)
            conflicts = [row[0] for row in rows([scenario], classifier)]
            said = [logistic(given, weights["conflict"]) for given in conflicts]
            first = checked.conflicts[0].index if checked.conflicts else None
            told.append({"true": scenario, "verdict": checked.verdict, "first": first, "said": said})
    return told


def figures(told: list[dict]) -> str:
    true = [bool(one["true"]["conflicts_with"]) for one in told]
    said = [one["first"] is not None for one in told]
    right = sum(one["verdict"] == one["true"]["label"] for one in told)
    both = sum(map(min, true, said))
    pointed = sum(one["first"] in one["true"]["conflicts_with"] for one in told)
    pairs = [(odds, number in one["true"]["conflicts_with"]) for one in told for number, odds in enumerate(one["said"])]
    error = calibration_error(np.array([odds for odds, _ in pairs]), np.array([float(at_odds) for _, at_odds in pairs]))
    return (
        f"{len(told)} scenarios: 4-way {right / len(told):.3f}, conflict F1 {2 * both / (sum(true) + sum(said)):.3f}, "
        f"false alarms {(sum(said) - both) / (len(told) - sum(true)):.3f}, pointed {pointed / sum(true):.3f}, "
        f"expected calibration error of {len(pairs)} pairs {error:.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", type=Path, nargs="+")
    parser.add_argument("--folds", type=int, default=6)
    chosen = parser.parse_args()
    classifier = Remembering()
    files = {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in chosen.scenarios
    }
    scenarios = [one | {"file": name} for name, some in files.items() for one in some]
    WEIGHTS.write_text(json.dumps(fitted(rows(scenarios, classifier)), indent=1) + "\n", encoding="utf-8")
    told = crossed(scenarios, classifier, chosen.folds)
    print("all:", figures(told))
    for name in files:
        print(f"{name}:", figures([one for one in told if one["true"]["file"] == name]))


if __name__ == "__main__":
    main()
