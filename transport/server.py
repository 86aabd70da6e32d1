"""Server: a host's one ROUTER, served by the loop through its file descriptor.

Whatever bytes arrive, the sender is answered `error` where its call can be told, the rest is counted, and the loop goes
on. Nothing here blocks: a peer that does not read has a bounded outbox, and what exceeds it is dropped and counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, NewType

import zmq

from transport import sockets
from transport.bind import check_ipc, check_tcp, umasked
from transport.codec import LIMITS, Malformed, WireLimits, decode, encode
from transport.counters import Counters
from transport.envelope import ASK, CLIENT_KINDS, ERROR, Envelope
from transport.errors import Internal, Invalid, LatticeError, Unavailable
from transport.keys import ServerKeys
from transport.zap import Gatekeeper

__all__ = ["Peer", "Server"]

Peer = NewType("Peer", bytes)
"""Who sent an envelope and where its answers go: one connection. A peer that connects anew is another."""

BATCH: Final = 256
SLICE_S: Final = 0.004
"""Messages read in one tick of the loop, and the seconds after which no further one is. At 15 us each the loop is back within
4 ms anyway; of messages that are dear to refuse (60 ms for 1 MiB) a batch would hold it until it is taken for hung."""

OUTBOX: Final = 4096
"""Envelopes that wait for one slow peer, beyond the HIGH_WATER in ZeroMQ's own queue."""

OUTBOX_BYTES: Final = 32 << 20
WAITING_BYTES: Final = 64 << 20
"""How much may wait for all slow peers together: a hundred that do not read must not take what their process may use."""

HIGH_WATER: Final = 1024
RETRY_S: Final = 0.01
"""How soon a slow peer is tried again if ZeroMQ's descriptor does not tell before: its edge can be eaten by a send."""

LAST_WORDS_S: Final = 0.05
"""How long peers may read what was sent last before the connection ends: the end makes a DEALER with ZMQ_IMMEDIATE throw
away what it has received and not yet read. Without it a quarter of the answers given while draining was lost."""

HANDSHAKE_MS: Final = 2000
MORE: Final = int(zmq.SNDMORE | zmq.DONTWAIT)
LAST: Final = int(zmq.DONTWAIT)
"""Plain integers: combining ZeroMQ's enum members costs a microsecond each time."""


