"""The judge over the development set beside the clone, against the floor of lexical rules that its README gives."""

import importlib.util
import json
import time
from pathlib import Path

import pytest

from actors.paradox.judge import Judge
from actors.paradox.messages import Statement

JUDGE = Judge()
SHARED = Path(__file__).resolve().parents[3] / "shared" / "paradox"


@pytest.fixture(scope="module")
def scorer():
    if not (SHARED / "dev.jsonl").exists():
        pytest.skip("no ../shared/paradox/dev.jsonl beside this clone")
    spec = importlib.util.spec_from_file_location("paradox_score", SHARED / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(scenario: dict) -> dict:
    statements = [Statement.model_validate(statement) for statement in scenario["memory"]]
    new = Statement.model_validate(scenario["new"])
    began = time.perf_counter()
    checked = JUDGE.check(statements, new)
    seconds = time.perf_counter() - began
    return {"label": checked.verdict, "conflicts_with": [one.index for one in checked.conflicts], "seconds": seconds}


def test_the_judge_beats_lexical_rules_on_the_development_set(scorer, record_property) -> None:
    lines = (SHARED / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    scenarios = [json.loads(line) for line in lines]
    ours = scorer.measure(scenarios, [answer(scenario) for scenario in scenarios])
    floor = scorer.measure(scenarios, [scorer.rules(scenario) for scenario in scenarios])
    pairs = sum(len(scenario["memory"]) for scenario in scenarios) / len(scenarios)
    record_property("paradox", ours)

    assert ours["accuracy"] >= floor["accuracy"] + 0.15
    assert ours["conflict"]["f1"] >= floor["conflict"]["f1"] + 0.15
    assert ours["false_alarms"] <= floor["false_alarms"]
    assert ours["pointing"]["pointed"] >= floor["pointing"]["pointed"] + 0.15
    assert ours["latency_ms"]["p50"] / pairs < 5
