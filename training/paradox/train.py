"""Tunes MiniLM into a classifier of pairs: `python -m training.paradox.train DATA OUT [--scenarios FILE]`.

First natural language inference (three labels), then our own pairs (four labels, see pairs.py) with some of the inference data that
means the same. The word embeddings and the lowest layers stay as they are. Weights are averaged over the steps, so that any
checkpoint serves. OUT gets state.pt.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from actors.paradox.classifier.rendering import render
from training.minilm import Encoder, pretrained_folder
from training.paradox.data import inferences, transfers
from training.paradox.pairs import Pair, made, written

FROZEN = 3
LONGEST = 80
BATCH = 32
RATE = 2e-4
LAYER_DECAY = 0.9
SEED = 20
Example = tuple[list[int], list[int], int]


class Judge(nn.Module):
    """The encoder's first token and the mean, and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder.pretrained(6, dropout=0.1)
        self.inference = nn.Linear(768, 3)
        self.verdict = nn.Linear(768, 4)

    def features(self, ids: Tensor, kinds: Tensor, present: Tensor) -> Tensor:
        """[n, 768]."""
        with torch.no_grad():
            hidden = self.encoder.between(self.encoder.embed(ids, kinds), present, 0, FROZEN)
        hidden = self.encoder.between(hidden, present, FROZEN, 6)
        weights = present[..., None]
        return torch.cat([hidden[:, 0], (hidden * weights).sum(1) / weights.sum(1)], dim=1)

    def forward(self, ids: Tensor, kinds: Tensor, present: Tensor) -> Tensor:
        """Logits of the four verdicts: [n, 4]."""
        return self.verdict(self.features(ids, kinds, present.to(torch.float32)))


def rendered(pair: Pair) -> tuple[str, str]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return render(pair.old, pair.new, pair.speakers, (start, start + pair.gap))


def encoded(tokenizer: Tokenizer, rows: list[tuple[str, str, int]]) -> list[Example]:
    found = tokenizer.encode_batch([(one, other) for one, other, _ in rows])
    return [(one.ids, one.type_ids, label) for one, (_, _, label) in zip(found, rows, strict=True)]


def stacked(rows: list[Example]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    longest = max(len(row[0]) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    kinds = torch.zeros_like(ids)
    present = torch.zeros(len(rows), longest)
    for number, (row, kind, _) in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        kinds[number, : len(row)] = torch.tensor(kind)
        present[number, : len(row)] = 1
    return ids, kinds, present, torch.tensor([row[2] for row in rows])


def batches(rows: list[Example], rng: random.Random) -> Iterator[list[Example]]:
    """Rows of nearly one length together, batches in any order."""
    order = sorted(range(len(rows)), key=lambda number: len(rows[number][0]) + rng.uniform(-2, 2))
    cut = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    rng.shuffle(cut)
    for numbers in cut:
        yield [rows[number] for number in numbers]


@torch.no_grad()
def accuracy(model: Judge, rows: list[Example]) -> float:
    model.eval()
    right = 0
    for start in range(0, len(rows), 64):
        ids, kinds, present, labels = stacked(rows[start : start + 64])
        right += int((model(ids, kinds, present).argmax(1) == labels).sum())
    model.train()
    return right / len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--made", type=int, default=13_000)
    parser.add_argument("--look", type=int, default=100)
    parser.add_argument("--inferences", type=int, default=4800, help="pairs of natural language inference that come first")
    parser.add_argument("--transfers", type=int, default=4000, help="pairs of inference data among our own")
    parser.add_argument("--times", type=int, default=6, help="how often each written pair is seen")
    parser.add_argument("--seed", type=int, default=SEED, help="of the pairs that are made")
    parser.add_argument("--start", type=Path, help="a state.pt to go on from")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    rng = random.Random(SEED)
    tokenizer = Tokenizer.from_file(str(pretrained_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.no_padding()

    first = encoded(tokenizer, inferences(chosen.data, SEED)[: chosen.inferences])
    held = encoded(tokenizer, [(*rendered(pair), pair.label) for pair in made(600, SEED + 1)])
    own = [(*rendered(pair), pair.label) for pair in made(chosen.made, chosen.seed) + written(chosen.seed, chosen.times)]
    own += [(one, f"today: {other}", label) for one, other, label in transfers(chosen.data, chosen.seed)[: chosen.transfers]]
    second = encoded(tokenizer, own)
    print(f"{len(first)} inferences, {len(second)} pairs", flush=True)

    model = Judge()
    if chosen.start:
        model.load_state_dict(torch.load(chosen.start)["model"])
    for frozen in (
        model.encoder.words,
        model.encoder.places,
        model.encoder.kinds,
        model.encoder.norm,
        *model.encoder.layers[:FROZEN],
    ):
        frozen.requires_grad_(False)
    groups = [{"params": [*model.inference.parameters(), *model.verdict.parameters()], "lr": RATE * 5}]
    groups += [
        {"params": model.encoder.layers[number].parameters(), "lr": RATE * LAYER_DECAY ** (5 - number)}
        for number in range(FROZEN, 6)
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    early = (len(first) + BATCH - 1) // BATCH
    steps = early + (len(second) + BATCH - 1) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 40) * max(0.03, 1 - step / steps)
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    tuned = {name: value for name, value in model.named_parameters() if value.requires_grad}
    averaged = {name: value.detach().clone() for name, value in tuned.items()}
    began, step, losses = time.monotonic(), 0, []
    for rows, head in ((first, "inference"), (second, "verdict")):
        for batch in batches(rows, rng):
            ids, kinds, present, labels = stacked(batch)
            loss = loss_of(getattr(model, head)(model.features(ids, kinds, present)), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(tuned.values(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            losses.append(loss.item())
            keep = min(0.99, step / (step + 20))
            with torch.no_grad():
                for name, value in tuned.items():
                    averaged[name].mul_(keep).add_(value, alpha=1 - keep)
            if step % chosen.look == 0 or step == steps:
                last = {name: value.detach().clone() for name, value in tuned.items()}
                model.load_state_dict(averaged, strict=False)
                torch.save({"model": model.state_dict(), "step": step}, chosen.out / "state.pt")
                line = {
                    "step": step,
                    "of": steps,
                    "seconds": round(time.monotonic() - began),
                    "loss": round(sum(losses) / len(losses), 4),
                }
                losses = []
                if head == "verdict":
                    line["made_accuracy"] = round(accuracy(model, held), 4)
                print(json.dumps(line), flush=True)
                model.load_state_dict(last, strict=False)


if __name__ == "__main__":
    main()
