"""The lag watch: how late the loop runs its timers, and the stack of whatever held it for more than 100 ms.

A timer on the loop measures; one thread a host looks, when a beat is overdue, what the loop's thread is doing. It also tells a
loop that hangs from one that has much to run before it comes to its timers: asyncio runs all callbacks that are due in one go.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final

from loguru import logger

__all__ = ["LagWatch", "Stall"]

BEAT_S: Final = 0.025
HELD_S: Final = 0.1
WINDOW: Final = 40
"""Beats that `lag_ms` looks back on: a second."""

RING: Final = 16

RUN: Final = asyncio.Handle._run.__code__  # noqa: SLF001 (the frame in which the loop runs one callback)


@dataclass(frozen=True, slots=True)
class Stall:
    """A time at which the loop was held."""

    time: float
    """Unix time in seconds."""

    stack: str


class LagWatch:
    """Watches the running loop from `start` until `stop`."""

    def __init__(self) -> None:
        self.stalls: deque[Stall] = deque(maxlen=RING)
        self.stall_count = 0
        self.on_moving: Callable[[], None] | None = None
        """Called in the watch's thread, every 100 ms while a beat is overdue and the loop has begun another callback since the
        last look: then it is busy and does not hang. A callback that never ends is never followed by another."""

        self._running: FrameType | None = None
        self._lags: deque[float] = deque([0.0], maxlen=WINDOW)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beat_at = 0.0
        self._seen = 0.0
        self._used = 0.0
        """Processor time of the loop's thread at the last beat: one that was late without using any was not held."""

        self._started = threading.Event()
        self._over = threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    @property
    def lag_ms(self) -> float:
        """The longest lag of the last second, in milliseconds."""
        overdue = time.monotonic() - self._beat_at - BEAT_S if self._loop is not None else 0.0

        return max(0.0, overdue, *self._lags) * 1000

    def prepare(self) -> None:
        """Has its thread wait for `start`, which then only wakes it: who starts a thread waits until it has the interpreter."""
        self._thread = threading.Thread(target=self._watch, args=(threading.get_ident(),), name="lag watch", daemon=True)
        self._thread.start()

    def start(self) -> None:
        """Begins to watch the running loop, in the thread that has prepared it, if that was done."""
        self._loop = asyncio.get_running_loop()
        self._beat_at = time.monotonic()
        self._used = time.thread_time()
        self._timer = self._loop.call_later(BEAT_S, self._beat)
        if self._thread is None:
            self.prepare()
        self._started.set()

    def stop(self) -> None:
        """Ends the timer and the thread."""
        self._over.set()
        self._started.set()

        if self._timer is not None:
            self._timer.cancel()

        if self._thread is not None:
            self._thread.join(timeout=1)

    def _beat(self) -> None:
        now = time.monotonic()
        lag = now - self._beat_at - BEAT_S
        self._lags.append(lag)

        used, self._used = time.thread_time() - self._used, time.thread_time()

        if lag > HELD_S and self._seen != self._beat_at and used > lag / 2:
            self._note("what held the loop also held the interpreter: no stack could be taken\n")

        self._beat_at = now

        if self._loop is not None:
            self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _watch(self, thread_id: int) -> None:
        self._started.wait()
        while True:
            beat_at = self._beat_at
            overdue_at = beat_at + BEAT_S + HELD_S

            if self._seen == beat_at:
                overdue_at = time.monotonic() + HELD_S

            if self._over.wait(max(0.0, overdue_at - time.monotonic())):
                return

            if self._beat_at != beat_at:
                self._running = None
                continue

            frame = sys._current_frames().get(thread_id)  # noqa: SLF001 (the documented way to another thread's stack)

            if frame is None or self._beat_at != beat_at:
                continue

            self._look_for_movement(frame)

            if self._seen == beat_at:
                continue

            self._seen = beat_at

            if frame.f_code.co_filename != selectors.__file__:
                # Otherwise the loop has nothing to do, and gets no time to see it.
                self._note("".join(traceback.format_stack(frame)))

    def _look_for_movement(self, frame: FrameType) -> None:
        last, self._running = self._running, callback_of(frame)

        if self.on_moving is not None and None not in (last, self._running) and last is not self._running:
            self.on_moving()

    def _note(self, stack: str) -> None:
        self.stall_count += 1
        self.stalls.append(Stall(time.time(), stack))
        logger.warning("the loop is held", held_ms=int(HELD_S * 1000), stack=stack)


def callback_of(frame: FrameType | None) -> FrameType | None:
    """The frame of the callback that a loop is running, new for each; None between two."""
    while frame is not None and frame.f_code is not RUN:
        frame = frame.f_back
    return frame
