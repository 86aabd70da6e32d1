"""The one loop on a thread of its own, for actors that are started where no loop runs: a script, a REPL, pykka's tests."""

from __future__ import annotations

import asyncio
import os
import threading

__all__ = ["background_loop"]

_guard = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}
"""By process id: a forked child has its parent's variables, not its threads."""


def background_loop() -> asyncio.AbstractEventLoop:
    """The process's background loop, running; all actors started outside any loop share it.

    Its thread is a daemon: a program ends when its main thread does, as with pykka's `use_daemon_thread`.
    """
    with _guard:
        loop = _loops.get(os.getpid())

        if loop is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="actors", daemon=True).start()

        return loop
