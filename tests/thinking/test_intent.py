"""The intent rules, measured on sentences that they were not written against."""

import json
from collections import Counter
from pathlib import Path

import pytest

from actors.thinking.intent import intent_of
from actors.thinking.messages import INTENTS

LABELLED = [json.loads(line) for line in (Path(__file__).parent / "intents.jsonl").read_text().splitlines()]


def macro_f1(split: str) -> float:
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for row in LABELLED:
        if row["split"] != split:
            continue

        intent = intent_of(row["text"]).name
        found[intent] += 1
        wanted[row["intent"]] += 1
        right[intent] += intent == row["intent"]

    return sum(2 * right[name] / ((found[name] + wanted[name]) or 1) for name in INTENTS) / len(INTENTS)


def test_macro_f1_on_the_held_out_sentences() -> None:
    # 0.640 when the rules were frozen, before which no rule had seen a held-out sentence. 1/9 is what guessing gets.
    assert macro_f1("held_out") >= 0.63


def test_what_was_tuned_on_stays_in_hand() -> None:
    assert macro_f1("tuning") >= 0.95


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Who discovered penicillin?", "information_seeking"),
        ("My grandfather passed away and I feel so alone.", "emotional_support"),
        ("How do I fix a flat tyre?", "problem_solving"),
        ("Write a short story about a lighthouse.", "creative_collaboration"),
        ("Hello, how are you?", "social_interaction"),
        ("Do we have free will?", "philosophical"),
        ("I did the right thing, didn't I?", "validation_seeking"),
        ("You're wrong and you know it.", "challenge_authority"),
        ("I feel so lonely. How do I fix my router?", "mixed"),
    ],
)
def test_plain_examples_of_each_intent(text, intent) -> None:
    assert intent_of(text).name == intent


@pytest.mark.parametrize("text", ["", " ", "?", "Wie spät ist es?", "\x00", "a" * 1_000_000, "i " * 40_000])
def test_anything_gets_an_intent_and_says_how_sure_it_is(text) -> None:
    found = intent_of(text)

    assert found.name in INTENTS
    assert 0 <= found.confidence <= 1
    assert set(found.scores) == set(INTENTS)


def test_what_no_rule_knows_gets_a_low_confidence() -> None:
    assert intent_of("Das ist ein Haus.").confidence <= 0.25
