"""Late interaction: a vector for each word that carries a topic, read in its context. Knows texts, no actor and no database.

A question's words each look for their best match among a passage's (Khattab and Zaharia, ColBERT, SIGIR 2020). A passage is
read after what was said before it, so that "it was closed" knows of the lighthouse; only its own words are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from actors.encoder import weights
from actors.encoder.cache import Prepared, read_prepared, write_prepared
from actors.encoder.graph import LONGEST, build
from actors.encoder.messages import DIMENSIONS
from actors.text.stopwords import STOPWORDS

if TYPE_CHECKING:
    import onnxruntime
    import tokenizers

__all__ = ["MiniLM", "Words", "model_name", "prepare", "projection"]

RECIPE = 1
"""Counts changes of what is done here and in `graph.py` that change vectors."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words of one text that carry a topic."""

    tokens: NDArray[np.uint16]
    vectors: NDArray[np.int8]
    """`[n, 128]`, unit vectors times 127."""


def projection() -> NDArray[np.float32]:
    """`[384, 128]`: the principal axes of the vocabulary's words, each read alone; see `benchmarks/projection.py`."""
    data = resources.files("actors.encoder").joinpath("projection.npy").read_bytes()
    axes: NDArray[np.float16] = np.load(BytesIO(data), allow_pickle=False)
    return axes.astype(np.float32)


def model_name() -> str:
    """What its vectors are called: the same name, the same vectors."""
    digest = sha256(f"{RECIPE} {weights.WEIGHTS_SHA256} {sorted(STOPWORDS)}".encode() + projection().tobytes())
    return f"minilm-{digest.hexdigest()[:12]}"


def prepare(path: Path) -> Prepared | None:
    """The model, from its file or made anew; None where it is not installed.

    A disk that takes no file of it costs the next start some seconds, and not this one the model.

    Raises:
        BadWeights: what is installed is not what was pinned.
        OSError: the file, or what is installed, cannot be read.
    """
    prepared = read_prepared(path)
    if prepared is not None:
        return prepared
    folder = weights.model_folder()
    if folder is None:
        return None
    tensors, tokenizer = weights.checked(folder)
    prepared = Prepared(build(weights.read_safetensors(tensors)), tokenizer)
    try:
        write_prepared(path, prepared)
    except OSError as error:
        logger.bind(reason=error.strerror).warning("the prepared model is not kept: it is prepared anew at the next start")
    return prepared


class MiniLM:
    """The loaded model. May be used by several threads at once; each runs on its own core alone."""

    def __init__(self, prepared: Prepared) -> None:
        import onnxruntime
        import tokenizers

        self._tokenizer: tokenizers.Tokenizer = tokenizers.Tokenizer.from_str(prepared.tokenizer.decode())
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
        self._topical = np.zeros(max(vocabulary.values()) + 1, bool)
        for token, number in vocabulary.items():
            self._topical[number] = token not in STOPWORDS and any(map(str.isalnum, token)) and token[0] != "["
        self._begin, self._end = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self._projection = projection()

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        # Memory that was needed for a long text is given back after it.
        options.enable_cpu_mem_arena = False
        self._session: onnxruntime.InferenceSession = onnxruntime.InferenceSession(
            prepared.graph, options, ["CPUExecutionProvider"]
        )

    def question(self, text: str) -> Words:
        """A question's words. One that has only words without a topic is read by these."""
        own = self._tokens(text)[: LONGEST - 2]
        kept = self._topical[own]
        return self._words([], own, kept if kept.any() else np.ones(len(own), bool))

    def passage(self, text: str, before: str) -> Words:
        """A passage's words, at least one where it has any. Of what was said before, the end is read that has room."""
        own = self._tokens(text)[: LONGEST - 2]
        room = LONGEST - 3 - len(own)
        context = self._tokens(before)[-room:] if before and room > 0 else []
        kept = self._topical[own]
        if not kept.any():
            kept[:1] = True
        return self._words(context, own, kept)

    def _tokens(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _words(self, context: list[int], own: list[int], kept: NDArray[np.bool_]) -> Words:
        if not own:
            return Words(np.empty(0, np.uint16), np.empty((0, DIMENSIONS), np.int8))
        ids = [self._begin, *context, *([self._end] if context else ()), *own, self._end]
        states: NDArray[np.float32] = self._session.run(None, {"ids": np.array([ids], np.int64)})[0][0]
        vectors = states[len(ids) - 1 - len(own) : -1][kept]
        tokens = np.array(own, np.uint16)[kept]
        return Words(tokens, as_bytes(unit(vectors) @ self._projection))


def as_bytes(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Brought to length 127, in whole numbers."""
    return np.rint(unit(vectors) * 127).astype(np.int8)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brought to length 1."""
    scaled: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return scaled
