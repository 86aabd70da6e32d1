"""The graph in which networks ship, against the same layers in plain numpy."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from training.graph import LARGEST, Whole, build, matrix, state, table

WIDTH, INNER, WORDS, OUTPUTS = 384, 64, 50, 3


def weights(seed: int, layers: int, head: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)

    def some(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.06, shape).astype(np.float32)

    found = {
        "encoder.words.weight": some(WORDS, WIDTH),
        "encoder.places.weight": some(16, WIDTH),
        "encoder.kinds.weight": some(2, WIDTH),
        "head.weight": some(head, OUTPUTS),
        "head.bias": some(OUTPUTS),
    }
    norms = ["encoder.norm"]
    for number in range(layers):
        name = f"encoder.layers.{number}"
        norms += [f"{name}.norm", f"{name}.last_norm"]
        sizes = {"qkv": (WIDTH, 3 * WIDTH), "out": (WIDTH, WIDTH), "up": (WIDTH, INNER), "down": (INNER, WIDTH)}
        for part, (width, outputs) in sizes.items():
            found |= {f"{name}.{part}.weight": some(width, outputs), f"{name}.{part}.bias": some(outputs)}
    for name in norms:
        found |= {f"{name}.weight": 1 + some(WIDTH), f"{name}.bias": some(WIDTH)}
    return found


def plain(given: dict[str, np.ndarray], ids: list[int], kinds: list[int], layers: int, *, first: bool) -> np.ndarray:
    """The same in float32."""

    def linear(name: str, value: np.ndarray) -> np.ndarray:
        return value @ given[f"{name}.weight"] + given[f"{name}.bias"]

    def norm(name: str, value: np.ndarray) -> np.ndarray:
        value = (value - value.mean(1, keepdims=True)) / value.std(1, keepdims=True)
        return value * given[f"{name}.weight"] + given[f"{name}.bias"]

    value = (
        given["encoder.words.weight"][ids] + given["encoder.places.weight"][: len(ids)] + given["encoder.kinds.weight"][kinds]
    )
    value = norm("encoder.norm", value)
    for number in range(layers):
        name = f"encoder.layers.{number}"
        heads = linear(f"{name}.qkv", value).reshape(len(ids), 3, 12, 32).transpose(1, 2, 0, 3)
        raised = np.exp(heads[0] @ heads[1].transpose(0, 2, 1) / np.sqrt(32))
        mixed = (raised / raised.sum(2, keepdims=True) @ heads[2]).transpose(1, 0, 2).reshape(len(ids), WIDTH)
        value = norm(f"{name}.norm", value + linear(f"{name}.out", mixed))
        wide = linear(f"{name}.up", value)
        tanh = np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3))
        value = norm(f"{name}.last_norm", value + linear(f"{name}.down", wide / 2 * (1 + tanh)))
    mean = value.mean(0)
    return linear("head", np.concatenate([value[0], mean]) if first else mean)


@pytest.mark.parametrize("parts", [True, False], ids=["pairs", "texts"])
def test_it_gives_what_the_layers_give(parts: bool) -> None:
    given = weights(1, layers=2, head=2 * WIDTH if parts else WIDTH)
    model = build(given, layers=2, tokens=16, kinds=parts, first=parts)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ids = [1, 7, 7, 30, 2, 9]
    kinds = [0, 0, 0, 1, 1, 1] if parts else [0] * 6
    inputs = {"ids": np.array([ids])} | ({"kinds": np.array([kinds])} if parts else {})
    (out,) = session.run(None, inputs)

    # What flows between has 8 bits.
    assert out[0] == pytest.approx(plain(given, ids, kinds, 2, first=parts), abs=0.1)
    assert np.abs(out[0]).max() > 0.5


def test_what_is_whole_already_stays_so_and_numbers_are_kept_small() -> None:
    weight = np.random.default_rng(2).normal(0, 1, (WIDTH, 8)).astype(np.float32)
    whole = matrix(weight)

    assert np.abs(whole.numbers).max() == LARGEST
    assert np.abs(whole.values - weight).max() <= whole.scale.max() / 2 + 1e-6
    assert (matrix(whole.values).numbers == whole.numbers).all()


def test_a_table_of_words_has_one_scale_and_keeps_nought() -> None:
    rows = np.random.default_rng(3).normal(0, 1, (WORDS, WIDTH)).astype(np.float32)
    rows[5] = 0
    held = table(rows)

    assert isinstance(held, Whole)
    assert not held.values[5].any()
    assert np.abs(held.values - rows).max() <= held.scale / 2 + 1e-6


def test_layers_states_can_be_asked_for_by_name() -> None:
    model = build(weights(4, layers=2, head=WIDTH), layers=2, tokens=16, kinds=False, first=False)

    assert state(0) in {output for node in model.graph.node for output in node.output}
