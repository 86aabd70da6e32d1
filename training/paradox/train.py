"""Tunes MiniLM into a classifier of pairs: `python -m training.paradox.train DATA OUT [--scenarios FILE ...]`.

Several teachers first: natural language inference (three labels), then our own pairs (four labels) among more of it. Then the one that
ships: tuned likewise, on pairs that were told anew, and on what the teachers say of them together. OUT gets the weights, float16,
without the word embeddings, which are never tuned. Scenarios are only looked at, for the figures that are printed.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn

from actors.paradox.classifier.rendering import render
from training.minilm import Encoder, tokenizer
from training.paradox.data import inferences, transfers
from training.paradox.made import made
from training.paradox.pair import LABELS, NOT_AT_ODDS, Pair
from training.paradox.written import families, written
from training.tuning import Pace, Rows, Tunable, tune

LONGEST = 80
SEED = 20
VERDICTS = len(LABELS)
OUTPUTS = VERDICTS + 3
"""The verdicts, then contradiction, entailment, neutral."""

INFERENCE = Pace(epochs=2, batch=128, rate=1.5e-4)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Judge(Tunable):
    """The encoder's first token and the mean, and one linear layer."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(768, OUTPUTS)

    def forward(self, ids: Tensor, kinds: Tensor, present: Tensor) -> Tensor:
        """Logits [n, 7]."""
        return self.above(self.encoder.embed(ids, kinds), present.to(torch.float32), 0)

    def above(self, hidden: Tensor, present: Tensor, first: int) -> Tensor:
        """Logits from what goes into layer `first`."""
        hidden = self.encoder.between(hidden, present, first, len(self.encoder.layers))
        weights = present[..., None].to(hidden.dtype)
        pooled = torch.cat([hidden[:, 0], (hidden * weights).sum(1) / weights.sum(1)], dim=1)
        return self.head(self.dropout(pooled))


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of what is read or made."""

    inferences: int
    times: int
    made: int
    among: int
    """Of natural language inference among our own pairs."""

    transfers: int
    files: frozenset[str] = frozenset()
    """Families that are told; all of them if none are named."""

    others: int = 0
    """Pairs of the other families that are told as well, so that they are not forgotten."""


def target(label: int) -> Tensor:
    """Of a verdict: which outputs are compared, and which of them would be right; [14]."""
    right = torch.zeros(OUTPUTS)
    right[list({NOT_AT_ODDS: (2, 3)}.get(label, (label,)))] = 1
    return torch.cat([torch.tensor([1.0] * VERDICTS + [0.0] * 3), right])


def inferred(label: int) -> Tensor:
    """Of natural language inference, likewise; 3: no contradiction."""
    right = torch.zeros(OUTPUTS)
    right[[VERDICTS + one for one in ((1, 2) if label == 3 else (label,))]] = 1
    return torch.cat([torch.tensor([0.0] * VERDICTS + [1.0] * 3), right])


def loss_of(out: Tensor, targets: Tensor) -> Tensor:
    """How improbable what is right is among what is compared; smoothed a little. Soft where teachers spoke: [n, 21]."""
    compared, right = targets[:, :OUTPUTS].bool(), targets[:, OUTPUTS : 2 * OUTPUTS].bool()
    logs = torch.log_softmax(out.masked_fill(~compared, -1e4), dim=1)
    hard = -torch.logsumexp(logs.masked_fill(~right, -1e4), dim=1)
    smooth = -(logs * compared).sum(1) / compared.sum(1)
    if targets.shape[1] == 2 * OUTPUTS:
        return (0.95 * hard + 0.05 * smooth).mean()
    soft = -(logs * targets[:, 2 * OUTPUTS :] * compared).sum(1)
    return (0.4 * hard + 0.6 * soft).mean()


def rendered(pair: Pair) -> tuple[str, str]:
    return render(pair.old, pair.new, pair.speakers, (START, START + pair.gap))


class Material:
    """Texts and what is to be said of them, cut into tokens."""

    def __init__(self, data: Path, amounts: Amounts) -> None:
        self.data, self.amounts = data, amounts
        self.tokenizer = tokenizer(LONGEST)

    def rows(self, texts: list[tuple[str, str]], targets: list[Tensor]) -> Rows:
        encoded = [(one.ids, one.type_ids) for one in self.tokenizer.encode_batch(texts)]
        return Rows(encoded, torch.stack(targets))

    def inference(self, seed: int) -> Rows:
        rows = inferences(self.data, seed)[: self.amounts.inferences]
        return self.rows([(one, other) for one, other, _ in rows], [inferred(label) for *_, label in rows])

    def own(self, seed: int, part: int = 0, parts: int = 1) -> Rows:
        """Our own pairs, told with this seed, among some of natural language inference; or a part of them."""
        amounts, rng = self.amounts, random.Random(seed)
        pairs = made(amounts.made, seed) + written(seed, amounts.times, amounts.files)
        if amounts.files:
            others = frozenset(family.file for family in families()) - amounts.files
            pairs += rng.sample(written(seed, 1, others), amounts.others)
        texts = [rendered(pair) for pair in pairs]
        targets = [target(pair.label) for pair in pairs]
        for one, other, label in transfers(self.data, seed)[: amounts.transfers]:
            texts.append((one, f"{rng.choice(('now', 'today', 'soon', 'later'))}: {other}"))
            targets.append(target(0 if label == 0 else NOT_AT_ODDS))
        among = inferences(self.data, seed + 1)[: amounts.among]
        texts += [(one, other) for one, other, _ in among]
        targets += [inferred(label) for *_, label in among]
        return self.rows(texts[part::parts], targets[part::parts])


def opinions(teachers: list[Judge], rows: Rows) -> Tensor:
    """What they say together, within what is compared: probabilities [n, 7]."""
    compared = rows.targets[:, :OUTPUTS].bool()
    said = [torch.softmax(rows.given(one).masked_fill(~compared, -1e4), dim=1) for one in teachers]
    return torch.stack(said).mean(0)


def looked_at(model: Judge, path: Path, cut: Material) -> dict[str, float]:
    """Figures of scenarios by the classifier alone, at the threshold that is best for them."""
    scenarios = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts, owner = [], []
    for number, scenario in enumerate(scenarios):
        new = scenario["new"]
        for old in scenario["memory"]:
            times = (datetime.fromisoformat(old["time"]), datetime.fromisoformat(new["time"]))
            texts.append(render(old["text"], new["text"], (old["speaker"], new["speaker"]), times))
            owner.append(number)
    given = torch.softmax(cut.rows(texts, [target(0)] * len(texts)).given(model)[:, :VERDICTS], dim=1).cpu()
    best = {"f1": 0.0}
    for threshold in range(10, 91, 4):
        right = both = said = pointed = false = 0
        for number, scenario in enumerate(scenarios):
            rows = [row for row, of in enumerate(owner) if of == number]
            odds = given[rows, :2].sum(1)
            first = int(odds.argmax())
            conflict, true = bool(odds[first] >= threshold / 100), bool(scenario["conflicts_with"])
            both, said, false = both + (conflict and true), said + conflict, false + (conflict and not true)
            pointed += conflict and first in scenario["conflicts_with"]
            verdict = LABELS[int(given[rows[first], :2].argmax())] if conflict else "compatible"
            if not conflict and bool((given[rows, 3] > 0.5).all()):
                verdict = "unrelated"
            right += verdict == scenario["label"]
        conflicts = sum(bool(scenario["conflicts_with"]) for scenario in scenarios)
        f1 = 2 * both / max(1, said + conflicts)
        if f1 > best["f1"]:
            best = {
                "at": threshold / 100,
                "four": right / len(scenarios),
                "f1": f1,
                "false": false / (len(scenarios) - conflicts),
                "pointed": pointed / conflicts,
            }
    return {key: round(value, 3) for key, value in best.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenarios", type=Path, nargs="*", default=[])
    parser.add_argument("--teachers", type=int, default=4)
    parser.add_argument("--inferences", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=16, help="how often each written line is told")
    parser.add_argument("--made", type=int, default=60_000)
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=float, default=1.0, help="of our own pairs, for the one that ships")
    parser.add_argument("--frozen", type=int, default=0, help="lowest layers that stay as they are, for those without a GPU")
    parser.add_argument("--exported", type=Path, help="an exported network whose frozen layers are the same")
    parser.add_argument(
        "--start", type=Path, nargs="*", default=[], help="weights to go on from, averaged; no inference data then"
    )
    parser.add_argument(
        "--part", default="0/1", help="tune on one of so many parts of our own pairs; others are tuned beside it"
    )
    parser.add_argument("--files", nargs="*", default=[], help="families to go on with; of the others only so many pairs:")
    parser.add_argument("--others", type=int, default=2200)
    parser.add_argument("--average", type=float, default=0.995, help="of the running mean; less for few steps")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--students", nargs="*", default=["012345:1536"], help="layers:neurons of what is tuned at last")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + chosen.minutes * 60
    cut = Material(
        chosen.data,
        Amounts(
            chosen.inferences,
            chosen.times,
            chosen.made,
            among=chosen.inferences // 2,
            transfers=chosen.inferences // 12,
            files=frozenset(chosen.files),
            others=chosen.others,
        ),
    )
    first = None if chosen.start else cut.inference(chosen.seed)

    pace = Pace(epochs=1, rate=chosen.rate, batch=chosen.batch, average=chosen.average)
    teachers: list[Judge] = []
    if chosen.teachers:
        own = cut.own(chosen.seed)
    for number in range(chosen.teachers):
        teacher = begun(chosen.start)
        if first is not None:
            tune(teacher, first, loss_of, INFERENCE, seed=chosen.seed + number, until=until, name="inference")
        tune(teacher, own, loss_of, pace, seed=chosen.seed + number, until=until, name=f"teacher {number}")
        told(teacher, chosen.scenarios, cut)
        teachers.append(teacher)

    number, parts = (int(one) for one in chosen.part.split("/"))
    own = cut.own(chosen.seed + 1, number, parts)
    if chosen.frozen:
        own.settle(chosen.exported, chosen.frozen)
    if teachers:
        own.targets = torch.cat([own.targets, opinions(teachers, own)], dim=1)
    pace = replace(pace, epochs=chosen.epochs)
    for form in chosen.students:
        layers, inner = form.split(":")
        numbers = [int(one) for one in layers]
        student = begun(chosen.start)
        student.encoder = student.encoder.narrowed(numbers, int(inner))
        if first is not None:
            tune(student, first, loss_of, INFERENCE, seed=chosen.seed, until=until, name="inference")
        tune(student, own, loss_of, pace, seed=chosen.seed + 1, until=until, name=f"student {form}")
        told(student, chosen.scenarios, cut)
        about = {"layers": numbers, "inner": int(inner)}
        torch.save({"model": student.kept(), **about}, chosen.out / f"pair-{len(numbers)}-{inner}.pt")


def begun(start: list[Path]) -> Judge:
    """MiniLM, or the average of what was tuned before (Wortsman et al. 2022)."""
    judge = Judge(Encoder.pretrained())
    if start:
        judge.load_state_dict(averaged(start), strict=False)
    return judge


def averaged(paths: list[Path]) -> dict[str, Tensor]:
    """The mean of weights that were tuned from the same ones."""
    states = [torch.load(path)["model"] for path in paths]
    return {name: torch.stack([state[name].float() for state in states]).mean(0) for name in states[0]}


def told(model: Judge, scenarios: list[Path], cut: Material) -> None:
    for path in scenarios:
        print(json.dumps({path.stem: looked_at(model, path, cut)}), flush=True)


if __name__ == "__main__":
    main()
