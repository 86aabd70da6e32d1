"""Work that goes on in the background goes on again: a full disk or an actor that is away ends a write, not a process.

A supervisor could do no more about either than begin the same work anew, and would give up after a few times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from loguru import logger

from actors.sqlite.opening import Damaged
from transport.errors import Unavailable

__all__ = ["patiently"]

AGAIN_S: Final = 1.0

WELL_S: Final = 60.0
"""Work that went on for so long was well: what it waits for afterwards is something new."""


async def patiently(what: str, work: Callable[[], Awaitable[None]], *, again_s: float = AGAIN_S) -> None:
    """Do work to its end. Where something is not available it is begun anew a little later, as often as it takes.

    Args:
        what: the work's name, for the log.
        work: may be begun anew at any point: what it has done stands on disk.
        again_s: seconds until it is begun anew.

    Raises:
        Damaged: the database is; its owner has to end, so that its next opening recovers it.
    """
    waits = False
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            return await work()
        except Damaged:
            raise
        except Unavailable as error:
            # Said once for as long as it lasts: the log may be on its way to the same full disk.
            if not waits or loop.time() - began >= WELL_S:
                logger.warning("work in the background waits", what=what, reason=error.message)
            waits = True
            await asyncio.sleep(again_s)
