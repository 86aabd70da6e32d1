"""What was felt in records, as a term of recall that is off unless it has a weight. Read for the candidates alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import apsw
import numpy as np
from numpy.typing import NDArray

from actors.memory.values import felt_in

__all__ = ["feelings_of"]

NEUTRAL = 27
"""Where the one label that is no emotion stands in a vector."""


def feelings_of(
    connection: apsw.Connection, numbers: NDArray[np.int64], felt: Mapping[str, float] | None
) -> NDArray[np.float64]:
    """How much what was felt in each record is like what is felt now: `[n] float64`, 0 to 1.

    The cosine of the two vectors without their neutral part, of that side of the record which is more alike. Records that
    nobody has judged have 0.

    Args:
        connection: in a transaction.
        numbers: the candidates', `[n] int64`.
        felt: what is felt now; None: how strongly anything was felt takes the place of the likeness.
    """
    asked = None if felt is None else vector_of(felt_in(felt))
    alike = np.zeros(len(numbers))
    places = {int(number): place for place, number in enumerate(numbers)}
    rows: Any = connection.execute(
        """SELECT number, affect_user, affect_assistant FROM memory
           WHERE number IN (SELECT value FROM json_each(?)) AND (affect_user IS NOT NULL OR affect_assistant IS NOT NULL)""",
        (json.dumps(list(places)),),
    )
    for number, *sides in rows:
        vectors = [vector for side in sides if (vector := vector_of(side)) is not None]
        alike[places[number]] = max((likeness(vector, asked) for vector in vectors), default=0.0)
    return alike


def vector_of(stored: bytes | None) -> NDArray[np.float64] | None:
    """The emotions of a stored vector, `[27] float64`."""
    return None if stored is None else np.frombuffer(stored, np.uint8)[:NEUTRAL] / 255.0


def likeness(vector: NDArray[np.float64], asked: NDArray[np.float64] | None) -> float:
    """See `feelings_of`."""
    if asked is None:
        return float(vector.max())
    length = float(np.linalg.norm(vector) * np.linalg.norm(asked))
    return float(vector @ asked) / length if length else 0.0
