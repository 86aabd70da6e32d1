"""Requests a second of a chat through the gateway to a model that answers at once, and of the same model asked directly.

python -m benchmarks.chat [--seconds 5] [--clients 1 16]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import aiohttp

from benchmarks.figures import percentile, table
from tests.model_server.fixture import SyncModelServer
from tests.system.conftest import ENDPOINT
from tests.system.house import House


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 16])
    arguments = parser.parse_args()

    with (
        tempfile.TemporaryDirectory(prefix="lattice-") as directory,
        SyncModelServer() as model,
        House(Path(directory), config=ENDPOINT.format(url=model.base_url)) as house,
    ):
        model.always(mode="say", text="Yes.")
        rows = []
        for clients in arguments.clients:
            direct = asyncio.run(load(model.base_url, clients, arguments.seconds, {}))
            for memory in ("off", "on"):
                through = asyncio.run(load(f"{house.url}/v1", clients, arguments.seconds, {"X-Lattice-Memory": memory}))
                rows.append([str(clients), memory, through[0], through[1], direct[0], direct[1], through[0] / direct[0]])

    print(table(["clients", "memory", "req/s", "p50 ms", "direct req/s", "direct p50 ms", "ratio"], rows))


async def load(base_url: str, clients: int, seconds: float, headers: dict[str, str]) -> tuple[float, float]:
    """Requests a second and median milliseconds of `clients` that each ask one thing after the other."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        count = 0
        while time.perf_counter() < until:
            count += 1
            body = {"model": "gpt-test", "messages": [{"role": "user", "content": f"Is this question {count} of {number}?"}]}
            began = time.perf_counter()
            async with session.post(f"{base_url}/chat/completions", json=body, headers=headers) as response:
                response.raise_for_status()
                await response.read()
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(*(client(session, number) for number in range(clients)))
        lasted = time.perf_counter() - began

    return len(took) / lasted, percentile(took, 50) * 1000


if __name__ == "__main__":
    main()
