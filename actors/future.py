"""AsyncFuture: pykka's future, awaitable from any loop, and refusing to block one."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

import pykka
from pykka import ThreadingFuture

__all__ = ["AsyncFuture"]

T = TypeVar("T")


class AsyncFuture(ThreadingFuture[T]):
    """A value that a thread may wait for with `get`, and a coroutine with `await`."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def get(self, *, timeout: float | None = None) -> Any:
        """As pykka's.

        Raises:
            RuntimeError: it is not there yet and a loop runs in this thread, which would stand still; `await` it instead.
        """
        if self._result is None and asyncio._get_running_loop() is not None:  # noqa: SLF001 (get_running_loop raises)
            raise RuntimeError("a blocking get, ask or stop would stop this event loop; await the future instead")
        return super().get(timeout=timeout)

    def set(self, value: Any | None = None) -> None:
        """As pykka's."""
        super().set(value)
        self._tell_watchers()

    def set_exception(self, exc_info: Any = None) -> None:
        """As pykka's."""
        super().set_exception(exc_info)
        self._tell_watchers()

    def __await__(self) -> Generator[Any, None, T]:
        loop = asyncio.get_running_loop()
        if self._get_hook is not None:
            # A value derived from others: what derives it may block, so it is done beside the loop.
            return (yield from loop.run_in_executor(None, lambda: pykka.ThreadingFuture.get(self)).__await__())

        if self._result is None:
            waiter: asyncio.Future[None] = loop.create_future()
            with self._condition:
                if self._result is None:
                    self._watchers.append((loop, waiter))
                else:
                    waiter.set_result(None)
            yield from waiter.__await__()

        value: T = super().get()
        return value

    __iter__ = __await__

    def _tell_watchers(self) -> None:
        with self._condition:
            watchers, self._watchers = self._watchers, []
        for loop, waiter in watchers:
            loop.call_soon_threadsafe(_resolve, waiter)


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
