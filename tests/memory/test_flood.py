"""Who floods memory waits for itself: those beside it are answered as if it asked for a few things, not for thousands."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import msgpack
import pytest
import zmq

from actors.host import Host
from actors.memory.messages import NewMemory, Recall, Remember
from actors.system import SysMetrics
from tests.memory.test_durability import kill, start

FLOOD = 1500
"""More than a lane and all workers together hold."""

CALM = 8
"""Calls that the other makes, one after the other."""

SHARE = 0.1
"""Of the flood, at most what may be served before all of these are: some four calls for each. First come, first served it would
be nearly everything."""


@pytest.fixture
async def memory(short_dir):
    """Memory in a process of its own, and the way to it."""
    process = await asyncio.to_thread(start, short_dir)
    async with Host(run_dir=short_dir / "run", bind=False) as host:
        yield host.ref("memory")

    kill(process)


class Flood:
    """A client that asks for everything at once, and takes the answers as they come without looking at them."""

    def __init__(self, address, type_name, bodies):
        self.address = address
        self.messages = [
            (msgpack.packb({"v": 1, "kind": "ask", "id": f"flood-{n}", "to": "memory", "type": type_name}), msgpack.packb(body))
            for n, body in enumerate(bodies)
        ]
        self.answered = threading.Event()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        assert self.answered.wait(30)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.SNDHWM, 0)
            socket.setsockopt(zmq.RCVHWM, 0)
            socket.setsockopt(zmq.RCVTIMEO, 10)
            socket.connect(self.address)
            for message in self.messages:
                socket.send_multipart(message)

            while not self.over.is_set():
                with suppress(zmq.Again):
                    header, _ = socket.recv_multipart()
                    # Refusals come at once.
                    if msgpack.unpackb(header)["kind"] == "reply":
                        self.answered.set()


async def figures(ref):
    """What it has handled, and refused. It tells that at once, whatever waits."""
    told = await ref.ask(SysMetrics())
    by_name = {metric.name: metric.samples for metric in told.metrics}
    refused = next(one.value for one in by_name["lattice_dead_letters_total"] if one.labels["reason"] == "overloaded")
    return sum(one.value for one in by_name["lattice_handled_total"]), refused


FLOODS = {
    "pages": ("memory.list", ({"limit": 20 + n % 20} for n in range(FLOOD))),
    "recalls": ("memory.recall", ({"query": f"Was it {n} miles?"} for n in range(FLOOD))),
}


@pytest.mark.parametrize("what", sorted(FLOODS))
async def test_a_flood_keeps_nobody_else_waiting(memory, short_dir, what):
    await memory.ask(Remember(memories=tuple(NewMemory(text=f"A walk of {n} miles.") for n in range(100))))

    with Flood(f"ipc://{short_dir}/run/memory.sock", *FLOODS[what]):
        before, refused = await figures(memory)
        for n in range(CALM):
            await memory.ask(Recall(query=f"Which walk had {n} miles?", k=1))
        after, _ = await figures(memory)

    assert refused, "this was no flood"
    assert after - before - CALM < FLOOD * SHARE
