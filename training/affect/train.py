"""Tunes a small network to GoEmotions' 28 labels: `python -m training.affect.train DATA OUT [--texts FILE ...]`.

DATA holds train.tsv, dev.tsv and test.tsv of google-research/goemotions (text, label numbers, id). Teachers first: all six layers of
MiniLM, each with another seed. Then the one that ships, of fewer layers and neurons (see `Encoder.narrowed`), on the labels and on what
the teachers say together (Hinton et al. 2015), also of texts without labels, one a line of each FILE. OUT gets the weights, float16,
without the word embeddings, which are never tuned.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.affect.scores import macro_f1, tuned_thresholds
from training.minilm import Encoder, mean, tokenizer
from training.tuning import DEVICE, Pace, Rows, Tunable, tune

LABELS = 28
LONGEST = 48
SEED = 20
TEACHER = Pace(epochs=4, batch=64, rate=1e-4)
STUDENT = Pace(epochs=12, batch=128, rate=3e-4, average=0.998)
TAUGHT = 0.7
"""Share of the loss that is the teachers'."""


class Affect(Tunable):
    """The encoder's mean, and one linear layer."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(384, LABELS)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Logits [n, 28]."""
        return self.above(self.encoder.embed(ids), present.to(torch.float32), 0)

    def above(self, hidden: Tensor, present: Tensor, first: int) -> Tensor:
        """Logits from what goes into layer `first`."""
        hidden = self.encoder.between(hidden, present, first, len(self.encoder.layers))
        return self.head(self.dropout(mean(hidden, present)))


def read(path: Path) -> tuple[list[str], np.ndarray]:
    texts, labels = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        text, numbers, _ = line.rsplit("\t", 2)
        row = np.zeros(LABELS, np.float32)
        row[[int(number) for number in numbers.split(",")]] = 1
        texts.append(text)
        labels.append(row)

    return texts, np.stack(labels)


def rows_of(texts: list[str], labels: np.ndarray) -> Rows:
    encoded = tokenizer(LONGEST).encode_batch(texts)
    return Rows([(one.ids, one.type_ids) for one in encoded], torch.from_numpy(labels))


def loss_by(rare: Tensor) -> nn.BCEWithLogitsLoss:
    """Rare labels count more: the fourth root of how rare they are."""
    return nn.BCEWithLogitsLoss(pos_weight=rare.to(DEVICE))


def taught_by(rare: Tensor):
    """The loss of targets [n, 57]: labels, what the teachers say, and whether the labels are known."""
    weights = rare.to(DEVICE)

    def loss_of(out: Tensor, targets: Tensor) -> Tensor:
        labels, said, known = targets[:, :LABELS], targets[:, LABELS : 2 * LABELS], targets[:, -1:]
        hard = functional.binary_cross_entropy_with_logits(out, labels, pos_weight=weights, reduction="none")
        soft = functional.binary_cross_entropy_with_logits(out, said, reduction="none")
        return (known * ((1 - TAUGHT) * hard + TAUGHT * soft) + (1 - known) * soft).mean()

    return loss_of


def figures(model: Affect, rows: Rows) -> dict[str, float]:
    """Macro-F1 with thresholds chosen on the same rows."""
    given, labels = torch.sigmoid(rows.given(model)).cpu().numpy(), rows.targets.cpu().numpy()
    return {"dev_macro_f1": round(macro_f1(given, labels, tuned_thresholds(given, labels)), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--texts", type=Path, nargs="*", default=[])
    parser.add_argument("--teachers", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--students", nargs="*", default=["024:768"], help="layers:neurons of what is tuned at last")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + chosen.minutes * 60
    texts, labels = read(chosen.data / "train.tsv")
    train, dev = rows_of(texts, labels), rows_of(*read(chosen.data / "dev.tsv"))
    rare = torch.from_numpy((len(labels) / labels.sum(0)) ** 0.25)

    teachers = []
    for number in range(chosen.teachers):
        teacher = Affect(Encoder.pretrained())
        tune(teacher, train, loss_by(rare), TEACHER, seed=SEED + number, until=until, name=f"teacher {number}")
        print(json.dumps(figures(teacher, dev)), flush=True)
        teachers.append(teacher)

    more = [line for path in chosen.texts for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    both = rows_of(texts + more, np.concatenate([labels, np.zeros((len(more), LABELS), np.float32)]))
    known = torch.cat([torch.ones(len(texts), 1), torch.zeros(len(more), 1)]).to(DEVICE)
    said = torch.stack([torch.sigmoid(both.given(one)) for one in teachers]).mean(0)
    both.targets = torch.cat([both.targets, said, known], dim=1)
    for form in chosen.students:
        layers, inner = form.split(":")
        numbers = [int(one) for one in layers]
        student = Affect(Encoder.pretrained().narrowed(numbers, int(inner)))
        tune(student, both, taught_by(rare), STUDENT, seed=SEED, until=until, name=f"student {form}")
        line = figures(student, dev)
        print(json.dumps({form: line}), flush=True)
        about = {"layers": numbers, "inner": int(inner), **line}
        torch.save({"model": student.kept(), **about}, chosen.out / f"affect-{len(numbers)}-{inner}.pt")


if __name__ == "__main__":
    main()
