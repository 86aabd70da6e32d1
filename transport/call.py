"""What a client keeps of each message that it sends: enough to send it again, and to tell whoever waits.

`Ask` ends in a future, `transport.stream.ClientStream` in an iterator, `Tell` nowhere.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from transport.codec import encode
from transport.envelope import CREDIT, ERROR, INITIAL_CREDIT, PART, VERSION, Envelope
from transport.errors import LatticeError

__all__ = ["Ask", "Caller", "Note", "Outgoing", "Tell", "header_of", "note"]


class Caller(Protocol):
    """What a call needs of the client that made it."""

    def forget(self, call: Outgoing, *, cancel: bool) -> None:
        """Takes a call out of the table, and tells the peer so if wanted."""

    def grant(self, call: Outgoing, n: int) -> None:
        """Lets the peer send that many more parts."""


class Outgoing:
    """A message with a deadline: a header whose `ttl` is written when it is sent, and an encoded body."""

    __slots__ = ("__weakref__", "attempts", "body", "deadline", "done", "epoch", "header", "id")

    def __init__(self, header: dict[str, Any], body: bytes, deadline: float) -> None:
        self.id: str = header["id"]
        self.header = header
        self.body = body
        self.deadline = deadline
        """Loop time."""

        self.done = False
        self.epoch = 0
        """The connection that it was last sent on; 0 is none."""

        self.attempts = 0

    def answer(self, envelope: Envelope) -> bool:
        """Takes an answer; whether it was the last."""
        raise NotImplementedError

    def fail(self, error: LatticeError) -> None:
        """Ends without an answer."""
        raise NotImplementedError

    def begin_again(self) -> int:
        """Prepares for being sent on a new connection; returns the credit that is to follow, 0 for none."""
        return 0


class Tell(Outgoing):
    """A message that nothing answers: sent once, or dropped when its time is up first."""

    __slots__ = ()

    def answer(self, envelope: Envelope) -> bool:
        """Never called: a tell is not in the table."""
        raise AssertionError(envelope)

    def fail(self, error: LatticeError) -> None:
        """Nobody waits."""


class Ask(Outgoing):
    """A message that one reply or error answers. Parts, where its contract streams, are passed over."""

    __slots__ = ("caller", "future", "parts")

    def __init__(
        self, header: dict[str, Any], body: bytes, deadline: float, caller: Caller, future: asyncio.Future[Envelope]
    ) -> None:
        super().__init__(header, body, deadline)
        self.caller = caller
        self.future = future
        self.parts = 0

    def answer(self, envelope: Envelope) -> bool:
        """Resolves the future, unless it is a part."""
        if envelope.kind == PART:
            self.parts += 1

            if self.parts % (INITIAL_CREDIT // 2) == 0:
                self.caller.grant(self, INITIAL_CREDIT // 2)

            return False

        self.done = True

        if not self.future.done():
            if envelope.kind == ERROR:
                self.future.set_exception(LatticeError.from_body(envelope.body))
            else:
                self.future.set_result(envelope)

        return True

    def fail(self, error: LatticeError) -> None:
        """Fails the future."""
        self.done = True

        if not self.future.done():
            self.future.set_exception(error)

    def begin_again(self) -> int:
        """Counts from the first part again."""
        self.parts = 0

        return 0


class Note:
    """A `cancel` or `credit`: about a call, and of use only to who has it."""

    __slots__ = ("frames", "kind")

    def __init__(self, kind: str, frames: tuple[bytes, bytes]) -> None:
        self.kind = kind
        self.frames = frames


def note(kind: str, call_id: str, n: int = 0) -> Note:
    """A `cancel`, or a `credit` of `n` parts."""
    body = {"n": n} if kind == CREDIT else {}
    header, encoded = encode({"v": VERSION, "kind": kind, "id": call_id}, body)

    return Note(kind, (header, encoded))


def header_of(
    kind: str, call_id: str, to: str, type_name: str, *, ttl_ms: int, key: str | None, lane: str, trace: str | None
) -> dict[str, Any]:
    """The header of an `ask` or `tell`."""
    header: dict[str, Any] = {"v": VERSION, "kind": kind, "id": call_id, "to": to, "type": type_name, "ttl": ttl_ms}

    if key is not None:
        header["key"] = key

    if lane != "fg":
        header["lane"] = lane

    if trace is not None:
        header["trace"] = trace

    return header
