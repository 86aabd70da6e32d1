"""What a house is to do with bad bytes: refuse them by name, pass over them, or end the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Closed", "Dropped", "Outcome", "Pause", "Pieces", "Refused", "Served", "pieces_of"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Answered with an error of this code (on the wire) or with one of these statuses (in HTTP)."""

    code: str = "invalid"
    names: str = ""
    """What the answer has to name: the field, as `param` in HTTP, in the message on the wire."""

    statuses: tuple[int, ...] = (400,)


@dataclass(frozen=True, slots=True)
class Served:
    """Strange, and right: answered as if it were not strange."""

    statuses: tuple[int, ...] = (200,)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nothing is said, and the next message on the same connection is answered."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is ended; whatever was said before that is an error."""


Outcome: TypeAlias = Refused | Served | Dropped | Closed


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for so long: as many seconds as the house allows for the whole, times this share."""

    share: float


Pieces: TypeAlias = Iterable[bytes | Pause]
"""What is written to a socket, piece by piece."""


def pieces_of(sent: bytes | Callable[[], Pieces]) -> Pieces:
    """The pieces of a case: given as they are, or made when they are needed, since they are many."""
    return (sent,) if isinstance(sent, bytes) else sent()
