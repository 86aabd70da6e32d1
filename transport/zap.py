"""Gatekeeper: answers ZeroMQ's question at each CURVE handshake, may this key come in (ZAP, RFC 27).

Served by the loop through its descriptor like every other socket; there is one for each context of a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import zmq
from zmq.utils import z85

from transport import sockets

__all__ = ["Gatekeeper"]


class Gatekeeper:
    """Lets in the holders of the keys that `clients()` returns at that moment, as Z85."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], clients: Callable[[], frozenset[str]]) -> None:
        self.refused = 0
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        self._socket = context.socket(zmq.ROUTER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.bind("inproc://zeromq.zap.01")
        self._fd = sockets.descriptor(self._socket)
        self._loop.add_reader(self._fd, self._serve)
        self._loop.call_soon(self._serve)

    def close(self) -> None:
        """Stops answering; handshakes then fail."""
        self._loop.remove_reader(self._fd)
        self._socket.close()

    def _serve(self) -> None:
        while not self._socket.closed and sockets.readable(self._socket):
            asker, empty, *frames = self._socket.recv_multipart(zmq.DONTWAIT)
            self._socket.send_multipart([asker, empty, *self._answer(frames)], zmq.DONTWAIT)

    def _answer(self, frames: list[bytes]) -> list[bytes]:
        # version, request id, domain, address, routing id, mechanism, credentials...
        request = frames[1] if len(frames) > 1 else b""

        if len(frames) == 7 and frames[0] == b"1.0" and frames[5] == b"CURVE" and len(frames[6]) == 32:
            key = z85.encode(frames[6]).decode()

            if key in self._clients():
                return [b"1.0", request, b"200", b"OK", key.encode(), b""]

        self.refused += 1

        return [b"1.0", request, b"400", b"this key is not let in", b"", b""]
