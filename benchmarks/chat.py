"""Requests a second of a chat through the gateway to a model that answers at once, and of the same model asked directly.

python -m benchmarks.chat [--seconds 5] [--clients 1 16]

With memory "on" the talk is varied, as talks are; "on, same words" repeats four words in every turn, so that each recall weighs
all that was ever said: its worst case.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp

from benchmarks.figures import percentile, table
from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, House

ACTORS = ("gateway", "thinking", "memory", "encoder", "llm", "paradox", "daemon")
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")
WORDS = ["".join(word) for word in itertools.product(SYLLABLES, repeat=3)]
WEIGHTS = [1 / (rank + 50) for rank in range(len(WORDS))]
"""Zipf's law without its first 50 ranks, where the words stand that carry no topic."""


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
        pids = {name: actor["pid"] for name, actor in house.actors().items()}
        rows = []
        for clients in arguments.clients:
            direct = asyncio.run(load(model.base_url, clients, arguments.seconds, {}, varied))
            rows.append([str(clients), "(model alone)", direct[0], direct[1], 1.0, *("" for _ in ACTORS)])
            for memory, talk, namespace in (
                ("off", varied, "off"),
                ("on", varied, "varied"),
                ("on, same words", same_words, "same"),
            ):
                headers = {"X-Lattice-Memory": memory.partition(",")[0], "X-Lattice-Namespace": namespace}
                before = {name: cpu_s(pids[name]) for name in ACTORS}
                through = asyncio.run(load(f"{house.url}/v1", clients, arguments.seconds, headers, talk))
                spent = [(cpu_s(pids[name]) - before[name]) * 1000 / through[2] for name in ACTORS]
                rows.append([str(clients), memory, through[0], through[1], through[0] / direct[0], *spent])

    header = ["clients", "memory", "req/s", "p50 ms", "ratio", *(f"{name} CPU ms" for name in ACTORS)]
    print(table(header, rows))


async def load(
    base_url: str, clients: int, seconds: float, headers: dict[str, str], talk: Callable[[int], Iterator[str]]
) -> tuple[float, float, int]:
    """Requests a second, median milliseconds and count of `clients` that each ask one thing after the other."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def client(session: aiohttp.ClientSession, number: int) -> None:
        for text in talk(number):
            if time.perf_counter() >= until:
                return
            body = {"model": "gpt-test", "messages": [{"role": "user", "content": text}]}
            began = time.perf_counter()
            async with session.post(f"{base_url}/chat/completions", json=body, headers=headers) as response:
                response.raise_for_status()
                await response.read()
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession() as session:
        began = time.perf_counter()
        await asyncio.gather(*(client(session, number) for number in range(clients)))
        lasted = time.perf_counter() - began

    return len(took) / lasted, percentile(took, 50) * 1000, len(took)


def varied(client: int) -> Iterator[str]:
    """Questions of nine words, as often as a language has them; the same ones in every run."""
    chance = random.Random(client)
    while True:
        yield f"{' '.join(chance.choices(WORDS, WEIGHTS, k=9))}?"


def same_words(client: int) -> Iterator[str]:
    """Questions that differ in two numbers only."""
    return (f"Is this question {count} of {client}?" for count in itertools.count())


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
