"""What the router itself costs a call, beside a bare aiohttp client that asks the same endpoint in the same run.

    python -m benchmarks.router [--seconds 5] [--calls-at-once 1 16]

The scripted endpoint answers at once. Plain and streaming; p50 and p99 to the first token and to the end, CPU of the asking
process a call. The router's figures less the bare client's are its own overhead: choosing, breakers, limits, the dialect, and
the answer's assembly. Neither side writes to a disk here; in the house a call's usage is written while the answer goes out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp

from actors.llm.endpoint import Endpoint
from actors.llm.messages import Delta, Generate
from actors.llm.router import Router
from actors.llm.settings import EndpointSettings, LlmSettings
from benchmarks.figures import percentile, table
from tests.model_server.fixture import SyncModelServer

TEXT = "The quick brown fox jumps over the lazy dog, again and again and again."
MESSAGES = ({"role": "user", "content": "Hello"},)

Once = Callable[[], Awaitable[tuple[float, float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--calls-at-once", type=int, nargs="*", default=[1, 16])
    arguments = parser.parse_args()
    with SyncModelServer() as server:
        server.always(text=TEXT)
        rows = asyncio.run(measure(server.base_url, arguments.seconds, arguments.calls_at_once))

    header = ["", "at once", "who", "calls/s", "first p50 ms", "first p99 ms", "end p50 ms", "end p99 ms", "CPU ms"]
    print(table(header, rows))


async def measure(url: str, seconds: float, at_once: list[int]) -> list[list[object]]:
    settings = EndpointSettings(name="a", base_url=url, models=("gpt-test",))
    router = Router(LlmSettings(endpoints=(settings,)), time.monotonic, random.Random(1), today=lambda: "2030-01-01")
    endpoint = Endpoint(settings, max_bytes=16 << 20, max_repetition=2048, now=time.monotonic)
    await endpoint.open()
    router.add(endpoint)
    rows = []
    async with aiohttp.ClientSession() as session:
        for stream in (False, True):
            for count in at_once:
                for who, once in (
                    ("bare client", lambda stream=stream: bare(session, url, stream=stream)),
                    ("router", lambda stream=stream: routed(router, stream=stream)),
                ):
                    await load(once, count, seconds / 5)
                    rows.append(["stream" if stream else "plain", str(count), who, *await load(once, count, seconds)])

    await router.close()
    return rows


async def bare(session: aiohttp.ClientSession, url: str, *, stream: bool) -> tuple[float, float]:
    """One call with no more than what any client does: send, read, decode."""
    began = time.perf_counter()
    first = None
    body = {"model": "gpt-test", "messages": list(MESSAGES), "stream": stream}
    async with session.post(f"{url}/chat/completions", json=body) as response:
        if not stream:
            json.loads(await response.read())
            return time.perf_counter() - began, time.perf_counter() - began

        async for line in response.content:
            if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                first = first or time.perf_counter() - began

    return first or 0.0, time.perf_counter() - began


async def routed(router: Router, *, stream: bool) -> tuple[float, float]:
    """One call through the router."""
    began = time.perf_counter()
    first = None
    parts: AsyncIterator[object] = router.generate(Generate(model="gpt-test", messages=MESSAGES, stream=stream), None)
    async for part in parts:
        if isinstance(part, Delta) and part.delta.get("content"):
            first = first or time.perf_counter() - began

    took = time.perf_counter() - began
    return first or took, took


async def load(once: Once, count: int, seconds: float) -> list[object]:
    """Calls a second, times and CPU of `count` askers, each one call after the other."""
    took: list[tuple[float, float]] = []
    until = time.perf_counter() + seconds
    cpu, began = time.process_time(), time.perf_counter()

    async def asker() -> None:
        while time.perf_counter() < until:
            took.append(await once())

    await asyncio.gather(*(asker() for _ in range(count)))
    lasted = time.perf_counter() - began
    firsts, ends = [first for first, _ in took], [end for _, end in took]
    figures = [percentile(times, share) * 1000 for times in (firsts, ends) for share in (50, 99)]
    return [len(took) / lasted, *figures, (time.process_time() - cpu) * 1000 / len(took)]


if __name__ == "__main__":
    main()
