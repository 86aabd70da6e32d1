"""kill -9 of an actor's process to its next answer, as a caller sees it who never stops asking.

python -m benchmarks.recovery [--kills 50] [--pause 0.3] [--actor memory ...]

With `--pause 0` the kills come faster than spares can be made.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from actors.host import Host
from actors.supervision import ListChildren
from actors.system import SysPing
from benchmarks.figures import percentile, table
from tests.system.house import House
from transport.addresses import run_directory

ACTORS = ("encoder", "memory", "llm", "thinking", "paradox", "daemon", "gateway")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--pause", type=float, default=0.3)
    parser.add_argument("--actor", nargs="*", default=list(ACTORS))
    arguments = parser.parse_args()

    rows = [["bare python, one print", *bare_python(min(arguments.kills, 20))]]
    with tempfile.TemporaryDirectory(prefix="lattice-") as directory, House(Path(directory)) as house:
        rows.extend(
            [name, *asyncio.run(kill_again_and_again(house, name, arguments.kills, arguments.pause))]
            for name in arguments.actor
        )

    print(table(["killed", "p50 ms", "p99 ms", "max ms", "n"], rows))


async def kill_again_and_again(house: House, name: str, kills: int, pause: float) -> tuple[float, float, float, int]:
    """Milliseconds from the signal to the first answer of the next incarnation, `pause` seconds after the last one."""
    took = []
    async with Host(run_dir=run_directory(house.data_dir)) as host:
        supervisor, actor = host.ref("supervisor"), host.ref(name)
        for _ in range(kills):
            await asyncio.sleep(pause)
            pid = (await actor.ask(SysPing())).pid
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            while (await actor.ask(SysPing(), timeout=30)).pid == pid:
                pass
            took.append((time.perf_counter() - began) * 1000)
            while any(child.state != "ready" for child in (await supervisor.ask(ListChildren())).children):
                pass
    return percentile(took, 50), percentile(took, 99), max(took), len(took)


def bare_python(times: int) -> tuple[float, float, float, int]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True)
        took.append((time.perf_counter() - began) * 1000)
    return percentile(took, 50), percentile(took, 99), max(took), len(took)


if __name__ == "__main__":
    main()
