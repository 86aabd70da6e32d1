"""What a client has asked and nobody has answered yet, in the order in which it was asked.

It is kept to be asked again of the peer's next process. Knows no socket: says what is to be sent, the client sends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from transport.call import Ask, Note, Outgoing, note
from transport.envelope import CREDIT
from transport.errors import Conflict, Invalid, LatticeError
from transport.stream import ClientStream

__all__ = ["Unanswered"]

PENDING: Final = 16384
"""Calls that may wait for their answers."""

BYTES: Final = 256 << 20
"""Bodies of all that is kept, in bytes."""

LARGE_BODY: Final = 1 << 20
LARGE_ATTEMPTS: Final = 3
"""A peer closes the connection on a frame larger than it takes. A body beyond the default limit that has seen that many
connections end is taken for their cause."""


class Unanswered:
    """All calls of one client that wait for their answers."""

    def __init__(self) -> None:
        self.calls: dict[str, Ask | ClientStream] = {}
        self.bytes = 0
        """Bytes of their bodies, and of those of the tells that wait to be sent."""

        self.epoch = 0
        """The connection, or process behind it, that calls are sent to now; 0 before the first."""

    def is_full(self) -> bool:
        """Whether no other call may wait."""
        return len(self.calls) >= PENDING or self.bytes >= BYTES

    def add(self, call: Ask | ClientStream) -> None:
        """Keep a call until it is removed.

        Raises:
            Conflict: one with its id is kept already.
        """
        if call.id in self.calls:
            raise Conflict(f"a call {call.id!r} is waiting already")

        self.calls[call.id] = call
        self.bytes += len(call.body)

    def remove(self, call: Outgoing) -> bool:
        """Keep it no longer; whether it was kept until now."""
        if self.calls.pop(call.id, None) is None:
            return False

        self.bytes -= len(call.body)
        return True

    def fail_all(self, error: LatticeError) -> None:
        """End all with that error."""
        calls, self.calls = self.calls, {}

        for call in calls.values():
            self.bytes -= len(call.body)
            call.fail(error)

    def begin_epoch(self, besides: str | None = None) -> tuple[list[Outgoing | Note], list[Ask | ClientStream]]:
        """The peer has another process: what is to be sent to it at once, and the calls that are to be asked again later.

        Later come those of the background, but for those that no process has been asked yet. `besides` is the id of a call
        that the new process has already.
        """
        self.epoch += 1
        now: list[Outgoing | Note] = []
        later: list[Ask | ClientStream] = []

        for call in list(self.calls.values()):
            if call.id == besides:
                call.epoch = self.epoch
            elif call.epoch and call.header.get("lane") == "bg":
                later.append(call)
            else:
                now.extend(self.ask_again(call))

        return now, later

    def ask_again(self, call: Ask | ClientStream) -> Iterator[Outgoing | Note]:
        """What is to be sent for a call to be asked again; nothing where it has ended, or is ended here as one too large."""
        if call.id not in self.calls:
            return

        if call.attempts >= LARGE_ATTEMPTS and len(call.body) > LARGE_BODY:
            self.remove(call)
            call.fail(Invalid(f"the peer ends the connection on this body of {len(call.body)} bytes"))
            return

        credit = call.begin_again()
        yield call

        if credit:
            yield note(CREDIT, call.id, credit)
