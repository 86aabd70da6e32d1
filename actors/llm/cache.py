"""Answers used again: for identical calls at temperature 0, kept for a while, or shared while they are being made.

Both are off unless asked for. Only whole answers are kept, and only of calls that say `temperature: 0`: of others a client may
want another one each time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from actors.llm.line import Lane
from actors.llm.messages import Delta, Generate, Generated
from actors.llm.settings import CacheSettings
from transport.errors import DeadlineExceeded, LatticeError, Unavailable

Part = Delta | Generated
Ask = Callable[[Generate, float | None], AsyncGenerator[Part]]
"""Makes a call, by a deadline in the loop's time."""


@dataclass(slots=True)
class Kept:
    """An answer, and until when it is good."""

    parts: list[Part]
    bytes: int
    until: float


@dataclass(slots=True)
class Flight:
    """A call that is under way, with what it has said so far."""

    parts: list[Part] = field(default_factory=list)
    error: LatticeError | None = None
    ended: bool = False
    listeners: int = 0
    said: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: asyncio.Task[None] | None = None

    async def more_than(self, heard: int) -> None:
        """Wait until it has said more than that, or has ended."""
        async with self.said:
            await self.said.wait_for(lambda: len(self.parts) > heard or self.ended)


class Cache:
    """The answers that are kept, and the calls that are shared.

    Args:
        settings: whether, for how long and how many.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, settings: CacheSettings, now: Callable[[], float]) -> None:
        self.settings = settings
        self.now = now
        self.kept: OrderedDict[str, Kept] = OrderedDict()
        self.bytes = 0
        self.forgettings = 0
        """How often answers were forgotten: one that was begun before that is not kept after it."""

        self.flights: dict[tuple[Lane, str], Flight] = {}

    async def close(self) -> None:
        """End the calls that are shared, and make no more."""
        tasks = [flight.task for flight in self.flights.values() if flight.task is not None]
        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)

    async def answer(
        self, message: Generate, ask: Ask, deadline: float | None = None, *, lane: Lane = "fg"
    ) -> AsyncGenerator[Part]:
        """The answer to a call: kept, shared with others of its lane, or asked for.

        Raises:
            DeadlineExceeded: a shared one did not come in this caller's time.
            LatticeError: whatever the call ends with.
        """
        if not (self.settings.seconds or self.settings.single_flight) or message.options.get("temperature") != 0:
            async with aclosing(ask(message, deadline)) as parts:
                async for part in parts:
                    yield part
            return

        key = name_of(message)
        kept = self.find(key)
        if kept is not None:
            for part in kept:
                yield part
            return

        single = self.settings.single_flight
        told = self.shared((lane, key), message, ask, deadline) if single else self.noted(key, message, ask, deadline)
        async with aclosing(told) as parts:
            async for part in parts:
                yield part

    async def noted(self, key: str, message: Generate, ask: Ask, deadline: float | None) -> AsyncGenerator[Part]:
        """The answer as it comes, which is kept when it is whole."""
        heard: list[Part] = []
        forgettings = self.forgettings
        async with aclosing(ask(message, deadline)) as parts:
            async for part in parts:
                heard.append(part)
                if isinstance(part, Generated) and self.forgettings == forgettings:
                    self.keep(key, heard)

                yield part

    async def shared(self, key: tuple[Lane, str], message: Generate, ask: Ask, deadline: float | None) -> AsyncGenerator[Part]:
        """The answer of the one call for all who ask the same now; it ends when the last of them leaves.

        Each of them listens for as long as its own time lasts. The call has no other end: whoever made it may have had less.
        The lanes share none: the background's waits behind the foreground, and within what the background may spend.
        """
        flight = self.flights.get(key)
        if flight is None:
            flight = self.flights[key] = Flight()
            flight.task = asyncio.create_task(self.fly(key, flight, message, ask), name="llm single flight")

        flight.listeners += 1
        heard = 0
        try:
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        await flight.more_than(heard)
                except TimeoutError:
                    raise DeadlineExceeded from None

                while heard < len(flight.parts):
                    heard += 1
                    yield flight.parts[heard - 1]

                if flight.ended and heard == len(flight.parts):
                    if flight.error is not None:
                        raise flight.error

                    return
        finally:
            flight.listeners -= 1
            if not flight.listeners and flight.task is not None and not flight.ended:
                self.flights.pop(key, None)
                flight.task.cancel()

    async def fly(self, key: tuple[Lane, str], flight: Flight, message: Generate, ask: Ask) -> None:
        """Make the one call."""
        try:
            async with aclosing(self.noted(key[1], message, ask, None)) as parts:
                async for part in parts:
                    flight.parts.append(part)
                    async with flight.said:
                        flight.said.notify_all()
        except LatticeError as error:
            flight.error = error
        except BaseException:
            flight.error = Unavailable("the call that was shared has failed")
            raise
        finally:
            flight.ended = True
            if self.flights.get(key) is flight:
                del self.flights[key]

            async with flight.said:
                flight.said.notify_all()

    def find(self, key: str) -> list[Part] | None:
        """A kept answer that is still good; nothing was spent on it this time."""
        kept = self.kept.get(key)
        if kept is None or self.now() >= kept.until:
            return None

        self.kept.move_to_end(key)
        *parts, whole = kept.parts
        return [*parts, whole.model_copy(update={"attempts": 0, "cost": 0.0})]

    def forget(self) -> None:
        """Keep none of the answers so far: they may be about what is forgotten."""
        self.kept.clear()
        self.bytes = 0
        self.forgettings += 1

    def keep(self, key: str, parts: list[Part]) -> None:
        """Keep an answer, and drop those that were not asked for the longest time."""
        size = sum(len(part.model_dump_json()) for part in parts) if self.settings.seconds else 0
        if not self.settings.seconds or size > self.settings.max_bytes:
            return

        old = self.kept.pop(key, None)
        self.bytes += size - (old.bytes if old is not None else 0)
        self.kept[key] = Kept(list(parts), size, self.now() + self.settings.seconds)
        while len(self.kept) > self.settings.entries or self.bytes > self.settings.max_bytes:
            _, dropped = self.kept.popitem(last=False)
            self.bytes -= dropped.bytes


def name_of(message: Generate) -> str:
    """The same for calls that are the same, whatever the order of their fields; of another namespace's never."""
    return sha256(to_json(ordered(message.model_dump(mode="json")))).hexdigest()


def ordered(value: Any) -> Any:
    """The same JSON value with the fields of every object in order."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [ordered(item) for item in value]

    return value
