"""ClientStream: the parts of an answer as they come, no more of them than the consumer keeps up with.

The peer may send `INITIAL_CREDIT` parts beyond those consumed, so what waits here is bounded by that. Asked again on a new
connection the peer sends from part 0; what is here already is passed over by its number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Self

from transport.call import Caller, Outgoing
from transport.envelope import ERROR, INITIAL_CREDIT, REPLY, Envelope
from transport.errors import DeadlineExceeded, Invalid, LatticeError, PeerReplaced, Unavailable

__all__ = ["ClientStream"]


class ClientStream(Outgoing):
    """An async iterator of `part` envelopes; once it has ended, `reply` is the envelope that ended it.

    Raised while iterating, after the parts that came before: what the peer answered as `error`; `DeadlineExceeded`;
    `PeerReplaced` when the answering process was replaced after a part had been consumed (before, it is asked anew).
    Cancelling the task that waits for a part, or leaving `async with`, cancels the call.
    """

    __slots__ = ("_buffer", "_caller", "_consumed", "_error", "_expected", "_granted", "_incarnation", "_waiter", "reply")

    def __init__(self, header: dict[str, Any], body: bytes, deadline: float, caller: Caller) -> None:
        super().__init__(header, body, deadline)
        self.reply: Envelope | None = None
        self._caller = caller
        self._buffer: deque[Envelope] = deque()
        self._consumed = 0
        self._expected = 0
        self._granted = INITIAL_CREDIT
        self._incarnation: str | None = None
        self._error: LatticeError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Envelope:
        while not self._buffer:
            if self._error is not None:
                raise self._error

            if self.done:
                raise StopAsyncIteration

            self._waiter = asyncio.get_running_loop().create_future()

            try:
                await self._waiter
            except asyncio.CancelledError:
                self.cancel()
                raise
            finally:
                self._waiter = None

        part = self._buffer.popleft()
        self._consumed += 1
        self._grant()

        return part

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cancel()

    async def aclose(self) -> None:
        """Cancels the call unless it has ended, as generators do."""
        self.cancel()

    def cancel(self) -> None:
        """Tells the peer to stop, unless the call has ended; iterating ends."""
        if not self.done:
            self.done = True
            self._caller.forget(self, cancel=True)
            self._wake()

        self._buffer.clear()

    def answer(self, envelope: Envelope) -> bool:
        """Takes a part, or the reply or error that ends the stream."""
        if self._incarnation is None:
            self._incarnation = envelope.incarnation
        elif envelope.incarnation is not None and envelope.incarnation != self._incarnation:
            if self._consumed:
                self._end(PeerReplaced())
                return True

            self._begin_from_zero()
            self._incarnation = envelope.incarnation

        if envelope.kind == ERROR:
            self._end(LatticeError.from_body(envelope.body))
            return True

        if envelope.kind == REPLY:
            return self._take_reply(envelope)

        return self._take_part(envelope)

    def fail(self, error: LatticeError) -> None:
        """Ends the stream with an error, after the parts that are here."""
        if isinstance(error, DeadlineExceeded):
            self._buffer.clear()

        self._end(error)

    def begin_again(self) -> int:
        """With nothing consumed any process may answer; otherwise only the one that began, which sends from 0 again."""
        self._granted = INITIAL_CREDIT

        if not self._consumed:
            self._begin_from_zero()
            return 0

        if self._incarnation is not None:
            self.header["inc"] = self._incarnation

        self._granted += self._consumed

        return self._consumed

    def _take_part(self, envelope: Envelope) -> bool:
        seq = envelope.seq or 0

        if seq < self._expected:
            return False

        if seq > self._expected:
            return self._give_up(Unavailable(f"part {self._expected} of the stream was lost"))

        if seq >= self._granted:
            return self._give_up(Invalid("the peer sent more parts than it was granted"))

        self._expected += 1
        self._buffer.append(envelope)
        self._wake()

        return False

    def _take_reply(self, envelope: Envelope) -> bool:
        if envelope.seq is not None and envelope.seq > self._expected:
            return self._give_up(Unavailable(f"the stream ended at part {self._expected} of {envelope.seq}"))

        self.reply = envelope
        self._end(None)

        return True

    def _give_up(self, error: LatticeError) -> bool:
        self._caller.forget(self, cancel=True)
        self._end(error)

        return True

    def _end(self, error: LatticeError | None) -> None:
        self.done = True
        self._error = error
        self._wake()

    def _begin_from_zero(self) -> None:
        self._buffer.clear()
        self._expected = 0
        self._incarnation = None

    def _grant(self) -> None:
        n = self._consumed + INITIAL_CREDIT - self._granted

        if n >= INITIAL_CREDIT // 2 and not self.done:
            self._granted += n
            self._caller.grant(self, n)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
