"""When a cycle is due. Pure: times in, times out. A schedule that was missed is caught up with once, however often it was."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

__all__ = ["after_failure", "after_run", "sane"]


def after_run(now: datetime, interval_s: float, jitter: float, seed: str) -> datetime:
    """The next time after a run that went well: an interval from now, and up to `jitter` of it more."""
    return now + timedelta(seconds=interval_s * (1 + jitter * fraction(seed)))


def after_failure(now: datetime, failures: int, retry_s: float, limit_s: float, seed: str) -> datetime:
    """The next time after the `failures`th failure in a row: twice as long each time, with a fifth of jitter."""
    wait_s = min(limit_s, retry_s * 2.0 ** min(failures - 1, 64))
    return now + timedelta(seconds=wait_s * (1 + 0.2 * fraction(seed)))


def sane(due: datetime, now: datetime, longest_s: float) -> datetime:
    """A due time that a clock set back has left in the far future, brought back to one wait from now."""
    latest = now + timedelta(seconds=longest_s)
    return min(due, latest)


def fraction(seed: str) -> float:
    """A number in [0, 1) that the seed alone decides."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=6).digest()) / (1 << 48)
