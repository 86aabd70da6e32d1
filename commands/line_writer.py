"""Lines for whoever watches `up`. Where nobody reads them any more, `up` goes on watching over the house all the same.

A pipe takes 64 KiB; then writing waits until somebody reads. So a thread does the writing. A bounded number of lines wait for
it, and once somebody reads on he is told how many more there were.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final

__all__ = ["LineWriter"]

MOST: Final = 1000
"""Lines that wait to be read: two hours of a house in which an actor crashes every ten seconds."""

LAST_WORDS_S: Final = 1.0
"""How long the end waits for a reader, in seconds."""


class LineWriter:
    """Writes lines to a descriptor in their order.

    Args:
        descriptor: where to; where writing fails, the rest is said to nobody.
        most: lines that may wait. Beyond them the newest are lost, and counted.
    """

    def __init__(self, descriptor: int, most: int = MOST) -> None:
        self.descriptor = descriptor
        self.most = most
        self.waiting: deque[str] = deque()
        self.lost = 0
        self.is_over = False
        self.changed = threading.Condition()
        self.thread: threading.Thread | None = None

    def write(self, line: str) -> None:
        """Have a line written soon. Never waits."""
        with self.changed:
            if len(self.waiting) >= self.most:
                self.lost += 1
                return

            self.waiting.append(line)
            if self.thread is None:
                # A daemon: the process ends though nobody reads.
                self.thread = threading.Thread(target=self._write_on, name="line-writer", daemon=True)
                self.thread.start()
            self.changed.notify_all()

    def close(self, seconds: float = LAST_WORDS_S) -> None:
        """Wait until all is written, but not for long."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
            thread = self.thread
        if thread is not None:
            thread.join(seconds)

    def _write_on(self) -> None:
        while True:
            with self.changed:
                while not self.waiting and not self.lost and not self.is_over:
                    self.changed.wait()
                if not self.waiting and not self.lost:
                    return
                line = self.waiting[0] if self.waiting else f"({self.lost} more lines were lost: nobody read them)"
                lost = 0 if self.waiting else self.lost

            try:
                self._write(f"{line}\n".encode(errors="replace"))
            except OSError:
                with self.changed:
                    # Nobody will ever read on.
                    self.waiting.clear()
                    self.most = self.lost = 0
                return

            with self.changed:
                self.lost -= lost
                if not lost:
                    # Only now: a line that is not written yet takes a place.
                    self.waiting.popleft()

    def _write(self, data: bytes) -> None:
        # Not through `sys.stdout`, whose lock the thread would hold while the interpreter ends.
        while data:
            data = data[os.write(self.descriptor, data) :]
