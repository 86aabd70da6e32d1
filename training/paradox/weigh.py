"""Fits how rules and classifier are weighed: `python -m training.paradox.weigh SCENARIOS... [--folds 6]`.

Scenario files have the form of the development set (ours: scenarios.py). What is fitted, few features each, is described in
actors/paradox/weighing.py, and written to weights.json. The figures that are printed are cross-validated over whole scenarios:
each is judged with weights that were fitted without it.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from actors.paradox.classifier.model import Classifier, Opinion
from actors.paradox.classifier.rendering import render
from actors.paradox.judge import Judge
from actors.paradox.judging.pair import Judgement, Pair, pair_of
from actors.paradox.judging.reading import Reading, read
from actors.paradox.judging.restated import restated
from actors.paradox.judging.rules import judge
from actors.paradox.messages import Statement
from actors.paradox.weighing import WEIGHTS, Weights, chances, features, signs, topic

Figures = dict[str, float]
NOT_AT_ODDS = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A pair that the classifier was asked about, and what it is: contradiction 0, update 1, or not at odds."""

    pair: Pair
    ruled: Judgement
    opinion: Opinion
    label: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A scenario's pairs, and whether what is not at odds is about the same."""

    rows: list[Row]
    related: bool | None


class Remembering:
    """The classifier, asked once about each pair."""

    def __init__(self) -> None:
        self._classifier = Classifier()
        self._known: dict[tuple[str, str], Opinion] = {}

    def read(self, pairs: Sequence[tuple[str, str]]) -> list[Opinion]:
        unknown = [pair for pair in pairs if pair not in self._known]
        self._known |= dict(zip(unknown, self._classifier.read(unknown), strict=True))
        return [self._known[pair] for pair in pairs]

    def near(self, texts: Sequence[str], other: str) -> list[float]:
        return self._classifier.near(texts, other)


def rows(scenario: dict, classifier: Remembering) -> Rows:
    """The pairs of a scenario that the classifier is asked about."""
    olds = [reading(old, old["text"]) for old in scenario["memory"]]
    lates = [reading(scenario["new"], as_told(old, scenario["new"])) for old in olds]
    ruled = [judge(old, late) for old, late in zip(olds, lates, strict=True)]
    sides = [(number, old, late) for number, (old, late) in enumerate(zip(olds, lates, strict=True))]
    asked = Judge(classifier).asked(classifier, sides, ruled)
    opinions = classifier.read(
        [
            render(old.written, late.written, (old.speaker, late.speaker), (old.time, late.time))
            for _, old, late in (sides[number] for number in asked)
        ]
    )
    at_odds = {number: ("contradiction", "update").index(scenario["label"]) for number in scenario["conflicts_with"]}
    found = [
        Row(pair_of(olds[number], lates[number]), ruled[number], opinion, at_odds.get(number, NOT_AT_ODDS))
        for number, opinion in zip(asked, opinions, strict=True)
    ]
    return Rows(found, None if at_odds else scenario["label"] == "compatible")


def reading(statement: dict, text: str) -> Reading:
    return read(text, statement["speaker"], datetime.fromisoformat(statement["time"]))


def as_told(old: Reading, new: dict) -> str:
    """The new statement with its figures as the judge reads them beside an old one."""
    return restated(old.written, new["text"], (old.time, datetime.fromisoformat(new["time"])))


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


def fit_among(tables: list[np.ndarray], targets: list[np.ndarray], *, ridge: float) -> np.ndarray:
    """A softmax over the rows of each table and none of them, by Newton's method; the last column is the constant."""
    every = np.concatenate(tables)
    solution, hold = np.zeros(every.shape[1]), ridge * len(tables) * every.var(0)
    for _ in range(30):
        gradient, curve = hold * solution, np.diag(hold + 1e-9)
        for table, target in zip(tables, targets, strict=True):
            raised = np.exp(np.clip(table @ solution, -30, 30))
            said = raised / (1 + raised.sum())
            gradient = gradient + table.T @ (said - target)
            curve = curve + (table * said[:, None]).T @ table - np.outer(table.T @ said, table.T @ said)
        solution -= np.linalg.solve(curve, gradient)
    return solution


def fit_topic(tables: list[np.ndarray], related: np.ndarray, *, ridge: float) -> np.ndarray:
    """Whether any row of a table is about the same: that row decides which is nearest to it, so they are found in turns."""
    solution = np.append(np.ones(tables[0].shape[1] - 1), 0.0)
    for _ in range(6):
        nearest = np.array([table[(table @ solution).argmax()] for table in tables])
        solution = fit(nearest, related.astype(float), ridge=ridge)
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


