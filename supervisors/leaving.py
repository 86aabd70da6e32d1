"""Processes that have given their name to a successor and finish what runs: watched until they end, hurried at the end of all.

Knows no name's rules: whoever is here is no child any more.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial

from loguru import logger

from supervisors.process import Process

__all__ = ["Leaving"]

HURRY_S = 10.0
"""How long they may take once the house is being stopped, in seconds. The gateway ends its requests after `gateway.drain_s`."""


class Leaving:
    """All of one supervisor's. Lives in its loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.timers: dict[Process, asyncio.TimerHandle] = {}
        self.hurried = False
        self.all_gone = asyncio.Event()
        self.all_gone.set()

    def watch(self, name: str, process: Process, seconds: float) -> None:
        """See it end, within so many seconds."""
        self.all_gone.clear()
        process.on_message = lambda _: None
        process.on_end = partial(self._ended, name, process)
        self.timers[process] = self.loop.call_later(seconds, process.kill)
        if self.hurried:
            self._hurry(process)

    def hurry(self) -> None:
        """The house is being stopped."""
        self.hurried = True
        for process in list(self.timers):
            self._hurry(process)

    def _hurry(self, process: Process) -> None:
        process.send("drain", timeout_s=HURRY_S)
        self.timers[process].cancel()
        self.timers[process] = self.loop.call_later(HURRY_S, process.kill)

    def _ended(self, name: str, process: Process, result: os.waitid_result | None) -> None:
        self.timers.pop(process).cancel()
        logger.info("one that had left its name has ended", child=name, pid=process.pid, code=result and result.si_status)
        if not self.timers:
            self.all_gone.set()
