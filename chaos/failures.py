"""What a client had to put up with: an error, a broken stream, an answer without a model. Whose, why, how long after a kill.

Knows histories and when something was struck; not what may fail, which is the row's affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chaos.history import Operation

__all__ = ["Failure", "Strike", "failures"]

How = Literal["failed", "broken", "degraded"]


@dataclass(frozen=True, slots=True)
class Strike:
    """Something that the row did: mostly a process that was killed, stopped or told to end."""

    what: str
    """`SIGKILL gateway`, or what the row counts."""

    at: float
    """On the clock that histories have."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One operation that failed, for the table and for JSON."""

    client: str
    op: int
    do: str
    form: str | None
    """plain or stream, of a chat."""

    how: How
    """failed, broken (a stream, after its first words), degraded (answered without a model)."""

    error: str
    took_s: float
    strike: str | None
    """The last one before the operation ended; None: there was none."""

    began_after_s: float | None
    """From that strike; below 0: it had begun before."""

    ended_after_s: float | None

    def __str__(self) -> str:
        """As a person reads it."""
        what = " ".join(word for word in (self.form, self.do) if word)
        when = "before anything was struck"
        if self.strike is not None:
            when = f"began {self.began_after_s:+.2f} s and ended {self.ended_after_s:+.2f} s from {self.strike}"
        return f"{self.how}: {what} {self.op} of {self.client}, {when}" + (f": {self.error}" if self.error else "")


def failures(operations: Sequence[Operation], strikes: Sequence[Strike] = ()) -> Iterator[Failure]:
    """All that failed, in the order in which clients saw it; followers, who only ask again, left out."""
    for operation in sorted(operations, key=lambda operation: operation.began + operation.took):
        how = how_of(operation)
        if how is None:
            continue
        ended = operation.began + operation.took
        strike = max((strike for strike in strikes if strike.at <= ended), key=lambda strike: strike.at, default=None)
        yield Failure(
            client=operation.client,
            op=operation.op,
            do=operation.do,
            form=operation.told.get("form"),
            how=how,
            error=operation.told.get("error", ""),
            took_s=round(operation.took, 3),
            strike=None if strike is None else strike.what,
            began_after_s=None if strike is None else round(operation.began - strike.at, 3),
            ended_after_s=None if strike is None else round(ended - strike.at, 3),
        )


def how_of(operation: Operation) -> How | None:
    """Whether it failed, and how; None where all was well."""
    if operation.do == "feed":
        return None
    if operation.outcome == "failed":
        return "broken" if operation.told.get("broken") else "failed"
    return "degraded" if operation.told.get("degraded") else None
