"""Goes on tuning on whole memories: `python -m training.paradox.among OUT --start STATE ... --seed N ...`.

Beside the loss of each pair stands that of its memory: which of its statements is at odds, if any (a softmax over each of them and
none, as the judge weighs them). So what is tuned is what is asked of it: to point at the right one, or at none.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from training.minilm import tokenizer
from training.paradox.data import Row, snli
from training.paradox.memories import AT_ODDS, Memory, gathered
from training.paradox.train import LONGEST, OUTPUTS, begun, inferred, loss_of, rendered, target
from training.paradox.written import families
from training.tuning import DEVICE, Pace, Rows, tune

OF_A_MEMORY = 0.5
"""How much the loss of a memory counts beside that of its pairs."""


class RowsOfMemories(Rows):
    """Pairs that stay together with those of their memory."""

    def __init__(self, encoded: Sequence[tuple[list[int], list[int]]], targets: Tensor, owners: list[int]) -> None:
        super().__init__(encoded, targets)
        self.members: list[list[int]] = [[] for _ in range(owners[-1] + 1)]
        for row, owner in enumerate(owners):
            self.members[owner].append(row)
        self.longest = torch.stack([self.lengths[rows].max() for rows in self.members])

    def shuffled(self, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Numbers of rows, whole memories of nearly one length, some `batch` rows together, in any order."""
        order = torch.argsort(self.longest + 4 * torch.rand(len(self.members), generator=generator))
        cut: list[list[int]] = [[]]
        for number in order.tolist():
            if len(cut[-1]) + len(self.members[number]) > batch:
                cut.append([])
            cut[-1] += self.members[number]
        for number in torch.randperm(len(cut), generator=generator).tolist():
            yield torch.tensor(cut[number])


def loss_among(out: Tensor, targets: Tensor) -> Tensor:
    """That of each pair, and how improbable it is that of each memory what is at odds is, or that nothing is.

    Args:
        out: [n, 7].
        targets: [n, 16], what `loss_of` takes, then the memory's number and whether the pair is at odds. What no verdict is compared
            of is natural language inference, and of no memory.
    """
    of_pairs = loss_of(out, targets[:, : 2 * OUTPUTS])
    remembered = targets[:, 0] > 0
    if not remembered.any():
        return of_pairs
    out, about = out[remembered], targets[remembered, 2 * OUTPUTS :]
    _, memory = about[:, 0].unique(return_inverse=True)
    memories = int(memory.max()) + 1
    odds = torch.logsumexp(out[:, :2], 1) - torch.logsumexp(out[:, 2:4], 1)
    whole = torch.ones(memories, device=out.device).index_add(0, memory, odds.clamp(max=20).exp())
    right = torch.zeros(memories, device=out.device).index_add(0, memory, odds * about[:, 1])
    return of_pairs + OF_A_MEMORY * (whole.log() - right).mean()


def rows_of(memories: list[Memory], among: list[Row]) -> RowsOfMemories:
    """Cut into tokens: memories, then pairs of natural language inference."""
    pairs = [(number, pair) for number, memory in enumerate(memories) for pair in memory]
    texts = [rendered(pair) for _, pair in pairs] + [(one, other) for one, other, _ in among]
    encoded = [(one.ids, one.type_ids) for one in tokenizer(LONGEST).encode_batch(texts)]
    targets = torch.stack([target(pair.label) for _, pair in pairs] + [inferred(label) for *_, label in among])
    owners = [number for number, _ in pairs] + list(range(len(memories), len(memories) + len(among)))
    about = [[float(number), float(pair.label in AT_ODDS)] for number, pair in pairs]
    about += [[float(owner), 0.0] for owner in owners[len(pairs) :]]
    return RowsOfMemories(encoded, torch.cat([targets, torch.tensor(about)], 1), owners)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, nargs="+", required=True, help="weights to go on from, averaged")
    parser.add_argument("--files", nargs="+", help="families to go on with; all of them if none are named")
    parser.add_argument("--share", type=float, default=1.0, help="of their lines that is told")
    parser.add_argument("--others", type=float, default=0.3, help="share of the other families that is told as well")
    parser.add_argument("--more", nargs="*", default=[], help="families that are told twice more")
    parser.add_argument("--made", type=int, default=1500, help="pairs of made.py for each seed")
    parser.add_argument("--data", type=Path, help="folder with SNLI, of which so many pairs are read among the memories:")
    parser.add_argument("--inferences", type=int, default=0)
    parser.add_argument("--frozen", type=int, default=3, help="lowest layers that stay as they are")
    parser.add_argument("--exported", type=Path, help="an exported network whose frozen layers are the same")
    parser.add_argument("--rate", type=float, default=1.2e-4)
    parser.add_argument("--batch", type=int, default=36)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--average", type=float, default=0.99)
    parser.add_argument("--dropout", type=float, default=0.1, help="within the layers")
    parser.add_argument("--bfloat16", action="store_true", help="for a CPU with AMX, on which it is twice as fast")
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, nargs="+", required=True, help="all is told once with each")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + chosen.minutes * 60
    torch.set_num_threads(chosen.threads)
    files = frozenset(chosen.files or (family.file for family in families()))
    memories: list[Memory] = []
    for seed in chosen.seed:
        memories += gathered(seed, files, chosen.share, chosen.others, chosen.made, more=frozenset(chosen.more))
    first = chosen.seed[0]
    among = random.Random(first).sample(snli(chosen.data / "snli"), chosen.inferences) if chosen.inferences else []
    rows = rows_of(memories, among)
    if chosen.frozen:
        rows.settle(chosen.exported, chosen.frozen)
    model = begun(chosen.start)
    pace = Pace(
        epochs=chosen.epochs,
        batch=chosen.batch,
        rate=chosen.rate,
        average=chosen.average,
        bfloat16=chosen.bfloat16 or DEVICE.type == "cuda",
        dropout=chosen.dropout,
    )
    tune(model, rows, loss_among, pace, seed=first, until=until, name="memories")
    torch.save({"model": model.kept(), "layers": list(range(6)), "inner": 1536}, chosen.out / "pair-6-1536.pt")


if __name__ == "__main__":
    main()
