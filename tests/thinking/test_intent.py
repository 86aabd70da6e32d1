"""The intent classifier, measured on sentences that it was not trained on."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from actors.thinking.intent import intent_of
from actors.thinking.messages import INTENTS
from training.intent.train import SENTENCES

HERE = Path(__file__).parent


def rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


def macro_f1(labelled: list[dict[str, str]]) -> float:
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for row in labelled:
        intent = intent_of(row["text"]).name
        found[intent] += 1
        wanted[row["intent"]] += 1
        right[intent] += intent == row["intent"]

    return sum(2 * right[name] / ((found[name] + wanted[name]) or 1) for name in INTENTS) / len(INTENTS)


def test_macro_f1_on_the_held_out_sentences() -> None:
    # 0.79 when it was trained; the rules alone had 0.64, guessing gets 0.11.
    assert macro_f1([row for row in rows("intents.jsonl") if row["split"] == "held_out"]) >= 0.75


def test_macro_f1_on_sentences_in_another_voice() -> None:
    # Slang and letters in an old-fashioned hand: 0.58; 0.42 before training had any.
    assert macro_f1(rows("intents_other_voice.jsonl")) >= 0.53


def test_no_held_out_sentence_was_trained_on() -> None:
    trained = {line.strip().casefold() for path in SENTENCES.glob("*.txt") for line in path.read_text("utf-8").splitlines()}
    held_out = [row["text"] for row in rows("intents.jsonl") if row["split"] == "held_out"]
    held_out += [row["text"] for row in rows("intents_other_voice.jsonl")]

    assert not {text.casefold() for text in held_out} & trained


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


@pytest.mark.parametrize("text", ["", " ", "?", "Wie spät ist es?", "\x00", "\ud800", "a" * 1_000_000, "i " * 40_000])
def test_anything_gets_an_intent_and_says_how_sure_it_is(text) -> None:
    found = intent_of(text)

    assert found.name in INTENTS
    assert 0 <= found.confidence <= 1
    assert set(found.scores) == set(INTENTS)


def test_what_training_has_not_seen_gets_a_low_confidence() -> None:
    assert intent_of("Das ist ein Haus.").confidence <= 0.25


def test_the_longest_text_is_read_within_milliseconds() -> None:
    intent_of("warm")
    began = time.process_time()
    for _ in range(5):
        intent_of("write " * 200_000)

    # 4 ms each on an idle machine.
    assert time.process_time() - began < 0.25
