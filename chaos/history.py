"""What a client did and what it was answered, in a file of its own: a line before each operation and one after.

Written by clients, read by the checker. Knows neither the house nor what is right.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["History", "Operation", "Outcome", "read"]

Outcome = Literal["ok", "failed", "refused", "pending"]
"""ok: acknowledged. failed: an error or nothing at all came, so that it may have had its effect or not. refused: an answer that
says it had none. pending: the client never learnt, since it was ended itself."""


class History:
    """One client's history. Each line is in the file before the client goes on."""

    def __init__(self, path: Path, client: str) -> None:
        self.client = client
        self.count = 0
        self.file = path.open("a", buffering=1)

    def begin(self, do: str, **told: Any) -> int:
        """Note that an operation is about to begin; its number."""
        self.count += 1
        self._write(op=self.count, do=do, **told)
        return self.count

    def end(self, op: int, outcome: Outcome, **told: Any) -> None:
        """Note how it ended."""
        self._write(op=op, outcome=outcome, **told)

    def close(self) -> None:
        """Nothing is written any more."""
        self.file.close()

    def _write(self, **told: Any) -> None:
        self.file.write(json.dumps({"client": self.client, "at": time.monotonic(), **told}, ensure_ascii=False) + "\n")


@dataclass(slots=True)
class Operation:
    """An operation from its two lines."""

    client: str
    op: int
    do: str
    """write, read, chat, feed, request."""

    began: float
    ended: float | None = None
    outcome: Outcome = "pending"
    told: dict[str, Any] = field(default_factory=dict)
    """What stood in the lines beside these."""

    @property
    def took(self) -> float:
        """Seconds that the client waited; 0 where it never learnt."""
        return 0.0 if self.ended is None else self.ended - self.began


def read(folder: Path) -> list[Operation]:
    """All operations of all clients below a folder, each client's in its order."""
    return [operation for path in sorted(folder.rglob("*.jsonl")) for operation in of_file(path)]


def of_file(path: Path) -> Iterator[Operation]:
    """One client's operations."""
    open_: dict[int, Operation] = {}
    for line in path.read_text().splitlines():
        told = json.loads(line)
        client, op, at = told.pop("client"), told.pop("op"), told.pop("at")
        if "do" in told:
            open_[op] = Operation(client, op, told.pop("do"), at, told=told)
            continue
        operation = open_[op]
        operation.ended, operation.outcome = at, told.pop("outcome")
        operation.told.update(told)
    yield from open_.values()
