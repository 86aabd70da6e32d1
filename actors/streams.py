"""Stream: an answer in parts, as its consumer sees it; the same whether it comes from this process or another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from actors.delivery import LocalStream
from actors.message import Reply
from transport.envelope import Envelope
from transport.errors import LatticeError, PeerReplaced, Unavailable
from transport.stream import ClientStream

__all__ = ["HereStream", "RemoteStream", "Stream"]


class Stream:
    """An async iterator of parts; once it has ended, `reply` is the reply that ended it.

    Raised while iterating, after the parts that came before: the error that the actor answered; `DeadlineExceeded`;
    `PeerReplaced` when who was answering was replaced after a part had been consumed (before, it is asked anew).
    Leaving `async with`, or cancelling the task that waits for a part, cancels the call.
    """

    reply: Any = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Cancels the call unless it has ended."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class HereStream(Stream):
    """From an actor in this process."""

    def __init__(self, delivery: LocalStream) -> None:
        self._delivery = delivery

    async def __anext__(self) -> Reply:
        try:
            part = await self._delivery.take()
        except asyncio.CancelledError:
            self._delivery.cancel()
            raise

        if part is None:
            self.reply = self._delivery.end
            raise StopAsyncIteration

        return part

    async def aclose(self) -> None:
        """Cancels the call unless it has ended."""
        self._delivery.cancel()


class RemoteStream(Stream):
    """From an actor in another process.

    Args:
        part, reply: what answers are validated against.
        ask: asks; called again as long as the peer answers that it is just going away.
        read: makes a model of an answer.
        patience: returns after a while when the peer was going away; raises the error when there is no use in waiting.
    """

    def __init__(
        self,
        part: type[Reply],
        reply: type[Reply],
        ask: Callable[[], ClientStream],
        read: Callable[[type[Reply], Envelope], Any],
        patience: Callable[[LatticeError], Any],
    ) -> None:
        self._part_model = part
        self._reply_model = reply
        self._ask = ask
        self._read = read
        self._patience = patience
        self._begun = False
        self._source = ask()

    async def __anext__(self) -> Any:
        while True:
            try:
                envelope = await anext(self._source)
            except StopAsyncIteration:
                if self._source.reply is not None:
                    self.reply = self._read(self._reply_model, self._source.reply)
                raise
            except Unavailable as error:
                if self._begun:
                    if (error.detail or {}).keys() & {"replaced", "draining"}:
                        raise PeerReplaced from error
                    raise

                await self._patience(error)
                self._source = self._ask()
            else:
                self._begun = True
                return self._read(self._part_model, envelope)

    async def aclose(self) -> None:
        """Cancels the call unless it has ended."""
        self._source.cancel()