class Server:
    """One ROUTER, bound to one or more addresses.

    Args:
        incarnation: what names this process's life; goes out as `inc` on every answer.
        on_envelope: called on the loop for every well-formed `ask`, `tell`, `cancel` and `credit`, with who sent it. It is
            not called for an `ask` meant for another incarnation: that is answered here. It must not raise.
        limits: what a message may be at most, in either direction.
        curve: this server's key pair and the client keys that are let in; tcp addresses then speak CURVE only.
        on_gone: called when an answer could not be sent since its peer has disconnected.
    """

    def __init__(
        self,
        *,
        incarnation: str,
        on_envelope: Callable[[Peer, Envelope], None],
        limits: WireLimits = LIMITS,
        curve: ServerKeys | None = None,
        on_gone: Callable[[Peer], None] | None = None,
    ) -> None:
        self.incarnation = incarnation
        self.counters = Counters()
        self.addresses: list[str] = []
        self._on_envelope = on_envelope
        self._on_gone = on_gone
        self._limits = limits
        self._curve = curve
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[tuple[Peer, list[bytes]]] = []
        self._blocked: dict[Peer, _Outbox] = {}
        self._waiting_bytes = 0
        self._tick: asyncio.Handle | None = None
        self._more: asyncio.Handle | None = None
        """The next look for something to read, if one is due."""

        self._retry: asyncio.TimerHandle | None = None
        self._closed = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gatekeeper = Gatekeeper(self._context, curve.clients) if curve else None
        self._socket = self._context.socket(zmq.ROUTER)

        for option, value in (
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.SNDHWM, HIGH_WATER),
            (zmq.RCVHWM, HIGH_WATER),
            (zmq.LINGER, 0),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
            (zmq.MAXMSGSIZE, limits.body_bytes),
            (zmq.BACKLOG, 1024),
        ):
            self._socket.set(option, value)

        self._fd = sockets.descriptor(self._socket)
        self._loop.add_reader(self._fd, self._serve)

    def bind(self, address: str, *, listening: int | None = None) -> str:
        """Listens at `ipc:///path` or `tcp://host:port` (`*` for any free port) too; returns the real address.

        The caller holds the `Lock` of an ipc path, so that a socket file found there is a dead process's.

        Args:
            address: where.
            listening: the descriptor of a socket that listens at this ipc path already; it is this server's from now on.

        Raises:
            Invalid: the address is not one of the two kinds, an ipc path is too long or its directory open to others, or a
                tcp address is beyond loopback and there are no CURVE keys.
            Conflict: what stands at an ipc path is not a socket of ours, or somebody listens there.
            Unavailable: the address is taken.
        """
        if address.startswith("ipc://"):
            if listening is None:
                check_ipc(address)
        elif address.startswith("tcp://"):
            check_tcp(address, encrypted=self._curve is not None)
        else:
            raise Invalid(f"an address begins with ipc:// or tcp://, not {address!r}")

        try:
            if address.startswith("ipc://"):
                self._socket.set(zmq.CURVE_SERVER, 0)
                self._socket.set(zmq.USE_FD, -1 if listening is None else listening)
                try:
                    with umasked():
                        self._socket.bind(address)
                finally:
                    self._socket.set(zmq.USE_FD, -1)
            else:
                if self._curve is not None:
                    self._curve.apply(self._socket)

                self._socket.bind(address)
        except zmq.ZMQError as error:
            raise Unavailable(f"cannot listen at {address}: {error}") from error

        bound = bytes(self._socket.get(zmq.LAST_ENDPOINT)).rstrip(b"\0").decode()
        self.addresses.append(bound)
        self._wake()

        return bound

    def widen(self, limits: WireLimits) -> None:
        """Takes and sends messages up to `limits` from now on, at addresses that are bound from now on."""
        self._limits = limits
        self._socket.set(zmq.MAXMSGSIZE, limits.body_bytes)
        self._wake()

    def send(self, peer: Peer, envelope: Envelope) -> None:
        """Queues an answer; all of a tick are sent together. An answer that cannot be encoded becomes an `internal` error."""
        if self._closed:
            self.counters.dropped["closed"] += 1
            return

        if envelope.incarnation is None:
            envelope.incarnation = self.incarnation

        try:
            frames = encode(envelope.header(), envelope.body, self._limits)
        except Invalid as error:
            problem = Internal(f"the answer {error.message}")
            frames = encode(Envelope(ERROR, envelope.id, incarnation=self.incarnation).header(), problem.to_body())

        self._outgoing.append((peer, frames))

        if self._tick is None:
            self._tick = self._loop.call_soon(self._flush)

    def send_error(self, peer: Peer, call_id: str, error: LatticeError) -> None:
        """Queues an `error` answer to a call."""
        self.send(peer, Envelope(ERROR, call_id, body=error.to_body()))

    async def close(self, linger_ms: int = 1000) -> None:
        """Sends what is queued, waits up to `linger_ms` for it to leave, and closes. Closing twice does nothing."""
        if self._closed:
            return

        self._flush()
        deadline = self._loop.time() + linger_ms / 1000

        if self.counters.sent:
            await asyncio.sleep(min(LAST_WORDS_S, linger_ms / 1000))

        while self._blocked and self._loop.time() < deadline:
            await asyncio.sleep(RETRY_S)
            self._flush()

        self._closed = True
        self._loop.remove_reader(self._fd)

        for handle in (self._tick, self._more, self._retry):
            if handle is not None:
                handle.cancel()

        self._remove_files()
        self._socket.close(linger=max(0, int((deadline - self._loop.time()) * 1000)))

        if self._gatekeeper is not None:
            self._gatekeeper.close()

        await sockets.end(self._context)

    def _remove_files(self) -> None:
        """Libzmq leaves a socket's file where it is. Who holds its lock takes it away: our caller, still."""
        for address in self.addresses:
            if address.startswith("ipc://"):
                Path(address.removeprefix("ipc://")).unlink(missing_ok=True)

    def _serve(self) -> None:
        """Reads up to a batch. The descriptor is edge-triggered: leaving before EAGAIN, we come back by ourselves."""
        receive = self._socket.recv_multipart
        drained = False
        until = time.monotonic() + SLICE_S

        try:
            for _ in range(BATCH):
                try:
                    peer, *frames = receive(LAST)
                except zmq.Again:
                    drained = True
                    break

                self._take(Peer(peer), frames)

                if time.monotonic() > until:
                    break
        finally:
            if not drained and self._more is None:
                self._more = self._loop.call_soon(self._wake)

        # Not here: it looks for more to read at its end, and the loop would not be given back while a flood goes on.
        if self._blocked and self._tick is None:
            self._tick = self._loop.call_soon(self._flush)

    def _wake(self) -> None:
        """Looks whether there is something to read: any call on the socket may have eaten the descriptor's edge."""
        self._more = None

        if not self._closed and sockets.readable(self._socket):
            self._serve()

    def _take(self, peer: Peer, frames: list[bytes]) -> None:
        try:
            envelope = decode(frames, self._limits)
        except Malformed as error:
            self.counters.rejected[error.reason] += 1

            if error.id is not None and not error.is_answer:
                self.send_error(peer, error.id, error)

            return

        if envelope.kind not in CLIENT_KINDS:
            # Not answered: two servers that took each other for clients would answer for ever.
            self.counters.rejected["direction"] += 1
            return

        self.counters.received += 1

        if envelope.kind == ASK and envelope.incarnation is not None and envelope.incarnation != self.incarnation:
            self.counters.rejected["incarnation"] += 1
            self.send_error(peer, envelope.id, Unavailable("the process that was asked has been replaced"))
            return

        self._on_envelope(peer, envelope)

    def _flush(self) -> None:
        self._tick = None

        if self._closed:
            return

        for peer in list(self._blocked):
            self._unblock(peer)

        outgoing, self._outgoing = self._outgoing, []

        for peer, frames in outgoing:
            outbox = self._blocked.get(peer)

            if outbox is not None:
                self._keep(outbox, frames)
            elif not self._try_send(peer, frames):
                outbox = self._blocked[peer] = _Outbox()
                self._keep(outbox, frames)

        if self._blocked and self._retry is None:
            self._retry = self._loop.call_later(RETRY_S, self._again)

        if self._more is None:
            self._wake()

    def _again(self) -> None:
        self._retry = None
        self._flush()

    def _try_send(self, peer: Peer, frames: list[bytes]) -> bool:
        """Hands a message to ZeroMQ. False when the peer's queue is full; a peer that is gone takes anything."""
        send = self._socket.send

        try:
            send(peer, MORE)
            send(frames[0], MORE)
            send(frames[1], LAST)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise

            self.counters.dropped["gone"] += 1

            if self._on_gone is not None:
                self._on_gone(peer)

            return True

        self.counters.sent += 1

        return True

    def _keep(self, outbox: _Outbox, frames: list[bytes]) -> None:
        size = len(frames[0]) + len(frames[1])

        if len(outbox.messages) >= OUTBOX or outbox.size + size > OUTBOX_BYTES or self._waiting_bytes + size > WAITING_BYTES:
            self.counters.dropped["slow"] += 1
            return

        outbox.messages.append(frames)
        outbox.size += size
        self._waiting_bytes += size

    def _unblock(self, peer: Peer) -> None:
        outbox = self._blocked[peer]

        while outbox.messages:
            if not self._try_send(peer, outbox.messages[0]):
                return

            frames = outbox.messages.popleft()
            size = len(frames[0]) + len(frames[1])
            outbox.size -= size
            self._waiting_bytes -= size

        del self._blocked[peer]


class _Outbox:
    """What waits for a peer that reads more slowly than it is answered."""

    __slots__ = ("messages", "size")

    def __init__(self) -> None:
        self.messages: deque[list[bytes]] = deque()
        self.size = 0
