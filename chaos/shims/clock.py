"""A clock that jumps: the time of day of every process is off by as many seconds as a row says.

Nothing else is: deadlines and heartbeats are measured on the clock that only goes forwards, and a jump must not reach them.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from actors.clock import SystemClock
from chaos.shims.house import start
from chaos.shims.told import told

__all__: list[str] = []

machine_time = time.time


def offset() -> float:
    """Seconds by which the clock is wrong now."""
    return float(told() or 0)


def shifted_time() -> float:
    """In place of `time.time`."""
    return machine_time() + offset()


def shifted_now(_: SystemClock) -> datetime:
    """In place of the clock that all actors get the time of day from."""
    return datetime.now(UTC) + timedelta(seconds=offset())


if __name__ == "__main__":
    time.time = shifted_time
    SystemClock.now = shifted_now  # type: ignore[method-assign, assignment]
    start("chaos.shims.clock")
