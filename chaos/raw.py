"""A client of the wire from pyzmq and msgpack alone, as docs/protocol.md tells a stranger to write one.

It shares no code with Lattice, so that a fault of Lattice's own client cannot hide one of its server.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

__all__ = ["Refused", "Unanswered", "Wire"]

ASK_AGAIN_S = 5.0
"""After so long without a word it asks again on the same connection; the protocol lets a call that runs be joined so."""

NOT_DONE = ("invalid", "unknown_actor", "unknown_type", "unauthorized", "not_found", "conflict")
"""Codes of section 5 after which nothing has happened."""


class Refused(Exception):
    """The answer is an error that says that nothing was done."""


class Unanswered(Exception):
    """The answer is another error, or there is none in time."""


class Wire:
    """A DEALER to one actor's socket; one call at a time. Use it from one thread.

    Args:
        path: the actor's socket in the run directory.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.connections = 0
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        for option, value in ((zmq.LINGER, 0), (zmq.IMMEDIATE, 1), (zmq.RECONNECT_IVL, 1), (zmq.HANDSHAKE_IVL, 2000)):
            self.socket.setsockopt(option, value)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.poller = zmq.Poller()
        self.poller.register(self.socket, zmq.POLLIN)
        self.poller.register(self.monitor, zmq.POLLIN)
        self.socket.connect(f"ipc://{path}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()
        self.context.term()

    def ask(self, type_: str, body: dict[str, Any], *, key: str | None = None, ttl_s: float = 30.0) -> dict[str, Any]:
        """One answer.

        Raises:
            Refused, Unanswered: it is an error.
        """
        *_, (_, answer) = self.stream(type_, body, key=key, ttl_s=ttl_s)
        return answer

    def stream(
        self, type_: str, body: dict[str, Any], *, key: str | None = None, ttl_s: float = 30.0
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Kind and body of each part, then of the reply.

        Raises:
            Refused, Unanswered: it is an error, or a part is missing.
        """
        id_, until = uuid.uuid4().hex, time.monotonic() + ttl_s
        incarnation, parts = None, 0
        while True:
            self._send("ask", id_, body, type_=type_, key=key, until=until, incarnation=incarnation if parts else None)
            passed = parts
            while (got := self._receive(id_, until)) is not None:
                header, answer = got
                if header["kind"] == "part":
                    self._send("credit", id_, {"n": 1}, until=until)
                    incarnation = header.get("inc")
                    if header["seq"] < passed:
                        continue
                    if header["seq"] != parts:
                        raise Unanswered(f"part {header['seq']} came where {parts} was due")
                    parts += 1
                    yield "part", answer
                elif header["kind"] == "reply":
                    if header.get("seq", parts) != parts:
                        raise Unanswered(f"{parts} parts came of {header['seq']}")
                    yield "reply", answer
                    return
                elif answer["code"] in NOT_DONE:
                    raise Refused(f"{answer['code']}: {answer['message']}")
                elif parts or not answer["retryable"]:
                    raise Unanswered(f"{answer['code']}: {answer['message']}")
                else:
                    time.sleep(min(answer.get("retry_after_ms", 50) / 1000, max(until - time.monotonic(), 0)))
                    break

    def _send(
        self,
        kind: str,
        id_: str,
        body: dict[str, Any],
        *,
        until: float,
        type_: str = "",
        key: str | None = None,
        incarnation: str | None = None,
    ) -> None:
        header: dict[str, Any] = {"v": 1, "kind": kind, "id": id_}
        if kind == "ask":
            header |= {"to": self.name, "type": type_, "ttl": max(0, int((until - time.monotonic()) * 1000))}
        if key is not None:
            header["key"] = key
        if incarnation is not None:
            header["inc"] = incarnation
        frames = [msgpack.packb(header), msgpack.packb(body)]
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise Unanswered("nobody was there to be asked")
            if self.socket.poll(int(left * 1000) + 1, zmq.POLLOUT):
                try:
                    self.socket.send_multipart(frames, zmq.NOBLOCK)
                except zmq.Again:
                    continue
                return

    def _receive(self, id_: str, until: float) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The next message of a call; None: it is to be asked again."""
        again = min(until, time.monotonic() + ASK_AGAIN_S)
        while (left := again - time.monotonic()) > 0:
            ready = dict(self.poller.poll(int(left * 1000) + 1))
            if self.socket in ready:
                header, body = (msgpack.unpackb(frame) for frame in self.socket.recv_multipart())
                if header["id"] == id_:
                    return header, body
            elif self.monitor in ready:
                recv_monitor_message(self.monitor)
                self.connections += 1
                if self.connections > 1:
                    # Nothing was asked before the first.
                    return None
        if time.monotonic() >= until:
            raise Unanswered("no answer in time")
        return None
