"""How near two texts are by their words alone, in microseconds: which of many statements are worth the classifier's time.

The cosine of their words' mean vectors, those that MiniLM begins with; small words are left out. Knows no rule and no verdict.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from actors.neural_network import NetworkMissing, tokenizer_file
from actors.paradox.judging.words import STOPWORDS

__all__ = ["Nearness", "word_vectors"]

Floats = npt.NDArray[np.float32]

WORDS = "embeddings.word_embeddings.weight"

KEPT_TEXTS = 1024
"""Texts whose vectors are kept, 1.5 kB each: what is remembered is compared again and again."""


class Nearness:
    """Compares texts.

    Args:
        pieces: cuts a text into word pieces, each with the number of its row in `vectors`.
        vectors: [pieces, dimensions]; the shipped ones if none are given.
    """

    def __init__(self, pieces: Callable[[str], list[tuple[str, int]]], vectors: Floats | None = None) -> None:
        self._pieces = pieces
        self._vectors = word_vectors() if vectors is None else vectors
        self._direction = lru_cache(maxsize=KEPT_TEXTS)(self.direction_of)

    def near(self, texts: Sequence[str], other: str) -> list[float]:
        """The cosine of each text with the other one, in their order; 0 where one has only small words."""
        towards = self._direction(other)
        return [float(self._direction(text) @ towards) for text in texts]

    def direction_of(self, text: str) -> Floats:
        """Of length 1, or 0 for a text without content."""
        rows = [row for piece, row in self._pieces(text) if piece.strip("#").isalnum() and piece not in STOPWORDS]
        if not rows:
            return np.zeros(self._vectors.shape[1], np.float32)
        words = np.asarray(self._vectors[rows])
        mean = (words / np.linalg.norm(words, axis=1, keepdims=True)).mean(0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)


def word_vectors(path: Path | None = None) -> Floats:
    """The word vectors of a safetensors file, read from the disk row by row as they are needed; MiniLM's without.

    Raises:
        NetworkMissing: the file is missing, or has none.
    """
    path = tokenizer_file().with_name("model.safetensors") if path is None else path
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            entry = json.loads(file.read(length))[WORDS]
        offset = 8 + length + entry["data_offsets"][0]
        return np.memmap(path, np.float32, "r", offset, tuple(entry["shape"]))
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise NetworkMissing(f"{path.name} has no word vectors: {error!r}") from error
