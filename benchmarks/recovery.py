"""kill -9 of an actor's process to its next answer, as a caller sees it who never stops asking.

python -m benchmarks.recovery [--kills 500] [--pause 0.3] [--actor memory ...] [--anchors]

Every actor holds 100 MB more than it needs. For memory the next answer is that of a durable write. With `--pause 0` the kills
come faster than spares can be made. `--anchors` installs supervisord and circus and measures them in the same run.
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
from pathlib import Path
from typing import Any

from actors.host import Host
from actors.memory.messages import NewMemory, Remember
from actors.supervision import ListChildren
from actors.system import SysPing
from benchmarks import anchors
from benchmarks.figures import percentile, table
from tests.system.house import House
from transport.addresses import run_directory

ACTORS = ("memory", "llm", "thinking", "paradox", "daemon", "gateway")
Row = tuple[float, float, float, int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--pause", type=float, default=0.3)
    parser.add_argument("--actor", nargs="*", default=list(ACTORS))
    parser.add_argument("--anchors", action="store_true")
    parser.add_argument("--small", action="store_true", help="without the 100 MB")
    arguments = parser.parse_args()

    rows = [["bare python, one print", *bare_python(min(arguments.kills, 20))]]
    rows.append(["an empty process's end", *bare_ends(min(arguments.kills, 50), 0)])
    rows.append(["that of one of 100 MB", *bare_ends(min(arguments.kills, 50), 100)])
    program = ("run.py",) if arguments.small else ("-m", "tests.system.resident_house")
    with tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        if arguments.anchors:
            found = anchors.measure(Path(directory), min(arguments.kills, 30))
            rows.extend([name, *row(took)] for name, took in found.items())
        (Path(directory) / "d").mkdir()
        with House(Path(directory) / "d", program=program) as house:
            rows.extend(
                [name, *row(asyncio.run(kill_again_and_again(house, name, arguments.kills, arguments.pause)))]
                for name in arguments.actor
            )

    print(table(["killed", "p50 ms", "p99 ms", "max ms", "n"], rows))


async def kill_again_and_again(house: House, name: str, kills: int, pause: float) -> list[float]:
    """Milliseconds from the signal to the first answer of the next incarnation, `pause` seconds after the last one."""
    took = []
    numbers = itertools.count()
    async with Host(run_dir=run_directory(house.data_dir)) as host:
        supervisor, actor = host.ref("supervisor"), host.ref(name)

        def question() -> Any:
            if name != "memory":
                return SysPing()
            return Remember(memories=(NewMemory(text=f"fact {next(numbers)}"),))

        for _ in range(kills):
            await asyncio.sleep(pause)
            pid = (await actor.ask(SysPing())).pid
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            # What was asked before the connection broke may still be answered by the one that is dying.
            while True:
                await actor.ask(question(), timeout=30)
                answered = time.perf_counter()
                if (await actor.ask(SysPing(), timeout=30)).pid != pid:
                    break
            took.append((answered - began) * 1000)
            while any(child.state != "ready" for child in (await supervisor.ask(ListChildren())).children):
                pass
    return took


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
