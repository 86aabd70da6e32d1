"""Makes actors/encoder/projection.npy: the axes to which 384 dimensions are reduced. Needed again only when the model changes.

python -m benchmarks.projection [--keep 128] OUT

Each whole word of the tokenizer's vocabulary is read alone; of all their vectors, brought to length one, the principal axes
are taken, uncentred. They owe nothing to any data set.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

import numpy as np

from actors.encoder.minilm import MiniLM, prepare, unit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=int, default=128)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(Path(folder) / "model")
    if prepared is None:
        raise SystemExit("the model is not installed")

    model = MiniLM(prepared)
    vectors = np.concatenate([unit(states) for states in read_alone(model)]).astype(np.float64)
    values, axes = np.linalg.eigh(vectors.T @ vectors / len(vectors))
    kept = axes[:, ::-1][:, : arguments.keep]
    # An axis has no direction; without this, two machines could choose opposite ones.
    kept *= np.sign(kept[np.abs(kept).argmax(0), np.arange(arguments.keep)])
    np.save(arguments.out, kept.astype(np.float16))
    print(f"{len(vectors)} vectors; {values[::-1][: arguments.keep].sum() / values.sum():.3f} of their length is kept")


def read_alone(model: MiniLM) -> list[np.ndarray]:
    words = sorted(word for word in model._tokenizer.get_vocab() if re.fullmatch(r"[a-z]{3,}", word))  # noqa: SLF001
    states = []
    for word in words:
        ids = model._tokenizer.encode(word).ids  # noqa: SLF001
        states.append(model._session.run(None, {"ids": np.array([ids], np.int64)})[0][0][1:-1])  # noqa: SLF001
    return states


if __name__ == "__main__":
    main()
