"""Reads the public data that the pair classifier was first tuned on. What each is, and its licence: manifest.json."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

__all__ = ["inferences", "transfers"]

NLI = {"contradiction": 0, "entailment": 1, "neutral": 2}
NO_CONTRADICTION = 3
"""Entailment or neutral: some data say no more."""

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
        return [
            (row["sentence1"], row["sentence2"], 0 if row["label"] == "1" else NO_CONTRADICTION) for row in csv.DictReader(file)
        ]


def prosecco(folder: Path) -> list[Row]:
    """ProSeCCo's propositions of one speaker, at odds or not."""
    rows = [json.loads(line) for line in (folder / "all.json").read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        (row["proposition_1"], row["proposition_2"], 0 if row["label"] == "self-contradiction" else NO_CONTRADICTION)
        for row in rows
        if row.get("proposition_1") and row.get("proposition_2")
    ]


def counterfactual(folder: Path) -> list[Row]:
    """train.tsv, dev.tsv, test.tsv: pairs of SNLI, each rewritten by few words so that its label changes."""
    found = []
    for part in ("train", "dev", "test"):
        with (folder / f"{part}.tsv").open(encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            found += [(row["sentence1"], row["sentence2"], NLI[row["gold_label"]]) for row in rows if row["gold_label"] in NLI]
    return found


def scoped(folder: Path) -> list[Row]:
    """ScoNe's training files: negations that matter, and negations that do not."""
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8") as file:
            rows = csv.DictReader(file)
            end = "_edited" if "sentence1_edited" in (rows.fieldnames or ()) else ""
            found += [
                (row[f"sentence1{end}"], row[f"sentence2{end}"], NLI[row[f"gold_label{end}"]])
                for row in rows
                if row[f"gold_label{end}"] in NLI
            ]
    return found


def monotone(folder: Path) -> list[Row]:
    """MED.tsv: what follows when a word becomes wider or narrower."""
    with (folder / "MED.tsv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["sentence1"], row["sentence2"], NLI[row["gold_label"]]) for row in rows if row["gold_label"] in NLI]


def inferences(folder: Path, seed: int) -> list[Row]:
    """All of them, shuffled: contradiction 0, entailment 1, neutral 2, no contradiction 3."""
    rng = random.Random(seed)
    rows = snli(folder / "snli") + counterfactual(folder / "cad") + negations(folder / "neg")
    rows += rng.sample(breaking(folder / "breaking"), 5000)
    rows += rng.sample(scoped(folder / "scone"), 3000) + rng.sample(monotone(folder / "med"), 3000)
    rows += mnli(folder / "mnli") + prosecco(folder / "prosecco")
    rng.shuffle(rows)
    return rows


def transfers(folder: Path, seed: int) -> list[Row]:
    """Those whose contradictions are ours too, since both sentences stand by themselves: 0 contradiction, 2 not at odds."""
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
