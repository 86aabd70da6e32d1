"""What each step of paradox's cascade adds: `python -m benchmarks.paradox SCENARIOS [SCENARIOS ...]`.

A file holds scenarios, one JSON object a line: `memory` (statements), `new`, `label`, `conflicts_with`, `source`. Each is
judged by parts of the cascade and by the whole. Conflict is contradiction or update against the rest; pointed is how often the
first conflict told is the right statement, of all scenarios with one; ECE is of the pairs' probabilities, ten bins.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from actors.neural_network import NetworkMissing
from actors.paradox.classifier.model import Classifier
from actors.paradox.judge import Judge
from actors.paradox.judging import rules
from actors.paradox.messages import Checked, Statement
from actors.paradox.weighing import chances

CALM = (rules.unasserted_rule, rules.subject_rule, rules.earlier_time_rule)
EXCLUSIVE = (rules.slot_rule, rules.figure_rule, rules.value_rule)
DENIED = (
    rules.way_of_life_rule,
    rules.presence_rule,
    rules.quantifier_rule,
    rules.never_rule,
    rules.negation_rule,
    rules.opposite_rule,
)
CONFLICTS = ("contradiction", "update")


def steps() -> list[tuple[str, Judge]]:
    def of(*kept: rules.Rule) -> Judge:
        return Judge(None, [rule for rule in rules.RULES if rule in kept])

    found = [
        ("no rule", of()),
        ("slots, figures, values", of(*EXCLUSIVE)),
        ("+ negation, opposites", of(*EXCLUSIVE, *DENIED)),
        ("+ mood, subject, time", of(*EXCLUSIVE, *DENIED, *CALM)),
        ("all rules (+ change)", Judge()),
    ]
    try:
        classifier = Classifier()
    except NetworkMissing as error:
        print(f"without the classifier: {error.message}")
        return found
    return [*found, ("classifier, no rule", Judge(classifier, [])), ("the whole cascade", Judge(classifier))]


def figures(scenarios: list[dict], judge: Judge) -> dict[str, float]:
    told: list[tuple[dict, Checked]] = []
    seconds = []
    for scenario in scenarios:
        statements = [Statement.model_validate(one) for one in scenario["memory"]]
        new = Statement.model_validate(scenario["new"])
        began = time.thread_time()
        told.append((scenario, judge.check(statements, new)))
        seconds.append((time.thread_time() - began) / len(statements))

    right = sum(checked.verdict == scenario["label"] for scenario, checked in told)
    true = [scenario["label"] in CONFLICTS for scenario, _ in told]
    said = [checked.verdict in CONFLICTS for _, checked in told]
    both = sum(one and other for one, other in zip(true, said, strict=True))
    pointed = sum(
        bool(checked.conflicts) and checked.conflicts[0].index in scenario["conflicts_with"] for scenario, checked in told
    )
    return {
        "4-way": right / len(told),
        "F1": 2 * both / max(1, sum(true) + sum(said)),
        "false": sum(other and not one for one, other in zip(true, said, strict=True)) / max(1, len(true) - sum(true)),
        "pointed": pointed / max(1, sum(true)),
        "ECE": calibration_error(scenarios, judge),
        "ms": statistics.median(seconds) * 1000,
    }


def calibration_error(scenarios: list[dict], judge: Judge) -> float:
    """Of how probable each statement is to be what the new one is at odds with."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(10)]
    for scenario in scenarios:
        statements = [Statement.model_validate(one) for one in scenario["memory"]]
        judged = judge.against(statements, Statement.model_validate(scenario["new"]))
        for index, chance in enumerate(chances(judged)):
            bins[min(9, int(chance * 10))].append((chance, index in scenario["conflicts_with"]))
    whole = sum(map(len, bins))
    return sum(
        abs(statistics.mean(said for said, _ in one) - statistics.mean(true for _, true in one)) * len(one) / whole
        for one in bins
        if one
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", type=Path, nargs="+")
    parser.add_argument("--source", help="only scenarios of this source")
    chosen = parser.parse_args()
    for path in chosen.scenarios:
        scenarios = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        scenarios = [one for one in scenarios if chosen.source in (None, one.get("source"))]
        print(f"\n{path.name}: {len(scenarios)} scenarios")
        print("| step | 4-way | conflict F1 | false alarms | pointed | ECE | CPU ms a pair, p50 |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name, judge in steps():
            row = figures(scenarios, judge)
            cells = [f"{value:.2f}" if key == "ms" else f"{value:.3f}" for key, value in row.items()]
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
