"""Envelope: one message as both ends of a socket see it, its header's fields typed and its body decoded.

Knows the words of the wire (`docs/protocol.md`), not how they become bytes (`codec.py`) nor how these travel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = [
    "ASK",
    "CANCEL",
    "CLIENT_KINDS",
    "CREDIT",
    "ERROR",
    "INITIAL_CREDIT",
    "KINDS",
    "PART",
    "REPLY",
    "SERVER_KINDS",
    "TELL",
    "VERSION",
    "Envelope",
]

VERSION: Final = 1

ASK: Final = "ask"
TELL: Final = "tell"
CANCEL: Final = "cancel"
CREDIT: Final = "credit"
REPLY: Final = "reply"
PART: Final = "part"
ERROR: Final = "error"

CLIENT_KINDS: Final = frozenset({ASK, TELL, CANCEL, CREDIT})
"""What only the side that connects may send."""

SERVER_KINDS: Final = frozenset({REPLY, PART, ERROR})
"""What only the side that binds may send."""

KINDS: Final = CLIENT_KINDS | SERVER_KINDS

INITIAL_CREDIT: Final = 64
"""Parts that a stream may send before the first `credit` arrives."""


@dataclass(slots=True)
class Envelope:
    """A message: header fields, then the body. Fields that the header lacks are None."""

    kind: str
    id: str
    to: str | None = None
    type: str | None = None
    ttl: int | None = None
    """Milliseconds left for the whole call when the message was sent."""

    key: str | None = None
    lane: str = "fg"
    seq: int | None = None
    """Number of a `part`, from 0. On the `reply` that ends a stream: how many parts there were."""

    trace: str | None = None
    incarnation: str | None = None
    """Header field `inc`. On answers: the answering process's. On an `ask`: the only process that may answer."""

    body: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    """Bytes of the body frame as received; 0 on an envelope that was not received."""

    def header(self) -> dict[str, Any]:
        """The header as it goes on the wire; fields that say nothing are left out."""
        header: dict[str, Any] = {"v": VERSION, "kind": self.kind, "id": self.id}

        if self.to is not None:
            header["to"] = self.to

        if self.type is not None:
            header["type"] = self.type

        if self.ttl is not None:
            header["ttl"] = self.ttl

        if self.key is not None:
            header["key"] = self.key

        if self.lane != "fg":
            header["lane"] = self.lane

        if self.seq is not None:
            header["seq"] = self.seq

        if self.trace is not None:
            header["trace"] = self.trace

        if self.incarnation is not None:
            header["inc"] = self.incarnation

        return header
