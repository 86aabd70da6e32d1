"""Networks on MiniLM's layers as ONNX for one text at a time, their matrices as whole numbers of 7 bits. Knows no torch and no task.

Weights have a scale for each column; with 8 bits the sum of two products overflows the 16 bits in which AVX2 adds them. What flows
between is brought to 8 bits by the range that it spans in the whole input of a product, so a text is read alone, without padding.
Attention, gelu and the norms are ONNX Runtime's own fused operations: torch's export of the same took a third longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["LARGEST", "Whole", "build", "matrix", "state", "table"]

HEADS = 12
WIDTH = 384
EPSILON = 1e-12
LARGEST = 64
"""Of a weight of 7 bits: 2 * 64 * 255 is below 2 to the 15th."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers and what one of them is worth: for each column of a matrix, or for all of a table."""

    numbers: npt.NDArray[np.int8 | np.uint8]
    scale: Floats
    zero: int = 0

    @property
    def values(self) -> Floats:
        """What they stand for."""
        return np.asarray((self.numbers.astype(np.float32) - self.zero) * self.scale, np.float32)


Weights = Mapping[str, Floats | Whole]
"""By the names of torch's state: `encoder.layers.0.qkv.weight`. Matrices are [inputs, outputs]."""


def matrix(weight: Floats) -> Whole:
    """A matrix [inputs, outputs] in 7 bits."""
    scale = np.maximum(np.abs(weight).max(0), 1e-9) / LARGEST
    return Whole(np.rint(weight / scale).astype(np.int8), scale.astype(np.float32))


def table(rows: Floats) -> Whole:
    """Word embeddings in 8 bits, with one scale."""
    low, high = min(0.0, float(rows.min())), max(0.0, float(rows.max()))
    scale = np.float32((high - low) / 255)
    zero = round(-low / float(scale))
    return Whole(np.clip(np.rint(rows / scale) + zero, 0, 255).astype(np.uint8), np.asarray(scale), zero)


def build(weights: Weights, *, layers: int, tokens: int, kinds: bool, first: bool) -> onnx.ModelProto:
    """The graph: `ids` (and `kinds`), [1, n] int64, to `out`, [1, outputs] float32.

    Args:
        weights: of the encoder and of one linear layer, `head`.
        layers: how many there are.
        tokens: longest text.
        kinds: whether texts have two parts.
        first: whether the head sees the first token's state beside the mean of all.
    """
    graph = Graph(weights)
    value = graph.embedding(tokens, kinds=kinds)
    for number in range(layers):
        value = graph.layer(number, value)
    pooled = graph.add("ReduceMean", [value], "mean", axes=[1], keepdims=0)
    if first:
        token = graph.add("Gather", [value, graph.constant("first", np.array(0))], "token", axis=1)
        pooled = graph.add("Concat", [token, pooled], "pooled", axis=1)
    graph.linear("head", pooled, "out")
    outputs = len(graph.floats("head.bias"))
    inputs = ["ids", "kinds"] if kinds else ["ids"]
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info(name, TensorProto.INT64, [1, "n"]) for name in inputs],
            [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, outputs])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )


def state(layer: int) -> str:
    """The name of what a layer puts out."""
    return f"encoder.layers.{layer}.last_norm.out"


class Graph:
    """The nodes and constants so far. Methods add some and return the name of what they put out."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def embedding(self, tokens: int, *, kinds: bool) -> str:
        """Words, places and kinds, normed."""
        words = self.whole("encoder.words.weight")
        numbers = self.add("Gather", [self.constant("encoder.words.weight", words.numbers), "ids"], "numbers")
        scale = self.constant("encoder.words.scale", words.scale)
        zero = self.constant("encoder.words.zero", np.array(words.zero, words.numbers.dtype))
        word = self.add("DequantizeLinear", [numbers, scale, zero], "words")
        places = self.floats("encoder.places.weight")[:tokens]
        kind = self.floats("encoder.kinds.weight")
        one, two, nothing = (self.constant(name, np.array([number])) for name, number in (("one", 1), ("two", 2), ("zero", 0)))
        length = self.add("Slice", [self.add("Shape", ["ids"], "shape"), one, two], "length")
        # Of texts without a second part the only kind is added to the places once.
        place = self.constant("encoder.places.weight", places if kinds else places + kind[0])
        value = self.add("Add", [word, self.add("Slice", [place, nothing, length], "places")], "placed")
        if kinds:
            told = self.add("Gather", [self.constant("encoder.kinds.weight", kind), "kinds"], "told")
            value = self.add("Add", [value, told], "summed")
        return self.add("LayerNormalization", [value, *self.norm("encoder.norm")], "encoder.norm.out", axis=-1, epsilon=EPSILON)

    def layer(self, number: int, value: str) -> str:
        """One transformer layer."""
        name = f"encoder.layers.{number}"
        self.linear(f"{name}.qkv", value)
        parts = [f"{name}.{part}" for part in ("queries", "keys", "values")]
        thirds = self.constant(f"{name}.thirds", np.array([WIDTH] * 3))
        self.nodes.append(helper.make_node("Split", [f"{name}.qkv.out", thirds], parts, axis=2))
        mixed = self.add("MultiHeadAttention", parts, f"{name}.mixed", "com.microsoft", num_heads=HEADS)
        value = self.added(f"{name}.norm", self.linear(f"{name}.out", mixed), value)
        wide = self.add("Gelu", [self.linear(f"{name}.up", value)], f"{name}.wide", "com.microsoft")
        return self.added(f"{name}.last_norm", self.linear(f"{name}.down", wide), value)

    def linear(self, name: str, value: str, out: str = "") -> str:
        """A product and its bias."""
        weight = self.whole(f"{name}.weight")
        inputs = [
            value,
            self.constant(f"{name}.weight", weight.numbers),
            self.constant(f"{name}.scale", weight.scale),
            "",
            self.constant(f"{name}.bias", self.floats(f"{name}.bias")),
        ]
        return self.add("DynamicQuantizeMatMul", inputs, out or f"{name}.out", "com.microsoft")

    def added(self, norm: str, value: str, other: str) -> str:
        """The sum of both, normed."""
        total = self.add("Add", [value, other], f"{norm}.sum")
        return self.add("LayerNormalization", [total, *self.norm(norm)], f"{norm}.out", axis=-1, epsilon=EPSILON)

    def norm(self, name: str) -> list[str]:
        return [self.constant(f"{name}.{part}", self.floats(f"{name}.{part}")) for part in ("weight", "bias")]

    def whole(self, name: str) -> Whole:
        known = self.weights[name]
        if isinstance(known, Whole):
            return known
        return table(known) if name == "encoder.words.weight" else matrix(known)

    def floats(self, name: str) -> Floats:
        known = self.weights[name]
        return known.values if isinstance(known, Whole) else known

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output