def fitted(data: list[Rows]) -> Weights:
    """Weights by name."""
    every = [row for one in data for row in one.rows]
    labels = np.array([row.label for row in every])
    at_odds = [row for row in every if row.label != NOT_AT_ODDS]
    calm = [one for one in data if one.related is not None]
    found = {
        "conflict": fit(table(every, weighed), (labels != NOT_AT_ODDS).astype(float), ridge=0.002),
        "among": fit_among([table(one.rows, weighed) for one in data], [target(one.rows) for one in data], ridge=0.003),
        "update": fit(table(at_odds, turned), np.array([row.label == 1 for row in at_odds], float), ridge=0.02),
        "related": fit_topic([table(one.rows, of_topic) for one in calm], np.array([one.related for one in calm]), ridge=0.003),
    }
    names = {"conflict": weighed, "among": weighed, "update": turned, "related": of_topic}
    return {
        key: dict(zip([*names[key](every[0]), "constant"], (round(float(value), 4) for value in values), strict=True))
        for key, values in found.items()
    }


def target(given: list[Row]) -> np.ndarray:
    """Which of the rows is at odds; of several each is as likely."""
    at_odds = np.array([row.label != NOT_AT_ODDS for row in given], float)
    return at_odds / max(1.0, at_odds.sum())


def weighed(row: Row) -> Figures:
    return features(row.pair, row.ruled, row.opinion)


def turned(row: Row) -> Figures:
    return signs(row.pair, row.ruled, row.opinion)


def of_topic(row: Row) -> Figures:
    return topic(row.pair, row.opinion)


def table(given: list[Row], of: Callable[[Row], Figures]) -> np.ndarray:
    """[rows, figures and a 1]."""
    return np.array([[*of(row).values(), 1.0] for row in given])


def crossed(scenarios: list[dict], classifier: Remembering, folds: int) -> list[dict]:
    """Each scenario with its file's name, what it is, and what was said of it by weights that were fitted without it."""
    order = list(range(len(scenarios)))
    random.Random(1).shuffle(order)
    data = [rows(one, classifier) for one in scenarios]
    told = []
    for fold in range(folds):
        held = set(order[fold::folds])
        weights = fitted([one for number, one in enumerate(data) if number not in held])
        told += [said_of(scenarios[number], Judge(classifier, weights=weights)) for number in held]
    return told


def said_of(scenario: dict, judge: Judge) -> dict:
    """The verdict, the statement that is pointed at first, and the probability of each to be at odds."""
    statements = [Statement.model_validate(one) for one in scenario["memory"]]
    new = Statement.model_validate(scenario["new"])
    checked, judged = judge.check(statements, new), judge.against(statements, new)
    return {
        "true": scenario,
        "verdict": checked.verdict,
        "first": checked.conflicts[0].index if checked.conflicts else None,
        "said": chances(judged),
        "alone": [one.probability or 0.0 for one in judged],
    }


def figures(told: list[dict]) -> str:
    true = [bool(one["true"]["conflicts_with"]) for one in told]
    said = [one["first"] is not None for one in told]
    right = sum(one["verdict"] == one["true"]["label"] for one in told)
    both = sum(map(min, true, said))
    pointed = sum(one["first"] in one["true"]["conflicts_with"] for one in told)
    truth = np.array([number in one["true"]["conflicts_with"] for one in told for number in range(len(one["said"]))], float)
    among, alone = (
        calibration_error(np.array([chance for one in told for chance in one[key]]), truth) for key in ("said", "alone")
    )
    return (
        f"{len(told)} scenarios: 4-way {right / len(told):.3f}, conflict F1 {2 * both / (sum(true) + sum(said)):.3f}, "
        f"false alarms {(sum(said) - both) / (len(told) - sum(true)):.3f}, pointed {pointed / sum(true):.3f}, "
        f"expected calibration error of {len(truth)} pairs {among:.4f}, each alone {alone:.4f}"
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
    found = fitted([rows(one, classifier) for one in scenarios])
    WEIGHTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    told = crossed(scenarios, classifier, chosen.folds)
    print("all:", figures(told))
    for name in files:
        print(f"{name}:", figures([one for one in told if one["true"]["file"] == name]))


if __name__ == "__main__":
    main()
