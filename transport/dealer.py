"""A DEALER as a client of Lattice needs it, and the monitor that tells of its connection."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import zmq

from transport import sockets
from transport.codec import WireLimits
from transport.keys import ClientKeys

__all__ = ["dealer", "events"]

HIGH_WATER: Final = 1024
HANDSHAKE_MS: Final = 2000
TCP_RECONNECT_MAX_MS: Final = 50
"""A refused key would otherwise cost a thousand CURVE handshakes a second."""

TCP_HEARTBEAT_MS: Final = 2000
"""A machine that lost its power closes nothing; ZeroMQ's I/O threads find out by themselves, however busy the loops are."""

MONITORED: Final = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_AUTH


def dealer(
    context: zmq.Context[zmq.Socket[bytes]], address: str, curve: ClientKeys | None, limits: WireLimits
) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    """The socket, which goes on connecting until it is, and its monitor.

    Raises:
        ZMQError: this process may open nothing more, or the address or the peer's key is none; nothing is left open.
    """
    socket = context.socket(zmq.DEALER)
    monitor = None

    try:
        prepare(socket, address, curve, limits)
        monitor = socket.get_monitor_socket(MONITORED)
        socket.connect(address)
    except zmq.ZMQError:
        # One that stays open keeps the context, and with it the process, from ending.
        if monitor is not None:
            socket.disable_monitor()
            monitor.close()
        socket.close()
        raise

    return socket, monitor


def prepare(socket: zmq.Socket[bytes], address: str, curve: ClientKeys | None, limits: WireLimits) -> None:
    """Set everything that holds from the connection on."""
    for option, value in (
        (zmq.IMMEDIATE, 1),
        (zmq.RECONNECT_IVL, 1),
        (zmq.SNDHWM, HIGH_WATER),
        (zmq.RCVHWM, HIGH_WATER),
        (zmq.LINGER, 0),
        (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
        (zmq.MAXMSGSIZE, limits.body_bytes),
    ):
        socket.set(option, value)

    if address.startswith("tcp://"):
        socket.set(zmq.RECONNECT_IVL_MAX, TCP_RECONNECT_MAX_MS)
        socket.set(zmq.HEARTBEAT_IVL, TCP_HEARTBEAT_MS)
        socket.set(zmq.HEARTBEAT_TIMEOUT, 3 * TCP_HEARTBEAT_MS)

    if curve is not None:
        curve.apply(socket)


def events(monitor: zmq.Socket[bytes]) -> Iterator[int]:
    """What the monitor has to tell now: numbers of ZeroMQ's events."""
    while not monitor.closed and sockets.readable(monitor):
        number, _ = struct.unpack("=Hi", monitor.recv_multipart(zmq.DONTWAIT)[0])
        yield number
