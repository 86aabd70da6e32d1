"""The prepared model as one file: made once, checked each time it is read, and never seen half written.

First the digest of all that follows, then the graph's length, the graph, the tokenizer's description. Knows no model.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

__all__ = ["Prepared", "read_prepared", "write_prepared"]

DIGEST = 32


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model as it is loaded."""

    graph: bytes
    tokenizer: bytes


def read_prepared(path: Path) -> Prepared | None:
    """What was written; None where nothing is, or something else."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    body = memoryview(data)[DIGEST:]
    if len(body) < 8 or sha256(body).digest() != data[:DIGEST]:
        return None
    (length,) = struct.unpack("<Q", body[:8])
    return Prepared(bytes(body[8 : 8 + length]), bytes(body[8 + length :]))


def write_prepared(path: Path, prepared: Prepared) -> None:
    """Put it in the place of what was there, in one step, once it is on disk."""
    body = struct.pack("<Q", len(prepared.graph)) + prepared.graph + prepared.tokenizer
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(sha256(body).digest() + body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
