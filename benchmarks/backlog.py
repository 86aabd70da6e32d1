"""A backlog of statements, worked off by paradox at background priority and over kills, while somebody writes.

    python -m benchmarks.backlog [--statements 10000] [--kills 5] [--classifier onnx]

Memory has the statements before paradox begins. Paradox runs in a process of its own that kills itself with -9 at its writes,
as often as is asked; then one works off the rest. Every statement has to be judged exactly once, and every contradiction that
was put in has to be kept exactly once. Meanwhile a record is remembered again and again; how long that takes is told beside
the same without any backlog.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from actors.host import Host
from actors.memory.messages import GetStats, NewMemory, Remember
from actors.paradox.messages import GetProgress, List
from benchmarks.figures import percentile
from tests.paradox.house import START, Process, house

AT_ONCE = 500
EVERY = 100
"""One statement in so many contradicts an earlier one."""

WRITES = 200
PAGE = 64
"""As paradox takes them from the feed unless told otherwise."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--classifier", choices=["onnx", "none"], default="none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        asyncio.run(measured(Path(directory), arguments.statements, arguments.kills, arguments.classifier))


async def measured(home: Path, statements: int, kills: int, classifier: str) -> None:
    async with house(home, parts=("memory",)) as host:
        alone = await writing(host, "warm") and await writing(host, "alone")
        clashes = await fill(host, statements)
        said = statements + 2 * WRITES

        began = time.monotonic()
        for kill in range(kills):
            async with Process(
                home, dies=2 + kill, when=("before", "after")[kill % 2], classifier=classifier, page=PAGE
            ) as mortal:
                assert await mortal.ended(within_s=600) == -9
        async with Process(home, classifier=classifier, page=PAGE):
            beside = await writing(host, "beside")
            said += WRITES
            reached = (await host.ref("memory").ask(GetStats())).feed_cursor
            while (progress := await host.ref("paradox").ask(GetProgress(reached=reached, wait_ms=20_000))).cursor < reached:
                print(f"{progress.judged} of {said} judged", flush=True)
            took = time.monotonic() - began
            listed = await host.ref("paradox").ask(List(namespace="backlog", limit=1000))
            kept = [(one.earlier.memory, one.later.memory) for one in listed.paradoxes]

    print(f"{said} statements, {kills} kills: {took:.1f} s, {said / took:.0f} a second")
    print(f"judged {progress.judged} (each once: {progress.judged == said}), set aside {progress.set_aside}")
    print(f"contradictions put in {clashes}, kept {len(kept)}, of them twice {len(kept) - len(set(kept))}")
    for name, seconds in (("no backlog", alone), ("beside it", beside)):
        p50, p99 = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
        print(f"a write, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


async def fill(host: Host, statements: int) -> int:
    """Statements of many people about different things, and some contradictions; how many of these."""
    memories = []
    for number in range(statements):
        text, person = f"I counted {number} birds near the lake.", number
        if number % EVERY == EVERY - 2:
            text = "I live in Lisbon."
        elif number % EVERY == EVERY - 1:
            text, person = "I live in Oslo.", number - 1
        memories.append(NewMemory(text=text, speaker=f"person{person}", time=START + timedelta(minutes=number)))
    for start in range(0, len(memories), AT_ONCE):
        await host.ref("memory").ask(Remember(namespace="backlog", memories=tuple(memories[start : start + AT_ONCE])))
    return statements // EVERY


async def writing(host: Host, name: str) -> list[float]:
    """How long each of some writes takes."""
    took = []
    for number in range(WRITES):
        began = time.perf_counter()
        await host.ref("memory").ask(Remember(namespace=name, memories=(NewMemory(text=f"It is {number} o'clock somewhere."),)))
        took.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    main()
