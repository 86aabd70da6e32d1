"""Tunes MiniLM's upper layers to GoEmotions' 28 labels: `python -m training.affect.train DATA OUT`.

DATA holds train.tsv, dev.tsv and test.tsv of google-research/goemotions (text, label numbers, id). The word embeddings and the
lowest layers stay as they are: what they give for the training texts is computed once, so that an epoch costs two thirds. Weights are
averaged over the steps (decay 0.999), so that any checkpoint serves. OUT gets `state.pt` and, for each checkpoint, a line of figures.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from training.affect.scores import macro_f1, tuned_thresholds
from training.minilm import Encoder, mean, pretrained_folder

LABELS = 28
FROZEN = 2
LONGEST = 48
BATCH = 32
RATE = 2e-4
LAYER_DECAY = 0.9
AVERAGE = 0.998
SEED = 20


class Affect(nn.Module):
    """The encoder's mean, and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder.pretrained(6, dropout=0.1)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(384, LABELS)

    def forward(self, ids: Tensor, present: Tensor) -> Tensor:
        """Logits [n, 28]."""
        return self.head(mean(self.encoder(ids, present), present))

    def upper(self, hidden: Tensor, present: Tensor) -> Tensor:
        """Logits from what the frozen layers gave."""
        hidden = self.encoder.between(hidden, present, FROZEN, 6)
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


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [one.ids for one in tokenizer.encode_batch(texts)]


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    present = torch.zeros(len(rows), longest)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        present[number, : len(row)] = 1
    return ids, present


@torch.no_grad()
def lower(model: Affect, rows: list[list[int]]) -> list[Tensor]:
    """What the frozen layers give for each text, as [tokens, 384] float16."""
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    for start in range(0, len(order), 64):
        numbers = order[start : start + 64]
        ids, present = padded([rows[number] for number in numbers])
        hidden = model.encoder.between(model.encoder.embed(ids), present, 0, FROZEN).half()
        for place, number in enumerate(numbers):
            found[number] = hidden[place, : len(rows[number])].clone()
    return found


def batches(lengths: list[int], random_: random.Random) -> list[list[int]]:
    """Texts of nearly the same length together, batches in any order."""
    order = sorted(range(len(lengths)), key=lambda number: lengths[number] + random_.uniform(-1.5, 1.5))
    cut = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    random_.shuffle(cut)
    return cut


def stacked(hidden: list[Tensor], numbers: list[int]) -> tuple[Tensor, Tensor]:
    longest = max(len(hidden[number]) for number in numbers)
    out = torch.zeros(len(numbers), longest, 384)
    present = torch.zeros(len(numbers), longest)
    for place, number in enumerate(numbers):
        one = hidden[number]
        out[place, : len(one)] = one.float()
        present[place, : len(one)] = 1
    return out, present


@torch.no_grad()
def predict(model: Affect, hidden: list[Tensor]) -> np.ndarray:
    model.eval()
    order = sorted(range(len(hidden)), key=lambda number: len(hidden[number]))
    out = np.zeros((len(hidden), LABELS), np.float32)
    for start in range(0, len(order), 64):
        numbers = order[start : start + 64]
        out[numbers] = torch.sigmoid(model.upper(*stacked(hidden, numbers))).numpy()
    model.train()
    return out


def groups(model: Affect) -> list[dict]:
    """Upper layers learn faster than lower ones (Howard and Ruder 2018)."""
    found = [{"params": model.head.parameters(), "lr": RATE * 5}]
    found += [
        {"params": model.encoder.layers[number].parameters(), "lr": RATE * LAYER_DECAY ** (5 - number)}
        for number in range(FROZEN, 6)
    ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--look", type=int, default=450, help="steps between checkpoints")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    random_ = random.Random(SEED)

    tokenizer = Tokenizer.from_file(str(pretrained_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()
    model = Affect()
    for frozen in (model.encoder.words, model.encoder.places, model.encoder.kinds, model.encoder.norm):
        frozen.requires_grad_(False)
    for layer in model.encoder.layers[:FROZEN]:
        layer.requires_grad_(False)

    texts, labels = read(chosen.data / "train.tsv")
    dev_texts, dev_labels = read(chosen.data / "dev.tsv")
    began = time.monotonic()
    model.eval()
    dev_hidden = lower(model, encode(tokenizer, dev_texts))
    hidden = lower(model, encode(tokenizer, texts))
    print(f"frozen layers: {time.monotonic() - began:.0f} s", flush=True)
    model.train()

    target = torch.from_numpy(labels)
    rare = (len(target) / target.sum(0)) ** 0.25
    loss_of = nn.BCEWithLogitsLoss(pos_weight=rare)
    optimizer = torch.optim.AdamW(groups(model), weight_decay=0.01)
    steps = chosen.epochs * ((len(hidden) + BATCH - 1) // BATCH)
    warm = steps // 20
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(step / max(warm, 1), max(0.02, (steps - step) / (steps - warm)))
    )
    tuned = {name: value for name, value in model.named_parameters() if value.requires_grad}
    averaged = {name: value.detach().clone() for name, value in tuned.items()}
    step = 0
    for epoch in range(chosen.epochs):
        for numbers in batches([len(one) for one in hidden], random_):
            loss = loss_of(model.upper(*stacked(hidden, numbers)), target[numbers])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            keep = min(AVERAGE, step / (step + 20))
            with torch.no_grad():
                for name, value in tuned.items():
                    averaged[name].mul_(keep).add_(value, alpha=1 - keep)
            if step % chosen.look == 0 or step == steps:
                last = {name: value.detach().clone() for name, value in tuned.items()}
                model.load_state_dict(averaged, strict=False)
                given = predict(model, dev_hidden)
                torch.save({"model": model.state_dict(), "step": step}, chosen.out / "state.pt")
                model.load_state_dict(last, strict=False)
                thresholds = tuned_thresholds(given, dev_labels)
                line = {
                    "epoch": epoch,
                    "step": step,
                    "of": steps,
                    "seconds": round(time.monotonic() - began),
                    "loss": round(float(loss), 4),
                    "dev_macro_f1": round(macro_f1(given, dev_labels, thresholds), 4),
                    "dev_macro_f1_half": round(macro_f1(given, dev_labels, np.full(LABELS, 0.5)), 4),
                }
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
