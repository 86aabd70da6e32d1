"""docs/protocol.md is true: its examples are sent, byte by byte, to a real server, and what comes back is compared."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

import msgpack
import pytest
import zmq

from tests.transport.conftest import ROOT
from transport.envelope import ASK, CANCEL, CREDIT, INITIAL_CREDIT, PART, REPLY, Envelope
from transport.errors import Cancelled, Overloaded, UnknownType
from transport.server import Server

PAGE = (ROOT / "docs" / "protocol.md").read_text()


@dataclass
class Message:
    sent: bool
    frames: list[bytes]


def examples():
    """Name and messages of every `wire` block of the page."""
    found = {}

    for name, block in re.findall(r"^```wire (\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        assert name not in found
        found[name] = [message(paragraph) for paragraph in block.strip().split("\n\n")]

    return found


def message(paragraph):
    frames, comments, directions = [], {}, set()

    for line in paragraph.split("\n"):
        if line.startswith("#"):
            comments[len(frames)] = json.loads(line[1:])
        elif line.startswith(" "):
            frames[-1] += bytes.fromhex(line)
        else:
            direction, part, data = line.split(maxsplit=2)
            assert part == ("header", "body")[len(frames)]
            directions.add(direction)
            frames.append(bytes.fromhex(data))

    for index, comment in comments.items():
        assert msgpack.unpackb(frames[index]) == comment

    return Message({">": True, "<": False}[directions.pop()], frames)


class Echo:
    """The actor `echo` of the page."""

    def __init__(self):
        self.server = Server(incarnation="5f1c9d20", on_envelope=self.take)
        self.streams = {}

    def take(self, peer, envelope):
        if envelope.kind == ASK:
            self.answer(peer, envelope)
        elif envelope.kind == CANCEL:
            self.server.send_error(peer, envelope.id, Cancelled())
        elif envelope.kind == CREDIT:
            self.streams[envelope.id][2] += envelope.body["n"]
            self.pour(peer, envelope.id)

    def answer(self, peer, ask):
        match ask.type:
            case "echo.say":
                self.server.send(peer, Envelope(REPLY, ask.id, type="echo.said", body=ask.body))
            case "echo.count":
                self.streams[ask.id] = [0, ask.body["n"], ask.body.get("first", INITIAL_CREDIT)]
                self.pour(peer, ask.id)
            case "echo.wait":
                pass
            case "echo.full":
                self.server.send_error(peer, ask.id, Overloaded(retry_after_ms=50))
            case _:
                self.server.send_error(peer, ask.id, UnknownType())

    def pour(self, peer, call):
        i, n, granted = self.streams[call]

        for seq in range(i, min(n, granted)):
            self.server.send(peer, Envelope(PART, call, type="echo.number", seq=seq, body={"i": seq}))

        self.streams[call][0] = min(n, granted)

        if granted >= n:
            self.server.send(peer, Envelope(REPLY, call, type="echo.counted", seq=n, body={"n": n}))


@pytest.mark.parametrize("messages", examples().values(), ids=examples())
async def test_an_example_of_the_page_happens_as_it_stands_there(messages, short_dir):
    echo = Echo()
    address = echo.server.bind(f"ipc://{short_dir}/echo.sock")

    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RCVTIMEO, 10_000)
        socket.connect(address)

        for message in messages:
            if message.sent:
                socket.send_multipart(message.frames)
            else:
                assert (await asyncio.to_thread(socket.recv_multipart)) == message.frames

        assert socket.poll(0) == 0

    await echo.server.close()


def test_the_page_shows_every_kind_and_every_header_field():
    headers = [frame for messages in examples().values() for message in messages for frame in message.frames[:1]]
    decoded = [msgpack.unpackb(frame) for frame in headers if frame != b"\xc1"]

    assert {header["kind"] for header in decoded} == {"ask", "tell", "reply", "part", "error", "cancel", "credit"}
    fields = set(re.findall(r"^\| `(\w+)` \|", PAGE.split("## 3.")[1].split("## 4.")[0], re.MULTILINE))
    assert fields <= {field for header in decoded for field in header}
    assert {"v", "kind", "id", "to", "type", "ttl", "key", "lane", "seq", "trace", "inc"} == fields


def test_the_page_tells_every_error_code():
    from transport.errors import BY_CODE  # noqa: PLC0415 (only here)

    table = PAGE.split("## 5.")[1].split("###")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \|$", table, re.MULTILINE))

    assert told == {code: "yes" if kind.retryable else "no" for code, kind in BY_CODE.items()}
