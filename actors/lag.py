"""LagWatch: measures how late the loop runs, and says what held it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback

from loguru import logger

__all__ = ["LagWatch"]

TICK_S = 0.05
HELD_S = 0.1


class LagWatch:
    """One timer on the loop and one thread beside it, which looks at the loop's stack when the timer is overdue."""

    def __init__(self) -> None:
        self.lag_ms = 0.0
        """The latest measurement, smoothed over about a second."""

        self.worst_ms = 0.0
        self.held = 0
        """How often the loop was held for longer than 100 ms."""

        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._due = time.monotonic() + TICK_S
        self._reported_due = 0.0
        self._stopped = threading.Event()
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._thread = threading.Thread(target=self._watch, name="loop-lag", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop measuring."""
        self._timer.cancel()
        self._stopped.set()

    def _tick(self) -> None:
        now = time.monotonic()
        late_ms = max(0.0, now - self._due) * 1000
        self.lag_ms += (late_ms - self.lag_ms) / 20
        self.worst_ms = max(self.worst_ms, late_ms)
        self._due = now + TICK_S
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _watch(self) -> None:
        while not self._stopped.wait(HELD_S / 2):
            due = self._due
            if time.monotonic() - due > HELD_S and due != self._reported_due:
                self._reported_due = due
                self.held += 1
                frame = sys._current_frames().get(self._thread_id)  # noqa: SLF001 (the one way to another thread's stack)
                stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
                logger.warning("the loop has been held for more than 100 ms by:\n{stack}", stack=stack)
