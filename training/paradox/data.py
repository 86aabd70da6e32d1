"""Reads the public data that the pair classifier was first tuned on. What each is, and its licence: manifest.json."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

__all__ = ["inferences", "transfers"]

NLI = {"contradiction": 0, "entailment": 1, "neutral": 2}
Row = tuple[str, str, int]


def snli(folder: Path) -> list[Row]:
    """s1.dev, s2.dev, labels.dev and the same of test: the parallel files in which e-SNLI's repository has SNLI."""
    found = []
    for part in ("dev", "test"):
        sides = [(folder / f"{name}.{part}").read_text(encoding="utf-8").splitlines() for name in ("s1", "s2", "labels")]
        found += [(plain(one), plain(other), NLI[label]) for one, other, label in zip(*sides, strict=True) if label in NLI]
    return found


def breaking(folder: Path) -> list[Row]:
    """dataset.jsonl of Breaking NLI."""
    lines = (folder / "dataset.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["sentence1"], row["sentence2"], NLI[row["gold_label"]]) for row in rows if row["gold_label"] in NLI]


def negations(folder: Path) -> list[Row]:
    """MNLI.txt and SNLI.txt of negation-and-nli."""
    found = []
    for name in ("MNLI", "SNLI"):
        with (folder / f"{name}.txt").open(encoding="cp1252", errors="replace") as file:
            rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            found += [(row[1], row[2], NLI[row[-1]]) for row in rows if row[-1] in NLI]
    return found


def mnli(folder: Path) -> list[Row]:
    """binary.csv: pairs of MultiNLI's matched development set, contradiction or not, as ProSeCCo's repository has them."""
    with (folder / "binary.csv").open(encoding="utf-8") as file:
        return [(row["sentence1"], row["sentence2"], 0 if row["label"] == "1" else 2) for row in csv.DictReader(file)]


def prosecco(folder: Path) -> list[Row]:
    """ProSeCCo's propositions of one speaker, at odds or not."""
    rows = [json.loads(line) for line in (folder / "all.json").read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        (row["proposition_1"], row["proposition_2"], 0 if row["label"] == "self-contradiction" else 2)
        for row in rows
        if row.get("proposition_1") and row.get("proposition_2")
    ]


def inferences(folder: Path, seed: int) -> list[Row]:
    """All of them, shuffled: contradiction 0, entailment 1, neutral 2."""
    rng = random.Random(seed)
    rows = rng.sample(snli(folder / "snli"), 9000)
    rows += rng.sample(breaking(folder / "breaking"), 2500)
    rows += rng.sample(negations(folder / "neg"), 1500)
    rows += mnli(folder / "mnli")
    rows += prosecco(folder / "prosecco")
    rng.shuffle(rows)
    return rows


def transfers(folder: Path, seed: int) -> list[Row]:
    """Those whose contradictions are ours too, since both sentences stand by themselves: 0 contradiction, 2 compatible."""
    rng = random.Random(seed)
    rows = rng.sample([row for row in breaking(folder / "breaking") if row[2] != 2], 900)
    rows += rng.sample(negations(folder / "neg"), 700)
    rows += rng.sample(mnli(folder / "mnli"), 900)
    rows += prosecco(folder / "prosecco")
    rng.shuffle(rows)
    return [(one, other, 0 if label == 0 else 2) for one, other, label in rows]


def plain(tokens: str) -> str:
    """A tokenised sentence as it is written."""
    for gap, joined in ((" .", "."), (" ,", ","), (" ?", "?"), (" !", "!"), (" '", "'"), (" n't", "n't")):
        tokens = tokens.replace(gap, joined)
    return tokens
