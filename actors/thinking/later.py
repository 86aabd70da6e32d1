"""Later: answers that went out before memory had them. Memory is told until it has them, in the background.

They live in this process only: an orderly stop tells memory once more, kill -9 while memory is away too loses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from loguru import logger

from actors.memory.messages import Answer, Conversed
from actors.runtime import AsyncActor
from transport.errors import DeadlineExceeded, LatticeError, Overloaded, Unavailable

__all__ = ["Later"]

MOST: Final = 1024
PATIENCE_S: Final = 600.0
"""How long memory may be away before what it has missed is given up."""

TRY_S: Final = 30.0
PAUSE_S: Final = 1.0
LAST_S: Final = 3.0
"""What an orderly stop waits for memory at most."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What one thought owes memory."""

    talk: asyncio.Task[Conversed | None]
    """Memory taking over the user's turn; it may still be under way, and is not begun a second time."""

    answer_to: Callable[[Conversed], Answer | None]
    """The answer, once it is known which turn it follows; None where there is nothing to remember."""


class Later:
    """What memory is still to be told.

    Args:
        actor: who tells it.
    """

    def __init__(self, actor: AsyncActor) -> None:
        self.actor = actor
        self.owed: dict[str, Owed] = {}

    def owe(self, thought_id: str, owed: Owed) -> None:
        """Tell memory as soon as it can be told."""
        if len(self.owed) >= MOST:
            owed.talk.cancel()
            logger.bind(thought=thought_id).error("memory is away for too many thoughts: this one is not remembered")
            return

        self.owed[thought_id] = owed
        self.actor.spawn(self._tell_on(thought_id), name="thinking tells memory later")

    async def close(self) -> None:
        """Tell what is still to be told, once more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await asyncio.gather(*(self._tell(thought_id) for thought_id in self.owed), return_exceptions=True)

        for thought_id, owed in self.owed.items():
            owed.talk.cancel()
            logger.bind(thought=thought_id).error("a thought could not be remembered")

    async def _tell_on(self, thought_id: str) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S

        while True:
            try:
                await self._tell(thought_id)
            except (DeadlineExceeded, Overloaded, Unavailable) as error:
                if loop.time() < until:
                    await asyncio.sleep(PAUSE_S)
                    continue
                failure: LatticeError = error
            except LatticeError as error:
                failure = error
            else:
                return

            del self.owed[thought_id]
            logger.bind(thought=thought_id, code=failure.code).error("a thought could not be remembered")
            return

    async def _tell(self, thought_id: str) -> None:
        owed = self.owed[thought_id]
        await asyncio.wait({owed.talk})
        conversed = owed.talk.result()
        answer = None if conversed is None else owed.answer_to(conversed)
        if answer is not None:
            await self.actor.ask(answer, timeout=TRY_S)

        del self.owed[thought_id]
        logger.bind(thought=thought_id, taken=conversed is not None).info("memory was told late")
