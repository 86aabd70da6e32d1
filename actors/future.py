"""AsyncFuture: pykka's future, awaitable from any loop, and never blocking one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar, cast

from pykka import Future, ThreadingFuture

__all__ = ["AsyncFuture", "refuse_to_block"]

T = TypeVar("T")
J = TypeVar("J")
M = TypeVar("M")
R = TypeVar("R")


class AsyncFuture(ThreadingFuture[T]):
    """A future that threads may wait for with `get`, and coroutines with `await`."""

    def __init__(self) -> None:
        super().__init__()
        self._callbacks: list[Callable[[], None]] = []
        self.sources: tuple[Future[Any], ...] = ()
        """What a get hook gets its value from. Awaited before the hook is run, so that the hook does not block."""

    def get(self, *, timeout: float | None = None) -> Any:
        """The value, waited for.

        Raises:
            RuntimeError: on a thread that runs a loop, when there is no value yet: `await` the future instead.
            pykka.Timeout: it did not come in time.
        """
        if not self._has_value():
            refuse_to_block("future.get()", "await future")

        return super().get(timeout=timeout)

    def set(self, value: Any | None = None) -> None:
        """Sets the value and wakes who waits."""
        super().set(value)
        self._wake()

    def set_exception(self, exc_info: Any = None) -> None:
        """Sets the exception and wakes who waits."""
        super().set_exception(exc_info)
        self._wake()

    def filter(self: Future[Iterable[J]], func: Callable[[J], bool]) -> Future[Iterable[J]]:
        """See `pykka.Future.filter`."""
        return _derived(Future.filter(self, func), self)

    def join(self: Future[Any], *futures: Future[Any]) -> Future[Iterable[Any]]:
        """See `pykka.Future.join`."""
        return _derived(Future.join(self, *futures), self, *futures)

    def map(self, func: Callable[[T], M]) -> Future[M]:
        """See `pykka.Future.map`."""
        return _derived(Future.map(self, func), self)

    def reduce(self: Future[Iterable[J]], func: Callable[[R, J], R], *args: R) -> Future[R]:
        """See `pykka.Future.reduce`."""
        return _derived(Future.reduce(self, func, *args), self)

    def __await__(self) -> Generator[Any, None, T]:
        yield from self._settle().__await__()

        return cast("T", super().get(timeout=0))

    __iter__ = __await__

    async def _settle(self) -> None:
        """Returns once `get` would not block."""
        if self._get_hook is None:
            await self._value_set()
            return

        for source in self.sources:
            if isinstance(source, AsyncFuture):
                await source._settle()  # noqa: SLF001 (one of its own)

        if not self._has_value():
            # A hook that pykka's user set: it may block, so it is run where that harms nobody.
            await asyncio.get_running_loop().run_in_executor(None, super().get)

    async def _value_set(self) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()

        def resolve() -> None:
            if not waiter.done():
                waiter.set_result(None)

        def wake() -> None:
            loop.call_soon_threadsafe(resolve)

        with self._condition:
            if self._result is not None:
                return

            self._callbacks.append(wake)

        try:
            await waiter
        finally:
            with self._condition:
                if wake in self._callbacks:
                    self._callbacks.remove(wake)

    def _has_value(self) -> bool:
        if self._get_hook is None:
            return self._result is not None

        return bool(self.sources) and all(
            isinstance(source, AsyncFuture) and source._has_value()  # noqa: SLF001 (one of its own)
            for source in self.sources
        )

    def _wake(self) -> None:
        with self._condition:
            callbacks, self._callbacks = self._callbacks, []

        for callback in callbacks:
            callback()


def _derived(future: Future[M], *sources: Future[Any]) -> Future[M]:
    if isinstance(future, AsyncFuture):
        future.sources = sources

    return future


def refuse_to_block(what: str, instead: str) -> None:
    """Raises where blocking would stop a loop.

    Raises:
        RuntimeError: a loop runs on this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return

    raise RuntimeError(
        f"{what} would block the event loop of {threading.current_thread().name}; use `{instead}`",
    )
