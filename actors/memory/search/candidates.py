"""Candidates: what scoring is given. Arrays with a row a record, all alike whichever way the records were found.

Knows neither the database nor how scores are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from actors.memory.embedding.embedders import Question
from actors.memory.messages import Recall
from actors.memory.search.events import Anchor

__all__ = ["Candidates", "Measured", "Measures", "Query", "Spread", "Wanted"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and when."""

    text: str
    words: tuple[str, ...]
    """Its words that carry a topic, as FTS5 is asked for them."""

    now: datetime
    anchor: Anchor | None = None
    """The event by which it tells a time, and when that was."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and deviation of a measure over all records that could be found, not only over the candidates."""

    mean: float
    deviation: float

    def standard(self, values: Floats) -> Floats:
        """How many deviations above the mean each value is."""
        return (values - self.mean) / (self.deviation or 1.0)


@dataclass(slots=True)
class Measures:
    """How well each candidate matches the query, in the measures' own units."""

    bm25: Floats
    """0 for what is no hit."""

    bm25_around: Floats
    """The same with the words of the turns beside it (`window.py`): no less than `bm25`."""

    bm25_spread: Spread
    dense: Floats
    """MaxSim, about -1 to 1; NaN for what has no vectors yet."""

    dense_around: Floats
    """The same with the turns beside it."""

    dense_spread: Spread | None
    """None where the query has no vectors, or no record: then `dense` is NaN throughout."""

    gist: Floats
    """How near the means of both are; of use only where `dense` is known."""

    gist_spread: Spread | None


@dataclass(slots=True)
class Candidates:
    """The records that may be answered, in the order of their numbers; all meet the filters."""

    numbers: Integers
    """As they came in: part equals as ids do."""

    sessions: Integers
    """-1 for none."""

    speakers: Integers
    """Places in `names`; -1 for none."""

    names: list[str]
    """Every speaker of the namespace that is known, of candidates or not."""

    times: Integers
    """Microseconds since 1970: when what it tells of happened."""

    importances: Floats
    kinds: Integers
    """Places in `KINDS`."""

    traits: Integers
    """What their texts are like (`traits.py`)."""

    previous: Integers
    """Row of the turn before in its talk, where that is a candidate too; -1 for none."""

    next: Integers
    """Row of the turn after."""

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A recall as those who find candidates are asked for it."""

    message: Recall
    namespace: int
    now: int
    """Microseconds since 1970."""

    words: tuple[str, ...]
    question: Question | None
    """The query's vectors by the model in use; None to go by words alone."""

    anchor: Anchor | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found, to be scored."""

    candidates: Candidates
    measures: Measures
    passage: Callable[[int], tuple[int, int] | None]
    """From which character to which the best passage of a record goes; None where that is not known."""
