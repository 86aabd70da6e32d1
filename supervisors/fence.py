"""The fence: a process whose loop has not run for too long ends by itself, whoever else is alive."""

from __future__ import annotations

import faulthandler
from typing import TextIO

from loguru import logger

__all__ = ["hold_off"]


def hold_off(seconds: float, stacks: TextIO) -> None:
    """End this process in so many seconds, with its stacks in that file, unless this is called again before.

    Python makes a thread of it, anew each time. Where the system has none left a process goes on without a fence, until the
    next call finds one: to fail here would end who still serves.
    """
    try:
        faulthandler.dump_traceback_later(seconds, exit=True, file=stacks)
    except RuntimeError as error:
        logger.error("nothing ends this process if its loop hangs", reason=str(error))
