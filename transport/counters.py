"""What one endpoint has counted since it was opened; read by metrics, never reset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Counters"]


@dataclass(slots=True)
class Counters:
    """Messages of one socket."""

    received: int = 0
    """Envelopes that were well-formed."""

    sent: int = 0
    """Envelopes handed to ZeroMQ."""

    rejected: Counter[str] = field(default_factory=Counter)
    """What arrived and was not taken, by reason."""

    dropped: Counter[str] = field(default_factory=Counter)
    """What was to be sent and was not, by reason: `gone` (the peer left), `slow` (it reads too slowly), `closed`, `late`
    (its time was up first)."""
