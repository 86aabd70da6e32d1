"""The pairs that the classifier is trained on: read as written, told anew with each seed, none from the development set."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest

from training.paradox.made import made
from training.paradox.memories import AT_ODDS, LENGTHS, Memories, balanced
from training.paradox.pair import COMPATIBLE, CONTRADICTION, NOT_AT_ODDS, UNRELATED, UPDATE, Pair
from training.paradox.scenarios import built
from training.paradox.written import Teller, WrittenStatement, families, line, written

SCENARIOS = Path(__file__).resolve().parents[2] / "training" / "paradox" / "scenarios"
SECOND = SCENARIOS / "second.txt"
THIRD = SCENARIOS / "third.jsonl"
FOURTH = SCENARIOS / "fourth.jsonl"
FIFTH = SCENARIOS / "fifth.jsonl"
SIXTH = SCENARIOS / "sixth.jsonl"
SEVENTH = SCENARIOS / "seventh.jsonl"
DEV = Path(__file__).resolve().parents[3] / "shared" / "paradox" / "dev.jsonl"


def test_a_line_says_who_speaks_how_much_later_and_what() -> None:
    told = line("@ben 5m I never said so.", CONTRADICTION)

    assert (told.speaker, told.text) == ("ben", "I never said so.")
    assert told.gap is not None
    assert told.gap.total_seconds() == 300
    assert told.at_once


def test_a_line_without_marks_is_all_text() -> None:
    assert line("Five of us went.", UPDATE) == WrittenStatement("Five of us went.", UPDATE)


def test_most_families_are_contrasts_and_not_a_pair_alone() -> None:
    contrasts = [family for family in families() if len({after.label for after in family.after}) > 1]

    assert len(contrasts) > 400


@pytest.fixture(scope="module")
def told_once() -> list[Pair]:
    """All families, told once: that takes seconds."""
    return written(1, 1)


def test_every_relation_is_told_and_told_differently_with_another_seed(told_once: list[Pair]) -> None:
    assert {pair.label for pair in told_once} == {CONTRADICTION, UPDATE, COMPATIBLE, UNRELATED, NOT_AT_ODDS}
    assert told_once == written(1, 1)
    assert told_once != written(2, 1)


def test_some_families_are_told_without_the_others(told_once: list[Pair]) -> None:
    of_lures = {family.old.text for family in families() if family.file == "lures"}
    told = written(1, 1, frozenset({"lures"}))

    assert len(of_lures) > 40
    assert len(told) < len(told_once) / 8
    assert any(pair.old in of_lures for pair in told)


def test_a_name_is_changed_in_both_statements_or_in_neither() -> None:
    teller = Teller(3)
    family = next(one for one in teller.families if one.old.text.startswith("Kofi"))

    for _ in range(40):
        pair = teller.renamed(teller.told(family.old, family.after[0]))
        assert pair.old.split()[0].removesuffix("'s") == pair.new.split()[0].removesuffix("'s")


def test_frames_make_all_four_verdicts() -> None:
    assert {pair.label for pair in made(300, 5)} == {CONTRADICTION, UPDATE, COMPATIBLE, UNRELATED}


def test_a_memory_is_one_new_statement_beside_several_of_which_at_most_one_is_at_odds() -> None:
    told = Memories(4).told_of(frozenset({"lures"}), 0.2)

    assert told == Memories(4).told_of(frozenset({"lures"}), 0.2)
    assert max(len(memory) for memory in told) > 2
    for memory in told:
        assert len({pair.new for pair in memory}) == 1
        assert sum(pair.label in AT_ODDS for pair in memory) <= 1


def test_how_long_a_new_statement_is_does_not_say_whether_it_is_at_odds() -> None:
    told = balanced(Memories(4).told_of(frozenset({"lures", "implied"}), 0.4), random.Random(4))
    shares = []
    for low, high in pairwise((0, *LENGTHS)):
        among = [memory for memory in told if low <= len(memory[0].new.split()) < high]
        if len(among) >= 40:
            shares.append(sum(any(pair.label in AT_ODDS for pair in memory) for memory in among) / len(among))

    assert len(shares) >= 3
    assert max(shares) - min(shares) < 0.03


@pytest.mark.parametrize(
    "path", [DEV, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH], ids=["development set", "third", "fourth", "fifth", "sixth", "seventh"]
)
def test_nothing_of_a_set_that_is_only_looked_at_is_trained_on(path: Path) -> None:
    if not path.exists():
        pytest.skip("the development set is kept beside the repository")
    known = {text.casefold() for family in families() for text in (family.old.text, *(after.text for after in family.after))}
    scenarios = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    theirs = [scenario["memory"][number] for scenario in scenarios for number in scenario["conflicts_with"]]
    theirs += [scenario["new"] for scenario in scenarios]

    assert not [statement["text"] for statement in theirs if statement["text"].casefold() in known]


def test_what_decides_our_scenarios_in_another_voice_is_not_trained_on() -> None:
    known = {text.casefold() for family in families() for text in (family.old.text, *(after.text for after in family.after))}
    deciding = [
        statement["text"]
        for scenario in built(SECOND)
        for statement in (scenario["new"], *(scenario["memory"][number] for number in scenario["conflicts_with"]))
    ]

    assert [text for text in deciding if text.casefold() in known] == []
