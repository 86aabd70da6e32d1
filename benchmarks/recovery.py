"""kill -9 of an actor's process to its next answer, as a caller sees it who never stops asking.

python -m benchmarks.recovery [--kills 500] [--pause 0.3] [--actor memory ...] [--no-anchors]

The actors are killed in turn, so that 500 kills take three minutes. Every actor holds 100 MB more than it needs. For memory
the next answer is that of a durable write. With `--pause 0` the kills come faster than standbys and spares can be made.
Before them supervisord and circus are installed and measured in the same run: 20 kills each take two and a half minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from actors.host import Host
from actors.memory.messages import NewMemory, Remember
from actors.supervision import ListChildren
from actors.system import SysPing
from benchmarks import anchors
from benchmarks.figures import percentile, table
from tests.system.house import House
from transport.addresses import run_directory

ACTORS = ("memory", "llm", "thinking", "paradox", "daemon", "gateway", "encoder")
SETTLE_S = 5.0
LOOK_S = 0.01
ANCHORED = 20
"""Kills of each anchor: circus looks once a second, and takes four for each."""

Row = tuple[float, float, float, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--pause", type=float, default=0.3)
    parser.add_argument("--actor", nargs="*", default=list(ACTORS))
    parser.add_argument("--no-anchors", dest="anchors", action="store_false", help="without supervisord and circus")
    parser.add_argument("--small", action="store_true", help="without the 100 MB")
    arguments = parser.parse_args()

    rows = [["bare python, one print", *bare_python(min(arguments.kills, 20))]]
    rows.append(["an empty process's end", *bare_ends(min(arguments.kills, 50), 0)])
    rows.append(["that of one of 100 MB", *bare_ends(min(arguments.kills, 50), 100)])
    program = ("run.py",) if arguments.small else ("-m", "tests.system.resident_house")
    with tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        if arguments.anchors:
            found = anchors.measure(Path(directory), min(arguments.kills, ANCHORED))
            rows.extend([name, *row(took)] for name, took in found.items())
        (Path(directory) / "d").mkdir()
        with House(Path(directory) / "d", program=program) as house:
            took = asyncio.run(kill_in_turn(house, arguments.actor, arguments.kills, arguments.pause))
    rows.extend([name, *row(of_one)] for name, of_one in took.items() if of_one)
    rows.append(["all of these", *row([one for of_one in took.values() for one in of_one])])

    print(table(["killed", "p50 ms", "p99 ms", "max ms", "n"], rows))


async def kill_in_turn(house: House, names: Sequence[str], kills: int, pause: float) -> dict[str, list[float]]:
    """Milliseconds from each signal to the next incarnation's first answer, by actor; `pause` seconds between two kills."""
    took: dict[str, list[float]] = {name: [] for name in names}
    async with Host(run_dir=run_directory(house.data_dir)) as host:
        # All that a house does at first is done by then.
        await asyncio.sleep(SETTLE_S)
        for _, name in zip(range(kills), itertools.cycle(names), strict=False):
            await asyncio.sleep(pause)
            took[name].append(await kill(host, name))
            house.drain()
            while any(child.state != "ready" for child in (await host.ref("supervisor").ask(ListChildren())).children):  # noqa: ASYNC110 (only asking tells)
                await asyncio.sleep(LOOK_S)
    return took


async def kill(host: Host, name: str) -> float:
    """Kill an actor's process, and ask until another answers; the milliseconds between."""
    actor = host.ref(name)
    pid = (await actor.ask(SysPing())).pid
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    while True:
        await actor.ask(Remember(memories=(NewMemory(text="a fact"),)) if name == "memory" else SysPing(), timeout=30)
        answered = time.perf_counter()
        # What was asked before the connection broke may still be answered by the one that is dying.
        if (await actor.ask(SysPing(), timeout=30)).pid != pid:
            return (answered - began) * 1000


def row(took: list[float]) -> Row:
    return percentile(took, 50), percentile(took, 99), max(took), len(took)


def bare_python(times: int) -> Row:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True)
        took.append((time.perf_counter() - began) * 1000)
    return row(took)


def bare_ends(times: int, megabytes: int) -> Row:
    """kill -9 of a child that holds so much until its pidfd tells: nobody can be quicker."""
    code = f"import sys; held = [b'x' * 65536 for _ in range({megabytes} * 16)]; print(flush=True); sys.stdin.read()"
    took = []
    for _ in range(times):
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            began = time.perf_counter()
            child.kill()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            took.append((time.perf_counter() - began) * 1000)
    return row(took)


if __name__ == "__main__":
    main()
