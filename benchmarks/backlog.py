"""A backlog of statements, worked off by paradox at background priority and over kills, while somebody writes.

    python -m benchmarks.backlog [--statements 10000] [--kills 5] [--classifier none] [--encoder] [--namespaces N]

Memory has the statements before paradox begins: the lines of our training families, by many people, and plain contradictions
among them. Paradox runs in a process of its own that kills itself with -9 at its writes, as often as is asked; then one works
off the rest. Every statement has to be judged exactly once, and every contradiction that was put in has to be kept exactly
once. Meanwhile a record is remembered again and again; how long that takes is told beside the same without any backlog. CPU
time is that of the process that works off the rest, and of memory's (with the encoder in it, where it is asked for).

Of 10,600 statements and five kills each was judged once, and all of the 100 contradictions were kept, each once, though a
hundred people say the same two sentences in one namespace: 38 statements a second on two cores that had nothing else to do.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from actors.encoder.actor import Encoder
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from actors.memory.messages import GetStats, NewMemory, Remember
from actors.paradox.messages import GetProgress, List, Paradox
from benchmarks.chat import cpu_s
from benchmarks.figures import percentile
from tests.paradox.house import START, Process, house
from training.paradox.written import families

AT_ONCE = 500
EVERY = 100
"""Of so many statements, all of one person, the last contradicts the one before it."""

CLASH = ("I live in Lisbon.", "I live in Oslo.")

WRITES = 200
PAGE = 64
PATIENCE_S = 2.0
"""As paradox takes them from the feed, and waits for vectors, unless told otherwise. Without the encoder none ever come."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--classifier", choices=["onnx", "none"], default="onnx")
    parser.add_argument("--namespaces", type=int, default=1, help="over how many the people are spread")
    parser.add_argument("--encoder", action="store_true", help="recall by meaning as well, as in a whole house")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        asyncio.run(measured(Path(directory), arguments))


async def measured(home: Path, arguments: argparse.Namespace) -> None:
    statements, kills, classifier = arguments.statements, arguments.kills, arguments.classifier
    namespaces = [f"backlog{number}" for number in range(arguments.namespaces)]
    async with house(home, parts=("memory",)) as host:
        if arguments.encoder:
            await host.start_actor(Encoder, EncoderSettings(), home / "data")
        alone = await writing(host, "warm") and await writing(host, "alone")
        clashes = await fill(host, statements, namespaces)
        said = statements + 2 * WRITES
        if arguments.encoder:
            await embedded(host, namespaces)

        began = time.monotonic()
        for kill in range(kills):
            async with Process(
                home,
                dies=2 + kill,
                when=("before", "after")[kill % 2],
                classifier=classifier,
                page=PAGE,
                vectors_patience_s=PATIENCE_S,
            ) as mortal:
                assert await mortal.ended(within_s=600) == -9
        async with Process(home, classifier=classifier, page=PAGE, vectors_patience_s=PATIENCE_S) as last:
            beside = await writing(host, "beside")
            said += WRITES
            reached = (await host.ref("memory").ask(GetStats())).feed_cursor
            before, spent = await host.ref("paradox").ask(GetProgress()), (cpu_s(last.pid), cpu_s(os.getpid()))
            while (progress := await host.ref("paradox").ask(GetProgress(reached=reached, wait_ms=20_000))).cursor < reached:
                print(f"{progress.judged} of {said} judged", flush=True)
            took = time.monotonic() - began
            spent = (cpu_s(last.pid) - spent[0], cpu_s(os.getpid()) - spent[1])
            kept = [one for one in await paradoxes(host, namespaces) if {one.earlier.text, one.later.text} == set(CLASH)]

    print(f"{said} statements, {kills} kills: {took:.1f} s, {said / took:.0f} a second")
    print(f"judged {progress.judged} (each once: {progress.judged == said}), set aside {progress.set_aside}")
    twice = sum(sum(step.cause == "found" for step in one.history) > 1 for one in kept)
    print(f"contradictions put in {clashes}, kept {len(kept)}, of them found twice {twice}")
    for name, seconds in zip(("paradox", "memory"), spent, strict=True):
        print(f"{name}: {1000 * seconds / (progress.judged - before.judged):.1f} ms of CPU a statement")
    for name, seconds in (("no backlog", alone), ("beside it", beside)):
        p50, p99 = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
        print(f"a write, {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


async def embedded(host: Host, namespaces: list[str]) -> None:
    """Wait until all of it has vectors."""
    for namespace in namespaces:
        while (await host.ref("memory").ask(GetStats(namespace=namespace, wait_embedded_ms=20_000))).pending:
            print("embedding", flush=True)


async def paradoxes(host: Host, namespaces: list[str]) -> list[Paradox]:
    """All that were kept."""
    found: list[Paradox] = []
    for namespace in namespaces:
        cursor, first = None, True
        while first or cursor is not None:
            listed = await host.ref("paradox").ask(List(namespace=namespace, limit=1000, cursor=cursor))
            found += listed.paradoxes
            cursor, first = listed.next_cursor, False
    return found


async def fill(host: Host, statements: int, namespaces: list[str]) -> int:
    """Statements of many people about different things, and some contradictions; how many of these."""
    told = [line.text for family in families() for line in (family.old, *family.after) if line.speaker is None]
    random.Random(1).shuffle(told)
    memories: dict[str, list[NewMemory]] = {namespace: [] for namespace in namespaces}
    for number in range(statements):
        text = told[number % len(told)]
        if number % EVERY >= EVERY - 2:
            text = CLASH[number % 2]
        person = number // EVERY
        memories[namespaces[person % len(namespaces)]].append(
            NewMemory(text=text, speaker=f"person{person}", time=START + timedelta(minutes=number))
        )
    for namespace, some in memories.items():
        for start in range(0, len(some), AT_ONCE):
            await host.ref("memory").ask(Remember(namespace=namespace, memories=tuple(some[start : start + AT_ONCE])))
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
