"""Time from `up` to ready, and the resident memory of each process, beside a bare Python that imports the dependencies.

python -m benchmarks.house [--starts 5]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import percentile, table
from tests.system.house import House, command_line

IMPORTS = "import aiohttp, apsw, click, loguru, msgpack, prometheus_client, pydantic_settings, pykka, zmq"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--starts", type=int, default=5)
    arguments = parser.parse_args()

    starts, imports = [], []
    for number in range(arguments.starts):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", IMPORTS], check=True)
        imports.append(time.perf_counter() - began)
        with tempfile.TemporaryDirectory(prefix="lattice-") as directory, House(Path(directory)) as house:
            starts.append(house.ready_s)
            if number == arguments.starts - 1:
                memory = resident(house)

    rows = [
        ["up to ready", percentile(starts, 50), max(starts)],
        ["importing the dependencies", percentile(imports, 50), max(imports)],
    ]
    print(table(["seconds", "p50", "max"], rows), "\n")
    print(table(["process", "pid", "RSS MiB", "PSS MiB"], memory))


def resident(house: House) -> list[list[object]]:
    """RSS counts what is shared in each process; PSS shares it out, so that its sum is what the house costs."""
    names = {actor["pid"]: actor["name"] for actor in house.actors().values()}
    rows: list[list[object]] = []
    for pid in sorted(house.pids()):
        word = next((part.decode() for part in command_line(pid)[2:3]), "?")
        fields = dict(line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        rows.append([names.get(pid, word), str(pid), *(int(fields[key].split()[0]) / 1024 for key in ("Rss", "Pss"))])
    rows.append(["sum", "", sum(row[2] for row in rows), sum(row[3] for row in rows)])
    return rows


if __name__ == "__main__":
    main()
