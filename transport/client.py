"""Client: the way to one peer, a DEALER that the loop serves through its file descriptor.

What was asked is kept (unanswered.py) until it is answered or its time is up. When the peer's process is replaced, seen by
ZeroMQ's monitor as a new handshake or by another incarnation in an answer, everything that is unanswered is asked again with
the same id and key and the time that is left. Who changes state recognises them; see "Delivery" in docs/protocol.md.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from itertools import count
from typing import Any, Final

import zmq

from transport import sockets
from transport.call import Ask, Note, Outgoing, Tell, header_of, note
from transport.codec import LARGE, Malformed, WireLimits, decode, encode, encode_header
from transport.counters import Counters
from transport.deadlines import Deadlines
from transport.dealer import dealer, events
from transport.envelope import ASK, CANCEL, CREDIT, SERVER_KINDS, TELL, Envelope
from transport.errors import DeadlineExceeded, Internal, Overloaded, Unauthorized, Unavailable
from transport.keys import ClientKeys
from transport.stream import ClientStream
from transport.unanswered import Unanswered

__all__ = ["Client"]

BATCH: Final = 256
QUEUED: Final = 16384
"""Messages that may wait to be sent; calls that are sent again for a new process do not count."""

RETRY_S: Final = 0.01
BACKGROUND_LATER_S: Final = 0.03
"""How much later than others background calls are asked anew: whoever follows a feed comes back to each new process at once,
and the one whom a person waits for would be among the last."""

MORE: Final = int(zmq.SNDMORE | zmq.DONTWAIT)
LAST: Final = int(zmq.DONTWAIT)
"""Plain integers: combining ZeroMQ's enum members costs a microsecond each time."""


