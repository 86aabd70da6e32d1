"""MiniLM as an ONNX graph for one text at a time, its matrices as whole numbers. Knows weights, no text and no file.

What a text's vectors are must not depend on which texts are read beside it. Activations are brought to 8 bits by the range
that they span in the whole input of a product, so that in a batch each text would change the others: a text is read alone.
That costs little: fifty tokens fill a product's rows well enough.

Weights have 7 bits, a scale for each column. With 8, the sum of two products overflows the 16 bits in which AVX2 adds them:
it would be cut off there, and not on newer processors, which have 32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

__all__ = ["LONGEST", "build"]

HEADS = 12
LAYERS = 6
LONGEST = 256
"""Tokens in one text, special ones included: how it was trained."""

LARGEST = 63
"""The largest weight of 7 bits."""

EPSILON = 1e-12


def build(weights: dict[str, NDArray[np.float32]]) -> bytes:
    """The serialized graph: `ids`, `[1, n] int64`, to `states`, `[1, n, 384] float32`."""
    from onnx import TensorProto as Types
    from onnx import helper

    graph = _Graph(weights)
    state = graph.embedding()
    for layer in range(LAYERS):
        state = graph.layer(layer, state)

    model: ModelProto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "minilm",
            [helper.make_tensor_value_info("ids", Types.INT64, [1, "n"])],
            [helper.make_tensor_value_info(state, Types.FLOAT, [1, "n", 384])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    serialized: bytes = model.SerializeToString()
    return serialized


class _Graph:
    """The nodes and constants so far. Methods add some and return the name of what they put out."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        self.weights = weights
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def embedding(self) -> str:
        """Words, places and the one segment, normalized. The table of words is kept in 16 bits: it is half of the model."""
        weights = self.weights
        words = self.constant("words", weights["embeddings.word_embeddings.weight"].astype(np.float16))
        word = self.node("Cast", [self.node("Gather", [words, "ids"], "word16")], "word", to=1)
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        places = self.constant("places", weights["embeddings.position_embeddings.weight"][:LONGEST] + segment)
        length = self.node(
            "Slice", [self.node("Shape", ["ids"], "shape"), *self.numbers("one", 1), *self.numbers("two", 2)], "n"
        )
        place = self.node("Slice", [places, *self.numbers("zero", 0), length], "place")
        total = self.node("Add", [word, place], "embedding")
        return self.node("LayerNormalization", [total, *self.norm("embeddings.LayerNorm")], "state", axis=-1, epsilon=EPSILON)

    def layer(self, number: int, state: str) -> str:
        """One transformer layer."""
        prefix = f"encoder.layer.{number}"
        query, key, value = (self.linear(f"{prefix}.attention.self.{part}", state) for part in ("query", "key", "value"))
        attended = self.node("MultiHeadAttention", [query, key, value], f"attended{number}", "com.microsoft", num_heads=HEADS)
        mixed = self.linear(f"{prefix}.attention.output.dense", attended)
        state = self.added(f"{prefix}.attention.output.LayerNorm", mixed, state)
        wide = self.linear(f"{prefix}.intermediate.dense", state)
        wide = self.node("Gelu", [wide], f"gelu{number}", "com.microsoft")
        narrow = self.linear(f"{prefix}.output.dense", wide)
        return self.added(f"{prefix}.output.LayerNorm", narrow, state)

    def linear(self, prefix: str, value: str) -> str:
        """A product with 7-bit weights, and its bias."""
        weight = self.weights[f"{prefix}.weight"].T
        scale = np.abs(weight).max(0) / LARGEST
        whole = np.rint(weight / scale).astype(np.int8)
        inputs = [
            value,
            self.constant(f"{prefix}.weight", whole),
            self.constant(f"{prefix}.scale", scale.astype(np.float32)),
            "",
            self.constant(f"{prefix}.bias", self.weights[f"{prefix}.bias"]),
        ]
        return self.node("DynamicQuantizeMatMul", inputs, f"{prefix}.out", "com.microsoft")

    def added(self, norm: str, value: str, state: str) -> str:
        """The sum of both, normalized."""
        inputs = [value, state, *self.norm(norm)]
        return self.node("SkipLayerNormalization", inputs, f"{norm}.out", "com.microsoft", epsilon=EPSILON)

    def norm(self, prefix: str) -> list[str]:
        return [self.constant(f"{prefix}.{part}", self.weights[f"{prefix}.{part}"]) for part in ("weight", "bias")]

    def numbers(self, name: str, value: int) -> list[str]:
        return [self.constant(name, np.array([value]))]

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output
