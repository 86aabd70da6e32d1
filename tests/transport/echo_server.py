"""A real server to ask, in this process or as one of its own: `python -m tests.transport.echo_server ADDRESS INCARNATION`.

t.echo answers its body; t.who its incarnation and pid; t.count streams `n` numbers within its credit, holding back from
part `hold` on; t.silent answers nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

from transport.envelope import ASK, CANCEL, CREDIT, INITIAL_CREDIT, PART, REPLY, TELL, Envelope
from transport.errors import Conflict, UnknownType
from transport.server import Peer, Server


class EchoServer:
    def __init__(self, incarnation="one", **options):
        self.server = Server(incarnation=incarnation, on_envelope=self.take, **options)
        self.asked, self.told, self.cancelled = [], [], []
        self.streams = {}
        self.changed = asyncio.Event()

    def take(self, peer: Peer, envelope: Envelope) -> None:
        self.changed.set()

        if envelope.kind == TELL:
            self.told.append(envelope)
        elif envelope.kind == CANCEL:
            self.cancelled.append(envelope.id)
            self.streams.pop(envelope.id, None)
        elif envelope.kind == CREDIT and envelope.id in self.streams:
            self.streams[envelope.id]["credit"] += envelope.body["n"]
            self.pour(envelope.id)
        elif envelope.kind == ASK:
            self.asked.append(envelope)
            self.answer(peer, envelope)

    def answer(self, peer, ask):
        match ask.type:
            case "t.echo":
                self.server.send(peer, Envelope(REPLY, ask.id, type="t.echoed", body=ask.body))
            case "t.who":
                self.server.send(peer, Envelope(REPLY, ask.id, body={"inc": self.server.incarnation, "pid": os.getpid()}))
            case "t.fail":
                self.server.send_error(peer, ask.id, Conflict("no", detail={"why": "asked to"}))
            case "t.count":
                stream = {"peer": peer, "sent": 0, "credit": INITIAL_CREDIT, "hold": 1 << 60, **ask.body}
                self.streams[ask.id] = stream
                self.pour(ask.id)
            case "t.silent":
                pass
            case _:
                self.server.send_error(peer, ask.id, UnknownType())

    def pour(self, call_id):
        stream = self.streams[call_id]

        while stream["sent"] < min(stream["credit"], stream["n"], stream["hold"]):
            body = {"i": stream["sent"]}
            self.server.send(stream["peer"], Envelope(PART, call_id, type="t.number", seq=stream["sent"], body=body))
            stream["sent"] += 1

        if stream["sent"] == stream["n"]:
            self.server.send(stream["peer"], Envelope(REPLY, call_id, type="t.counted", seq=stream["n"]))
            del self.streams[call_id]

    async def until(self, condition):
        while not condition():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 10)


async def serve(address, incarnation):
    echo = EchoServer(incarnation)
    sys.stdout.write(echo.server.bind(address) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(*sys.argv[1:]))
