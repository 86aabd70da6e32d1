"""Asks a second and their median time over ipc, contracts validated on both sides, against raw synchronous pyzmq.

    python -m benchmarks.asks [--seconds 3] [--bytes 200]

Both ask a process of their own with one ROUTER; the raw one sends the same two frames and validates nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zmq

from actors.host import Host
from actors.message import Message, Reply
from actors.runtime import AsyncActor, handles
from benchmarks.figures import percentile, table
from transport.codec import encode


class Said(Reply, type="echo.said"):
    """The text again."""

    text: str


class Say(Message, type="echo.say", reply=Said):
    """A text to be said again."""

    text: str


class Echo(AsyncActor):
    name = "echo"
    concurrency = 64

    @handles(Say)
    async def say(self, message: Say) -> Said:
        return Said(text=message.text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--bytes", type=int, default=200)
    arguments = parser.parse_args()
    text = "x" * arguments.bytes
    rows = []

    with tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        run_dir = Path(directory)
        for in_flight in (1, 64):
            raw = served(raw_server, run_dir, lambda n=in_flight: raw_load(run_dir, text, n, arguments.seconds))
            ours = served(serve, run_dir, lambda n=in_flight: asyncio.run(load(run_dir, text, n, arguments.seconds)))
            rows.append([str(in_flight), ours[0], ours[1], raw[0], raw[1], ours[0] / raw[0]])

    print(table(["in flight", "asks/s", "p50 us", "raw asks/s", "raw p50 us", "ratio"], rows))


def served(server: Callable[..., None], run_dir: Path, measure: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """Measure while `server` runs in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=server, args=(run_dir, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(30)
        return measure()
    finally:
        process.kill()
        process.join()


def serve(run_dir: Path, ready: Any) -> None:
    async def run() -> None:
        async with Host(run_dir=run_dir) as host:
            await host.start_actor(Echo)
            ready.set()
            await host.failed

    asyncio.run(run())


async def load(run_dir: Path, text: str, in_flight: int, seconds: float) -> tuple[float, float]:
    took: list[float] = []
    async with Host(run_dir=run_dir, bind=False) as host:
        echo = host.ref("echo")
        await echo.ask(Say(text=text))
        began = time.perf_counter()

        async def asker() -> None:
            while (now := time.perf_counter()) < began + seconds:
                await echo.ask(Say(text=text))
                took.append(time.perf_counter() - now)

        await asyncio.gather(*(asker() for _ in range(in_flight)))
        lasted = time.perf_counter() - began
    return len(took) / lasted, percentile(took, 50) * 1e6


def raw_server(run_dir: Path, ready: Any) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.bind(f"ipc://{run_dir}/raw.sock")
        ready.set()
        while True:
            router.send_multipart(router.recv_multipart())


def raw_load(run_dir: Path, text: str, in_flight: int, seconds: float) -> tuple[float, float]:
    frames = encode({"v": 1, "kind": "ask", "id": "0" * 16, "to": "echo", "type": "echo.say", "ttl": 30_000}, {"text": text})
    took: list[float] = []
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(f"ipc://{run_dir}/raw.sock")
        began = time.perf_counter()
        sent = []
        for _ in range(in_flight):
            dealer.send_multipart(frames)
            sent.append(time.perf_counter())
        while sent[0] < began + seconds:
            dealer.recv_multipart()
            now = time.perf_counter()
            took.append(now - sent.pop(0))
            dealer.send_multipart(frames)
            sent.append(now)
        lasted = time.perf_counter() - began
        dealer.linger = 0
    return len(took) / lasted, percentile(took, 50) * 1e6


if __name__ == "__main__":
    main()
