"""Writes a tuned network as an int8 ONNX file with its description, and reads one back: `python -m training.export FILE STATE`.

What is read back are the whole numbers' values, weights a little coarser than those that were tuned: for going on from a network of
which nothing else is left. Needs torch and onnx.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from training.graph import Floats, Whole, build
from training.minilm import Encoder

__all__ = ["Form", "export", "recovered"]

TABLES = ("encoder.words.weight", "encoder.places.weight", "encoder.kinds.weight")
"""Of all that has two dimensions these alone are no matrices."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a network takes and gives.

    Args:
        layers: how many there are.
        tokens: longest text.
        outputs: so many of the head's are kept.
        kinds: whether texts have two parts.
        first: whether the head sees the first token's state beside the mean of all.
    """

    layers: int
    tokens: int
    outputs: int
    kinds: bool = False
    first: bool = False


def export(model: nn.Module, form: Form, path: Path, about: dict[str, Any]) -> int:
    """Write `path` and its `.json`; the size of the former in bytes."""
    weights: dict[str, Floats | Whole] = {}
    for name, value in model.state_dict().items():
        array = value.detach().cpu().float().numpy()
        weights[name] = array.T if array.ndim == 2 and name not in TABLES else array
        if name.startswith("head."):
            weights[name] = weights[name][..., : form.outputs]  # type: ignore[index] (of arrays, which they are here)
    graph = build(weights, layers=form.layers, tokens=form.tokens, kinds=form.kinds, first=form.first)
    content = graph.SerializeToString()
    path.write_bytes(content)
    described = {"sha256": sha256(content).hexdigest(), "bytes": len(content), "tokens": form.tokens, **about}
    path.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    return len(content)


def recovered(path: Path, outputs: int) -> dict[str, Tensor]:
    """The state of an exported network, without the word embeddings, which are MiniLM's.

    Args:
        path: the ONNX file.
        outputs: of the head when it was tuned; those that were not exported are 0.
    """
    held = {one.name: numpy_helper.to_array(one) for one in onnx.load(str(path)).graph.initializer}
    state: dict[str, Tensor] = {}
    for name, value in held.items():
        if not name.startswith(("encoder.", "head.")) or name.endswith((".scale", ".zero", ".thirds")) or name == TABLES[0]:
            continue
        scale = held.get(f"{name.removesuffix('.weight')}.scale")
        values = value if scale is None or name.endswith(".bias") else Whole(value, scale).values.T
        state[name] = torch.from_numpy(np.array(values, np.float32))

    # Places beyond the longest text were never read.
    places = Encoder.pretrained().places.weight.detach().clone()
    places[: len(state[TABLES[1]])] = state[TABLES[1]]
    state[TABLES[1]] = places
    for name in ("head.weight", "head.bias"):
        more = torch.zeros(outputs - len(state[name]), *state[name].shape[1:])
        state[name] = torch.cat([state[name], more])
    return {name: value.half() for name, value in state.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--outputs", type=int, required=True, help="of the head when it was tuned")
    chosen = parser.parse_args()
    state = recovered(chosen.file, chosen.outputs)
    layers = list(range(len({name.split(".")[2] for name in state if name.startswith("encoder.layers.")})))
    inner = len(state["encoder.layers.0.up.bias"])
    torch.save({"model": state, "layers": layers, "inner": inner}, chosen.state)


if __name__ == "__main__":
    main()
