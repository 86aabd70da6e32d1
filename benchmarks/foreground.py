"""What the background life costs a talk: a chat's p50 and p99 with every cycle running flat out, beside all of them paused.

python -m benchmarks.foreground [--slices 20] [--seconds 4] [--records 2000]

Slices with cycles on and off alternate in one run of one house, so that what else the machine does hits both alike. In a slice
with cycles on, each is asked to run again as soon as it has ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.chat import WEIGHTS, WORDS, varied
from benchmarks.figures import percentile, table
from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, House

SETTLED = "\n[daemon.consolidate]\nsettled_s = 1.0\n"
"""Talks are consolidated while they go on: a cycle that waits for a quarter of an hour would have nothing to do here."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--slices", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--records", type=int, default=2000)
    arguments = parser.parse_args()

    with (
        tempfile.TemporaryDirectory(prefix="lattice-") as directory,
        SyncModelServer() as model,
        House(Path(directory), config=ENDPOINT.format(url=model.base_url) + SETTLED) as house,
    ):
        model.always(mode="say", text="Yes.")
        took, runs = asyncio.run(measured(house.url, arguments))

    rows = [
        [name, len(some), percentile(some, 50) * 1000, percentile(some, 99) * 1000, max(some) * 1000]
        for name, some in took.items()
    ]
    print(table(["cycles", "chats", "p50 ms", "p99 ms", "worst ms"], rows))
    ratios = [percentile(took["on"], share) / percentile(took["off"], share) for share in (50, 99)]
    print(f"\non / off: p50 {ratios[0]:.2f}, p99 {ratios[1]:.2f}; {runs} runs ended while they were on")


async def measured(url: str, arguments: argparse.Namespace) -> tuple[dict[str, list[float]], int]:
    took: dict[str, list[float]] = {"off": [], "on": []}
    async with aiohttp.ClientSession(url) as http:
        await fill(http, arguments.records)
        names = [cycle["name"] for cycle in (await get(http, "/v1/daemon/cycles"))["cycles"]]
        for name in names:
            await post(http, f"/v1/daemon/cycles/{name}/pause")
        talk = varied(1)
        ended = 0
        for number in range(arguments.slices):
            state = ("off", "on")[number % 2]
            driving = asyncio.create_task(drive(http, names)) if state == "on" else None
            until = time.perf_counter() + arguments.seconds
            while time.perf_counter() < until:
                began = time.perf_counter()
                body = {"model": "gpt-test", "messages": [{"role": "user", "content": next(talk)}]}
                await post(http, "/v1/chat/completions", body)
                took[state].append(time.perf_counter() - began)
            if driving is not None:
                driving.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await driving
                ended += await settled(http)
    return took, ended


async def drive(http: aiohttp.ClientSession, names: list[str]) -> None:
    """Ask every cycle to run, again and again."""
    while True:
        for name in names:
            async with http.post(f"/v1/daemon/cycles/{name}/run") as response:
                await response.read()
        await asyncio.sleep(0.05)


async def settled(http: aiohttp.ClientSession) -> int:
    """Wait until nothing runs; how many of the last thousand runs have ended."""
    while True:
        runs = (await get(http, "/v1/daemon/runs?limit=1000"))["runs"]
        if all(run["state"] != "running" for run in runs):
            return len(runs)
        await asyncio.sleep(0.1)


async def fill(http: aiohttp.ClientSession, records: int) -> None:
    """Talks of half a year, in sessions of twenty turns."""
    chance = random.Random(7)
    began = datetime.now(UTC) - timedelta(days=180)
    for start in range(0, records, 100):
        memories = [
            {
                "text": f"{' '.join(chance.choices(WORDS, WEIGHTS, k=12))}.",
                "speaker": ("ana", "ben")[number % 2],
                "session": f"session-{number // 20}",
                "time": (began + timedelta(days=180 * number / records)).isoformat(),
            }
            for number in range(start, min(records, start + 100))
        ]
        await post(http, "/v1/memories", {"memories": memories})


async def get(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as response:
        response.raise_for_status()
        return await response.json()


async def post(http: aiohttp.ClientSession, path: str, body: Any = None) -> Any:
    async with http.post(path, json=body) as response:
        response.raise_for_status()
        return await response.json()


if __name__ == "__main__":
    main()
