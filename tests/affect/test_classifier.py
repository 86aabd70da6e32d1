"""What the shipped affect classifier makes of plain sentences, and what it does where its file is not what it should be."""

import json
import shutil

import pytest

from actors.affect.classifier import SHIPPED, Classifier, load
from actors.affect.labels import LABELS
from actors.memory.messages import EMOTIONS
from actors.neural_network import NetworkMissing


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Thank you so much, you saved my day!", "gratitude"),
        ("I'm really scared of the operation tomorrow.", "fear"),
        ("That's disgusting, there was a hair in my soup.", "disgust"),
        ("I love you more than anything.", "love"),
        ("Haha, that joke was hilarious.", "amusement"),
        ("I'm so sorry, I shouldn't have shouted at you.", "remorse"),
        ("What do you mean by that? How does it work?", "curiosity"),
        ("The meeting is in room four.", "neutral"),
    ],
)
def test_a_plain_feeling_is_read(text: str, label: str) -> None:
    classifier = load()
    (read,) = classifier.read([text])
    assert classifier.felt(read)[0] == label


def test_labels_are_memorys_in_its_order() -> None:
    assert LABELS == EMOTIONS
    assert set(load().thresholds) == set(LABELS)


def test_what_is_said_of_a_text_does_not_depend_on_its_neighbours() -> None:
    texts = ["I'm furious!", "ok", "It was a wonderful evening, we danced and laughed until the band had gone home. " * 4, ""]
    assert load().read(texts) == [load().read([text])[0] for text in texts]


def test_a_text_of_any_length_and_script_is_read() -> None:
    read = load().read(["a" * 100_000, "\U0001f600" * 500, "\u4f60\u597d", "\x00\n\t"])
    assert all(0 <= value <= 1 for row in read for value in row.values())


def test_a_damaged_file_is_refused_by_its_checksum(tmp_path) -> None:
    path = tmp_path / "model.onnx"
    shutil.copy(SHIPPED, path)
    shutil.copy(SHIPPED.with_suffix(".json"), path.with_suffix(".json"))
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    with pytest.raises(NetworkMissing, match="checksum"):
        Classifier(path)


def test_the_description_has_the_goal_and_what_was_reached() -> None:
    about = json.loads(SHIPPED.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["bytes"] < 30_000_000
    assert about["test_macro_f1"] >= 0.46