class Client:
    """A connection that outlives its peer's processes. To be made, used and closed on one running loop.

    Args:
        address: `ipc:///path` or `tcp://host:port`; nothing needs to listen there yet.
        curve: this side's key pair and the server's public key, for tcp.
        limits: what an answer, and what is asked, may be at most. A peer may take less.

    Raises:
        Unavailable: this process may open nothing more.
    """

    def __init__(self, address: str, *, curve: ClientKeys | None = None, limits: WireLimits = LARGE) -> None:
        self.address = address
        self.connected = False
        self.incarnation: str | None = None
        """The peer's, from its last answer on this connection."""

        self.counters = Counters()
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._unanswered = Unanswered()
        self._queue: deque[Outgoing | Note] = deque()
        self._tick: asyncio.Handle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        """Until background calls are asked anew."""

        self._closed = False
        self._deadlines: Deadlines[Outgoing] = Deadlines(self._loop, self._expire)
        self._prefix = secrets.token_hex(8)
        self._count = count(1)
        try:
            self._socket, self._monitor = dealer(sockets.acquire(), address, curve, limits)
        except zmq.ZMQError as error:
            self._loop.create_task(sockets.release(), name="release")
            raise Unavailable(f"no connection to {address} can be made: {error}", retry_after_ms=1000) from error
        self._fds = (sockets.descriptor(self._socket), sockets.descriptor(self._monitor))
        self._loop.add_reader(self._fds[0], self._serve)
        self._loop.add_reader(self._fds[1], self._watch)
        self._loop.call_soon(self._watch)

    async def ask(
        self,
        to: str,
        type: str,  # noqa: A002 (the wire's own word)
        body: dict[str, Any],
        *,
        ttl_ms: int,
        id: str | None = None,  # noqa: A002 (the wire's own word)
        key: str | None = None,
        lane: str = "fg",
        trace: str | None = None,
    ) -> Envelope:
        """Asks and waits for the reply, at most `ttl_ms` milliseconds. Cancelling the waiting task cancels the call.

        Raises:
            DeadlineExceeded: the time was up.
            Overloaded: too many calls wait on this connection.
            Invalid: the body cannot be put on the wire.
            Conflict: a call with that id is waiting already.
            Unauthorized: the peer does not let this side's key in.
            Unavailable: the client was closed meanwhile.
            LatticeError: any that the peer answered.
        """
        header, encoded = self._prepare(ASK, to, type, body, ttl_ms=ttl_ms, call_id=id, key=key, lane=lane, trace=trace)
        future: asyncio.Future[Envelope] = self._loop.create_future()
        call = Ask(header, encoded, self._loop.time() + ttl_ms / 1000, self, future)
        self._begin(call)

        try:
            return await future
        except asyncio.CancelledError:
            if not call.done:
                call.done = True
                self.forget(call, cancel=True)

            raise

    def stream(
        self,
        to: str,
        type: str,  # noqa: A002 (the wire's own word)
        body: dict[str, Any],
        *,
        ttl_ms: int,
        id: str | None = None,  # noqa: A002 (the wire's own word)
        key: str | None = None,
        lane: str = "fg",
        trace: str | None = None,
    ) -> ClientStream:
        """Asks for an answer in parts; see `ClientStream`. The call begins at once.

        Raises:
            DeadlineExceeded, Overloaded, Invalid, Conflict, Unavailable: as `ask`, before anything is sent.
        """
        header, encoded = self._prepare(ASK, to, type, body, ttl_ms=ttl_ms, call_id=id, key=key, lane=lane, trace=trace)
        call = ClientStream(header, encoded, self._loop.time() + ttl_ms / 1000, self)
        self._begin(call)

        return call

    def tell(
        self,
        to: str,
        type: str,  # noqa: A002 (the wire's own word)
        body: dict[str, Any],
        *,
        ttl_ms: int,
        id: str | None = None,  # noqa: A002 (the wire's own word)
        key: str | None = None,
        lane: str = "fg",
        trace: str | None = None,
    ) -> None:
        """Says something that nothing answers: at most once, and not after `ttl_ms` milliseconds.

        Raises:
            DeadlineExceeded, Overloaded, Invalid, Unavailable: as `ask`.
        """
        header, encoded = self._prepare(TELL, to, type, body, ttl_ms=ttl_ms, call_id=id, key=key, lane=lane, trace=trace)
        message = Tell(header, encoded, self._loop.time() + ttl_ms / 1000)
        self._unanswered.bytes += len(encoded)
        self._deadlines.add(message)
        self._enqueue(message)

    async def close(self, linger_ms: int = 200) -> None:
        """Fails what is pending with `Unavailable`, gives what is queued `linger_ms` to leave, and closes."""
        if self._closed:
            return

        self._flush()

        while self._queue and self.connected and self._retry is None:
            self._flush()

        self._closed = True
        self.connected = False
        self._deadlines.close()

        for fd in self._fds:
            self._loop.remove_reader(fd)

        for handle in (self._tick, self._retry, self._later):
            if handle is not None:
                handle.cancel()

        self._unanswered.fail_all(Unavailable("the connection was closed"))
        self._queue.clear()
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=linger_ms)
        await sockets.release()

    def forget(self, call: Outgoing, *, cancel: bool) -> None:
        """Keeps a call no longer; with `cancel` the peer is told, if it may have heard of the call."""
        if not self._unanswered.remove(call):
            return

        if cancel and call.epoch and not self._closed and len(self._queue) < 2 * QUEUED:
            self._enqueue(note(CANCEL, call.id))

    def grant(self, call: Outgoing, n: int) -> None:
        """Lets the peer send `n` more parts of a stream; one that is asked anew later begins its count again."""
        if self.connected:
            self._enqueue(note(CREDIT, call.id, n))

    def _prepare(
        self,
        kind: str,
        to: str,
        type_name: str,
        body: dict[str, Any],
        *,
        ttl_ms: int,
        call_id: str | None,
        key: str | None,
        lane: str,
        trace: str | None,
    ) -> tuple[dict[str, Any], bytes]:
        if self._closed:
            raise Unavailable("the connection was closed")

        if ttl_ms <= 0:
            raise DeadlineExceeded

        if self._unanswered.is_full() or len(self._queue) >= QUEUED:
            raise Overloaded(f"too much waits for {to} already", retry_after_ms=100)

        call_id = call_id or f"{self._prefix}{next(self._count):x}"
        header = header_of(kind, call_id, to, type_name, key=key, lane=lane, trace=trace, ttl_ms=ttl_ms)

        return header, encode(header, body, self._limits)[1]

    def _begin(self, call: Ask | ClientStream) -> None:
        self._unanswered.add(call)
        self._deadlines.add(call)

        # Without a connection it is queued when there is one, if it has not ended by then: a queue would keep its body.
        if self.connected:
            self._enqueue(call)

    def _enqueue(self, message: Outgoing | Note) -> None:
        self._queue.append(message)

        if self._tick is None and self.connected:
            self._tick = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Sends what is queued, all of a tick together; stops where ZeroMQ's queue is full and goes on later."""
        self._tick = None

        if self._closed:
            return

        queue, send, now = self._queue, self._socket.send, self._loop.time()

        for _ in range(BATCH):
            if not queue or not self.connected:
                break

            message = queue[0]
            header, body = message.frames if isinstance(message, Note) else self._frames(message, now)

            if header:
                try:
                    send(header, MORE)
                    # Refused as well if the peer has died since: ZeroMQ then forgets the header too.
                    send(body, LAST)
                except zmq.Again:
                    self._retry = self._retry or self._loop.call_later(RETRY_S, self._again)
                    break

                self.counters.sent += 1

            queue.popleft()

            if isinstance(message, Outgoing):
                self._was_sent(message)
        else:
            self._tick = self._loop.call_soon(self._flush)

        # Any call on the socket may have eaten the descriptor's edge.
        if sockets.readable(self._socket):
            self._serve()

    def _again(self) -> None:
        self._retry = None
        self._flush()

    def _frames(self, message: Outgoing, now: float) -> tuple[bytes, bytes]:
        """The frames to send now; an empty header for what has ended meanwhile or was sent on this connection already."""
        ttl = int((message.deadline - now) * 1000)

        if message.done or message.epoch == self._unanswered.epoch:
            return b"", b""

        if ttl <= 0:
            self.counters.dropped["late"] += 1
            return b"", b""

        message.header["ttl"] = ttl

        return encode_header(message.header), message.body

    def _was_sent(self, message: Outgoing) -> None:
        message.epoch = self._unanswered.epoch
        message.attempts += 1

        if isinstance(message, Tell):
            message.done = True
            self._unanswered.bytes -= len(message.body)

    def _serve(self) -> None:
        """Reads up to a batch. The descriptor is edge-triggered: leaving before EAGAIN, we come back by ourselves."""
        if self._closed:
            return

        receive = self._socket.recv_multipart
        drained = False

        try:
            for _ in range(BATCH):
                try:
                    frames = receive(LAST)
                except zmq.Again:
                    drained = True
                    break

                self._take(frames)
        finally:
            if not drained:
                self._loop.call_soon(self._serve)

        if self._queue and self.connected and self._tick is None:
            self._tick = self._loop.call_soon(self._flush)

    def _take(self, frames: list[bytes]) -> None:
        try:
            envelope = decode(frames, self._limits)
        except Malformed as error:
            self.counters.rejected[error.reason] += 1
            self._refuse(error)
            return

        if envelope.kind not in SERVER_KINDS:
            self.counters.rejected["direction"] += 1
            return

        self.counters.received += 1

        if envelope.incarnation is not None and envelope.incarnation != self.incarnation:
            known, self.incarnation = self.incarnation, envelope.incarnation

            if known is not None:
                self._ask_again(besides=envelope.id)

        call = self._unanswered.calls.get(envelope.id)

        if call is None:
            self.counters.rejected["unasked"] += 1
        elif call.answer(envelope):
            self._unanswered.remove(call)

    def _refuse(self, error: Malformed) -> None:
        """An answer that cannot be read ends its call: no other will come."""
        call = self._unanswered.calls.get(error.partial.id) if error.partial is not None else None

        if call is not None:
            self.forget(call, cancel=True)
            call.fail(Internal(f"the answer cannot be taken: {error.message}"))

    def _watch(self) -> None:
        """Reads what the monitor tells of the connection."""
        for event in events(self._monitor):
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.connected = True
                self.incarnation = None
                self._ask_again()
            elif event == zmq.EVENT_DISCONNECTED:
                self.connected = False
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._unanswered.fail_all(Unauthorized("the peer does not let this key in"))

    def _ask_again(self, besides: str | None = None) -> None:
        """Queues all that is unanswered for the peer's new process, in the order in which it was asked."""
        notes_and_tells = [message for message in self._queue if isinstance(message, Tell) or _is_cancel(message)]
        now, later = self._unanswered.begin_epoch(besides)
        self._queue.clear()
        self._queue.extend(now)
        self._queue.extend(notes_and_tells)

        if self._later is not None:
            self._later.cancel()
        self._later = self._loop.call_later(BACKGROUND_LATER_S, self._ask_later, later) if later else None

        if self._tick is None:
            self._tick = self._loop.call_soon(self._flush)

    def _ask_later(self, calls: list[Ask | ClientStream]) -> None:
        """Where there is another process by now, or none, they are asked of the next."""
        self._later = None

        if self.connected:
            for call in calls:
                self._queue.extend(self._unanswered.ask_again(call))

        if self._queue and self._tick is None and self.connected:
            self._tick = self._loop.call_soon(self._flush)

    def _expire(self, call: Outgoing) -> None:
        if isinstance(call, Tell):
            # There was no connection: nobody else takes it out of the queue, which would be full of such in the end.
            self._queue.remove(call)
            self._unanswered.bytes -= len(call.body)
            self.counters.dropped["late"] += 1
            return

        self.forget(call, cancel=True)
        call.fail(DeadlineExceeded(detail={"connected": self.connected}))


def _is_cancel(message: Outgoing | Note) -> bool:
    """Whether it is a `cancel`, which a new process is told as well: it may keep the call."""
    return isinstance(message, Note) and message.kind == CANCEL
