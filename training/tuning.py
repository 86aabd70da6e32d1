"""The loop in which both classifiers are tuned: rows of nearly one length together, weights averaged over the steps. Knows no task.

On a GPU it computes in bfloat16 and a batch costs a few milliseconds; a CPU that multiplies bfloat16 itself (AMX) takes half a second
for one, any other seconds in float32. The word embeddings are never tuned: most words of a talk are in no training text, and would stay
behind. Where the lowest layers are not tuned either, what they give is computed once.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from training.graph import state
from training.minilm import Encoder

__all__ = ["DEVICE", "Pace", "Rows", "Tunable", "tune"]

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
LOOKED_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Pace:
    """How long and how fast.

    Args:
        epochs: passes over the rows; a fraction is cut off.
        rate: learning rate of the highest layer; the head learns five times as fast.
        layer_decay: each layer below learns so much slower (Howard and Ruder 2018).
        average: of the running mean of the weights.
        bfloat16: whether products are computed in it; on a CPU without AMX that is slower.
        dropout: within the layers; the head keeps its own.
    """

    epochs: float
    batch: int = 128
    rate: float = 1e-4
    layer_decay: float = 0.9
    average: float = 0.995
    bfloat16: bool = DEVICE.type == "cuda"
    dropout: float = 0.1


class Tunable(nn.Module):
    """An encoder with something on top of it."""

    encoder: Encoder

    def above(self, hidden: Tensor, present: Tensor, first: int) -> Tensor:
        """Outputs [n, outputs] from what goes into layer `first`."""
        raise NotImplementedError

    def kept(self) -> dict[str, Tensor]:
        """The weights in float16, without the word embeddings."""
        return {name: value.half().cpu() for name, value in self.state_dict().items() if name != "encoder.words.weight"}


class Rows:
    """Texts as numbers, with what is to be said of them, on the device.

    Args:
        encoded: token ids and kinds of each text.
        targets: [n, ...] whatever the loss takes.
    """

    def __init__(self, encoded: Sequence[tuple[list[int], list[int]]], targets: Tensor) -> None:
        longest = max(len(ids) for ids, _ in encoded)
        ids, kinds = np.zeros((len(encoded), longest), np.int32), np.zeros((len(encoded), longest), np.int8)
        for number, (row, kind) in enumerate(encoded):
            ids[number, : len(row)], kinds[number, : len(row)] = row, kind
        self.lengths = torch.tensor([len(row) for row, _ in encoded])
        self.ids, self.kinds = torch.from_numpy(ids).to(DEVICE), torch.from_numpy(kinds).to(DEVICE)
        self.targets = targets.to(DEVICE)
        self.under: list[Tensor] = []
        self.frozen = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def part(self, numbers: Tensor, encoder: Encoder) -> tuple[Tensor, Tensor]:
        """What goes into the lowest tuned layer, and which tokens are present: [n, t, 384], [n, t]."""
        longest, chosen = int(self.lengths[numbers].max()), numbers.to(DEVICE)
        present = (torch.arange(longest, device=DEVICE)[None] < self.lengths[numbers].to(DEVICE)[:, None]).float()
        if self.under:
            given = [self.under[number].float() for number in numbers.tolist()]
            return nn.utils.rnn.pad_sequence(given, batch_first=True), present
        return encoder.embed(self.ids[chosen, :longest].long(), self.kinds[chosen, :longest].long()), present

    def settle(self, exported: Path, frozen: int) -> None:
        """Compute what the `frozen` lowest layers give, once: they are not tuned.

        An exported int8 network does it three times as fast as torch, and gives what the layers above will be given in the end.
        """
        lower, name = onnx.load(str(exported)), state(frozen - 1)
        del lower.graph.output[:]
        lower.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, "n", 384]))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(lower.SerializeToString(), options, providers=["CPUExecutionProvider"])
        inputs = {one.name for one in session.get_inputs()}
        self.under, self.frozen = [], frozen
        for number, length in enumerate(self.lengths.tolist()):
            ids, kinds = (rows[number : number + 1, :length].cpu().numpy().astype(np.int64) for rows in (self.ids, self.kinds))
            given = {"ids": ids, "kinds": kinds, "present": np.ones_like(ids)}
            hidden = session.run([name], {key: value for key, value in given.items() if key in inputs})[0][0]
            self.under.append(torch.from_numpy(hidden).half())

    def shuffled(self, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
        """Numbers of rows of nearly one length, batches in any order."""
        order = torch.argsort(self.lengths + 4 * torch.rand(len(self), generator=generator))
        cut = list(order.split(batch))
        for number in torch.randperm(len(cut), generator=generator).tolist():
            yield cut[number]

    @torch.no_grad()
    def given(self, model: Tunable) -> Tensor:
        """What the model gives for each row, in their order: [n, outputs] float32."""
        model.to(DEVICE).eval()
        parts = torch.argsort(self.lengths).split(LOOKED_AT_ONCE)
        said = []
        for numbers in parts:
            hidden, present = self.part(numbers, model.encoder)
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda"):
                said.append(model.above(hidden, present, self.frozen).float())
        model.train()
        order = torch.cat(parts).to(DEVICE)
        return torch.cat(said)[torch.argsort(order)]


def tune(
    model: Tunable,
    rows: Rows,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    pace: Pace,
    *,
    seed: int,
    until: float = math.inf,
    name: str = "",
) -> None:
    """Tune in place; the model ends with its averaged weights.

    Args:
        rows: layers that they have settled are not tuned.
        loss_of: of the model's outputs and the rows' targets.
        until: `time.monotonic()` from which no step is begun.
    """
    model.to(DEVICE).train()
    for part in model.encoder.modules():
        if isinstance(part, nn.Dropout):
            part.p = pace.dropout
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    freeze(model.encoder, rows.frozen)
    optimizer = torch.optim.AdamW(groups(model, pace, rows.frozen), weight_decay=0.01, fused=True)
    steps = max(1, int(pace.epochs * math.ceil(len(rows) / pace.batch)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (0.06 * steps + 1)) * max(0.02, 1 - step / steps)
    )
    tuned = [value for value in model.parameters() if value.requires_grad]
    averaged = [value.detach().clone() for value in tuned]
    began, step, total = time.monotonic(), 0, torch.zeros((), device=DEVICE)
    while step < steps and time.monotonic() < until:
        for numbers in rows.shuffled(pace.batch, generator):
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=pace.bfloat16):
                out = model.above(*rows.part(numbers, model.encoder), rows.frozen)
            loss = loss_of(out.float(), rows.targets[numbers.to(DEVICE)])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(tuned, 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            total += loss.detach()
            keep = min(pace.average, step / (step + 20))
            torch._foreach_lerp_(averaged, [value.detach() for value in tuned], 1 - keep)
            if step >= steps or time.monotonic() >= until:
                break

    with torch.no_grad():
        for value, mean in zip(tuned, averaged, strict=True):
            value.copy_(mean)
    line = {"name": name, "rows": len(rows), "steps": step, "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps({**line, "loss": round(float(total) / max(step, 1), 4)}), flush=True)


def freeze(encoder: Encoder, frozen: int) -> None:
    """Leave the word embeddings and the lowest layers as they are."""
    encoder.words.requires_grad_(requires_grad=False)
    if frozen:
        for part in (encoder.places, encoder.kinds, encoder.norm, *encoder.layers[:frozen]):
            part.requires_grad_(requires_grad=False)


def groups(model: Tunable, pace: Pace, frozen: int) -> list[dict[str, object]]:
    """The head fastest, then layer by layer slower."""
    encoder = model.encoder
    lower = {id(value) for value in encoder.parameters()}
    found: list[dict[str, object]] = [
        {"params": [value for value in model.parameters() if id(value) not in lower], "lr": pace.rate * 5}
    ]
    count = len(encoder.layers)
    found += [
        {"params": list(encoder.layers[number].parameters()), "lr": pace.rate * pace.layer_decay ** (count - 1 - number)}
        for number in range(frozen, count)
    ]
    if not frozen:
        rest = [encoder.places, encoder.kinds, encoder.norm]
        found.append(
            {"params": [value for one in rest for value in one.parameters()], "lr": pace.rate * pace.layer_decay**count}
        )
    return found
