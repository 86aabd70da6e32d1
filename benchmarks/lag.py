"""How late the loop of memory's process runs its timers while all is asked of it at once, beside a loop that does nothing.

python -m benchmarks.lag [--seconds 10] [--recalls 4] [--memories 5000]

Memory and the encoder are processes of their own, as in a house. Askers recall without a pause, questions that were never asked
before, a writer remembers without a pause, and the background lane embeds what is written, so that both threads of the
database, the lane and the encoder are as busy as they get. A timer of a millisecond measures on memory's loop, and the same
timer at the same time in a process of its own that has nothing else to do: what that one is late by is the machine's.

Of each timer's lateness it is told what the loop's own thread computed meanwhile, how long it waited for a core (Linux counts
that), and the rest, for which it slept though it was due: waiting for the interpreter, whose holder may wait for a core itself.
A machine that has other work makes the second longer, and with it the third.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from actors.encoder.actor import Encoder
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import NewMemory, Recall, Remember
from actors.memory.settings import MemorySettings
from actors.refs import Ref
from actors.system import SysMetrics
from benchmarks.conversations import Talk, Turn
from benchmarks.figures import percentile, table

BEAT_S = 0.001
NAMES = ("memory", "nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--recalls", type=int, default=4, help="askers that recall at once")
    parser.add_argument("--memories", type=int, default=5000, help="remembered before")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="lattice-") as name:
        home, context = Path(name), multiprocessing.get_context("spawn")
        begins, ends, lags = context.Event(), context.Event(), context.Queue()
        jobs = [(serve_memory, (home, begins, ends, lags)), (serve_encoder, (home, ends)), (nothing, (begins, ends, lags))]
        processes = [context.Process(target=target, args=given, daemon=True) for target, given in jobs]
        for process in processes:
            process.start()
        try:
            done = asyncio.run(load(home, arguments, begins, ends))
            late = dict(lags.get(timeout=30) for _ in NAMES)
        finally:
            for process in processes:
                process.kill()
                process.join()

    print(f"{done[0]:,.0f} recalls/s, {done[1]:,.0f} memories written/s, {done[2]:,.0f} of them embedded/s")
    rows: list[list[object]] = []
    for name in NAMES:
        lates, *parts = ([*column] for column in zip(*late[name], strict=True))
        figures = [percentile(lates, percent) for percent in (50, 99, 100)] + [percentile(part, 99) for part in parts]
        rows.append([name, *(figure * 1000 for figure in figures), len(lates)])
    print(table(["loop of", "p50 ms late", "p99 ms late", "most", "own p99", "core p99", "interpreter p99", "timers"], rows))


def serve_memory(home: Path, begins: Any, ends: Any, lags: Any) -> None:
    async def run() -> None:
        async with Host(run_dir=home / "run") as host:
            await host.start_actor(Memory, MemorySettings(), home)
            lags.put((NAMES[0], await lateness(begins, ends)))

    asyncio.run(run())


def serve_encoder(home: Path, ends: Any) -> None:
    async def run() -> None:
        async with Host(run_dir=home / "run") as host:
            await host.start_actor(Encoder, EncoderSettings(), home)
            await asyncio.to_thread(ends.wait)

    asyncio.run(run())


def nothing(begins: Any, ends: Any, lags: Any) -> None:
    lags.put((NAMES[1], asyncio.run(lateness(begins, ends))))


async def lateness(begins: Any, ends: Any) -> list[tuple[float, float, float, float]]:
    """How many seconds late each timer ran between the two events; of these its own, those for a core, for the interpreter."""
    await asyncio.to_thread(begins.wait)
    late = []
    while not ends.is_set():
        computed, without_core = time.thread_time(), waited_for_core()
        due = time.perf_counter() + BEAT_S
        await asyncio.sleep(BEAT_S)
        by = max(0.0, time.perf_counter() - due)
        computed, without_core = time.thread_time() - computed, waited_for_core() - without_core
        late.append((by, computed, without_core, max(0.0, by - computed - without_core)))
    return late


def waited_for_core() -> float:
    """Seconds that this thread could have run and had no core, so far."""
    told = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text(encoding="ascii")
    return int(told.split()[1]) / 1e9


async def load(home: Path, arguments: argparse.Namespace, begins: Any, ends: Any) -> tuple[float, float, float]:
    """Recalls, writes and embedded records a second."""
    talk = Talk()
    turns = [*talk.turns(arguments.memories)]
    counts = {"recalls": 0, "writes": 0}
    async with Host(run_dir=home / "run", bind=False) as host:
        memory = host.ref("memory")
        for start in range(0, arguments.memories, 100):
            await memory.ask(Remember(memories=tuple(map(record, turns[start : start + 100]))), timeout=60)
        while not (await embedded(memory)):  # noqa: ASYNC110 (another process is waited for)
            await asyncio.sleep(0.1)
        before = await embedded(memory)

        async def recall() -> None:
            await memory.ask(Recall(query=talk.question(talk.random.choice(turns))), timeout=60)
            counts["recalls"] += 1

        async def write() -> None:
            await memory.ask(Remember(memories=(record(talk.random.choice(turns)),)), timeout=60)
            counts["writes"] += 1

        await recall()
        begins.set()
        began = time.perf_counter()
        await asyncio.gather(*(again(step, began + arguments.seconds) for step in [*[recall] * arguments.recalls, write]))
        lasted = time.perf_counter() - began
        more = await embedded(memory) - before
        ends.set()
    return counts["recalls"] / lasted, counts["writes"] / lasted, more / lasted


async def again(step: Callable[[], Awaitable[None]], until: float) -> None:
    while time.perf_counter() < until:
        await step()


def record(turn: Turn) -> NewMemory:
    return NewMemory(text=turn.text, speaker=turn.speaker, session=turn.session)


async def embedded(memory: Ref) -> int:
    """How many records have got their vectors since memory was started."""
    told = await memory.ask(SysMetrics())
    return int(next(metric.samples[0].value for metric in told.metrics if metric.name == "lattice_memory_embedded"))


if __name__ == "__main__":
    main()
