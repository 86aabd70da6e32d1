"""Presence: which of the actors that a thought asks are away, so that no further thought waits for them.

Who did not answer in time is asked for a sign of life (`sys.ping`, which an actor answers beside its work) until it gives
one. Until then thoughts give it a moment and no more; what it had in hand when it was too late is not lost by that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from loguru import logger

from actors.runtime import AsyncActor
from actors.system import SysPing
from transport.errors import LatticeError, Unavailable

__all__ = ["Presence"]

Value = TypeVar("Value")

PROBE_S: Final = 30.0
"""How long one sign of life is waited for. An ask whose actor is away is delivered as soon as there is one again."""

PAUSE_S: Final = 0.2
"""The pause between two asks for a sign of life, in seconds, where the first was refused at once."""

MOMENT_S: Final = 0.03
"""How long an actor that is away is waited for all the same, in seconds: one that is back answers in that time."""


class Presence:
    """Who is away.

    Args:
        actor: who asks.
        patience_s: how long an actor that is asked for something that may take its time may give no sign of life.
    """

    def __init__(self, actor: AsyncActor, *, patience_s: float, quiet_s: float = 1.0) -> None:
        self.actor = actor
        self.patience_s = patience_s
        self.quiet_s = quiet_s
        self.away: dict[str, asyncio.Task[None]] = {}
        self.since: dict[str, float] = {}
        """When each of them was first asked for a sign of life."""

    def patience(self, name: str, seconds: float) -> float:
        """How long to wait for an actor, at most `seconds`."""
        return min(seconds, MOMENT_S) if name in self.away else seconds

    def lost(self, name: str) -> None:
        """It did not answer in time."""
        if name not in self.away:
            self.since[name] = asyncio.get_running_loop().time()
            self.away[name] = self.actor.spawn(self._until_it_is_back(name), name=f"thinking waits for {name}")
            logger.bind(actor=name).info("an actor gives no answer")

    def close(self) -> None:
        """Wait for nobody any more."""
        for task in self.away.values():
            task.cancel()

    async def first(self, name: str, work: Awaitable[Value]) -> Value:
        """What `work` comes to: for as long as it takes, while the actor `name` that does it gives signs of life.

        Raises:
            Unavailable: it gives none.
        """
        task = asyncio.ensure_future(work)
        try:
            while True:
                quiet = self.patience(name, self.quiet_s)
                done, _ = await asyncio.wait((task,), timeout=quiet)
                if not done:
                    await self._sign_of_life(name, beside=task)
                if task.done():
                    return task.result()
        finally:
            await _end(task)

    async def while_alive(self, name: str, work: Awaitable[Value], seconds: float) -> Value:
        """What `work` comes to, within `seconds`, where nothing else is left to be waited for.

        The actor that does it may be late, as at its start, when it reads what it searches. It is given up once it has owed a
        sign of life for `quiet_s`.

        Raises:
            Unavailable: it gives none, or is not done in time.
        """
        task = asyncio.ensure_future(work)
        try:
            async with asyncio.timeout(seconds):
                while not task.done():
                    await self._wait(task, name)
                return task.result()
        except TimeoutError:
            raise Unavailable(f"{name} is not done in time", retry_after_ms=1000) from None
        finally:
            await _end(task)

    async def _wait(self, task: asyncio.Future[Any], name: str) -> None:
        """Wait for a task, or for a sign of life from who does it.

        Raises:
            Unavailable: there is neither.
        """
        probe = self.away.get(name)
        if probe is None:
            done, _ = await asyncio.wait((task,), timeout=self.quiet_s)
            if not done:
                self.lost(name)
            return

        owed_s = asyncio.get_running_loop().time() - self.since[name]
        await asyncio.wait((task, probe), timeout=max(MOMENT_S, self.quiet_s - owed_s), return_when=asyncio.FIRST_COMPLETED)
        if not task.done() and not probe.done():
            raise Unavailable(f"{name} gives no sign of life", retry_after_ms=1000)

    async def _sign_of_life(self, name: str, *, beside: asyncio.Future[Any]) -> None:
        """Wait for a sign of life, for no longer than the work takes that is waited for beside it: its time may be up first.

        Raises:
            Unavailable: there is none.
        """
        sign = asyncio.ensure_future(self.actor.ask(SysPing(), to=name, timeout=self.patience(name, self.patience_s)))
        try:
            await asyncio.wait((sign, beside), return_when=asyncio.FIRST_COMPLETED)
            if not sign.done():
                if beside.exception() is not None:
                    self.lost(name)
                return

            sign.result()
        except LatticeError as error:
            self.lost(name)
            raise Unavailable(f"{name} gives no sign of life", retry_after_ms=1000) from error
        finally:
            await _end(sign)

    async def _until_it_is_back(self, name: str) -> None:
        try:
            while True:
                try:
                    await self.actor.ask(SysPing(), to=name, timeout=PROBE_S)
                except LatticeError:
                    await asyncio.sleep(PAUSE_S)
                else:
                    logger.bind(actor=name).info("an actor answers again")
                    return
        finally:
            self.away.pop(name, None)
            self.since.pop(name, None)


async def _end(task: asyncio.Future[Any]) -> None:
    """Wait for a task no more; what it failed with meanwhile is nobody's any more."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
