"""Every fault of one of two endpoints, 32 clients at once, plain and streaming: Lattice beside LiteLLM's router.

    python -m benchmarks.faults [--clients 32] [--allowance 1.0] [--write docs/faults.md] [--venv DIR] [--only NAME ...]

Both have the same two scripted endpoints, the same time for a first token, and nothing else to do. LiteLLM is installed from
the package index into an environment of its own (in a temporary directory, or DIR to use it again) and is asked as a library,
without the HTTP hop that Lattice's clients pay. Each fault gets two bursts: the first finds it, the second shows what was
learned. Times are beyond the same side's burst without a fault in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.figures import percentile
from tests.llm.faults import FAULTS, Fault, addresses
from tests.model_server.fixture import SyncModelServer
from tests.system import house as houses
from tests.system.house import House

TEXT = "Well then, the quick brown fox jumps over the lazy dog, and sleeps."
GIVE_UP_S = 8.0
NONE = Fault("(none)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--allowance", type=float, default=1.0)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--alone", action="store_true", help="Lattice alone, without LiteLLM")
    arguments = parser.parse_args()
    # A machine that is busy with something else takes its time.
    houses.START_S = 120.0
    with (
        tempfile.TemporaryDirectory(prefix="lattice-") as directory,
        SyncModelServer() as first,
        SyncModelServer() as second,
        addresses(first.port) as ports,
        lite(None if arguments.alone else arguments.venv or Path(directory) / "litellm") as litellm,
        House(Path(directory) / "house", config="[llm]\ndiscover = false\n") as house,
    ):
        bench = Bench(house, (first, second), ports, litellm, clients=arguments.clients, allowance_s=arguments.allowance)
        faults = [fault for fault in FAULTS if not arguments.only or fault.name in arguments.only]
        bench.run(NONE, stream=False)
        rows = []
        for stream in (False, True):
            usual = bench.run(NONE, stream=stream)
            for fault in faults:
                told = bench.run(fault, stream=stream)
                rows.append(row(fault, told, usual, arguments.clients, stream=stream))
                print(rows[-1], flush=True)

        down = bench.all_down()
        page = report(rows, down, arguments.clients, arguments.allowance, litellm.version if litellm else None)

    print(page)
    if arguments.write:
        arguments.write.write_text(page)


class Lite:
    """LiteLLM's process."""

    def __init__(self, process: subprocess.Popen[str], version: str) -> None:
        self.process = process
        self.version = version

    def burst(self, told: dict[str, Any]) -> list[dict[str, Any]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("RESULT "):
                bursts: list[dict[str, Any]] = json.loads(line.removeprefix("RESULT "))
                return bursts

        raise RuntimeError("LiteLLM's process has ended")


@contextmanager
def lite(directory: Path | None) -> Iterator[Lite | None]:
    """An environment with LiteLLM, made where there is none yet, and a process in it. None: without."""
    if directory is None:
        yield None
        return

    python = directory / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "litellm"], check=True)

    ask = "import importlib.metadata as m; print(m.version('litellm'))"
    version = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    # Its list of prices would otherwise be fetched from the network at each start.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "CRITICAL"}
    driver = Path(__file__).with_name("litellm_driver.py")
    process = subprocess.Popen(
        [python, driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        yield Lite(process, version)
    finally:
        process.kill()
        process.wait()


class Bench:
    """The house, its two endpoints, and LiteLLM where it is asked too."""

    def __init__(
        self,
        house: House,
        servers: tuple[SyncModelServer, SyncModelServer],
        ports: dict[str, int],
        litellm: Lite | None,
        *,
        clients: int,
        allowance_s: float,
    ) -> None:
        self.house = house
        self.servers = servers
        self.ports = ports
        self.lite = litellm
        self.clients = clients
        self.allowance_s = allowance_s

    def run(self, fault: Fault, *, stream: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Two bursts of each side: Lattice's, then LiteLLM's."""
        url = self.script(fault)
        self.endpoint("a", url, 0)
        self.endpoint("b", self.servers[1].base_url, 1)
        ours = [asyncio.run(self.burst(stream=stream)) for _ in range(2)]
        if self.lite is None:
            return ours, []

        url = self.script(fault)
        told = {"a": url, "b": self.servers[1].base_url, "stream": stream, "text": TEXT}
        theirs = self.lite.burst({**told, "clients": self.clients, "allowance_s": self.allowance_s})
        return ours, theirs

    def script(self, fault: Fault) -> str:
        """Tell the servers; where the first endpoint is."""
        for server in self.servers:
            server.reset()
            server.always(text=TEXT)

        self.servers[0].always(**{"text": TEXT, **fault.script})
        return fault.url.format(**self.ports) if fault.url else self.servers[0].base_url

    def endpoint(self, name: str, url: str, priority: int) -> None:
        times = ("connect_timeout_s", "first_token_timeout_s", "between_tokens_timeout_s")
        settings = {"name": name, "base_url": url, "models": ["gpt-test"], "priority": priority, "total_timeout_s": GIVE_UP_S}
        self.house.post("/v1/llm/endpoints", {**settings, **dict.fromkeys(times, self.allowance_s)})

    async def burst(self, *, stream: bool) -> dict[str, Any]:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=GIVE_UP_S)) as session:
            answers = await asyncio.gather(*(self.ask(session, stream=stream) for _ in range(self.clients)))

        errors = collections.Counter(error for error, _ in answers if error)
        whole = sum(not error for error, _ in answers)
        return {"whole": whole, "seconds": [seconds for _, seconds in answers], "errors": dict(errors)}

    async def ask(self, session: aiohttp.ClientSession, *, stream: bool) -> tuple[str, float]:
        began = time.perf_counter()
        body = {"model": "gpt-test", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
        url = f"{self.house.url}/v1/chat/completions"
        try:
            async with session.post(url, json=body, headers={"X-Lattice-Memory": "off"}) as response:
                text, finish, degraded = read(await response.text(), stream=stream)
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__, time.perf_counter() - began

        seconds = time.perf_counter() - began
        if degraded:
            return "degraded", seconds

        return "" if text.endswith(TEXT) and finish == "stop" else f"not whole: {finish}", seconds

    def all_down(self) -> dict[str, float]:
        """Both endpoints away: seconds to the degraded answer, the median and the slowest."""
        self.script(NONE)
        for name, priority in (("a", 0), ("b", 1)):
            self.endpoint(name, f"http://127.0.0.1:{self.ports['closed']}/v1", priority)

        told = asyncio.run(self.burst(stream=False))
        assert set(told["errors"]) == {"degraded"}, told["errors"]
        return {"p50": percentile(told["seconds"], 50), "max": max(told["seconds"])}


def read(body: str, *, stream: bool) -> tuple[str, str | None, bool]:
    """Text, finish and whether it is degraded."""
    if not stream:
        whole = json.loads(body)
        if "error" in whole:
            return "", whole["error"]["code"], False

        choice = whole["choices"][0]
        return choice["message"]["content"] or "", choice["finish_reason"], whole["lattice"]["degraded"]

    text, finish, degraded = "", None, False
    for line in body.split("\n"):
        if line.startswith("data: {"):
            chunk = json.loads(line[6:])
            if "error" in chunk:
                return text, chunk["error"]["code"], False

            degraded = degraded or chunk.get("lattice", {}).get("degraded", False)
            for choice in chunk["choices"]:
                text += choice["delta"].get("content") or ""
                finish = choice["finish_reason"] or finish

    return text, finish, degraded


def row(
    fault: Fault,
    told: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    usual: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    clients: int,
    *,
    stream: bool,
) -> str:
    """A line of the table."""
    cells = [fault.name, "stream" if stream else "plain"]
    for bursts, plain in zip(told, usual, strict=True):
        if not bursts:
            continue

        base = percentile(plain[1]["seconds"], 50)
        added = [percentile(burst["seconds"], 50) - base for burst in bursts]
        errors = bursts[0]["errors"] | bursts[1]["errors"]
        cells += [
            f"{bursts[0]['whole']}, {bursts[1]['whole']} of {clients}",
            f"{added[0]:+.2f}, {added[1]:+.2f}",
            "; ".join(errors) or "",
        ]

    return f"| {' | '.join(cells)} |"


PAGE = """# Faults

Two endpoints, of which the first has a fault; {clients} clients at once, twice in a row; {allowance_s:g} s for a first token.
Written by `python -m benchmarks.faults --write docs/faults.md`, here with Python {python} and {processors} processors.

`added s` is the median beyond the same side's median without a fault, in the first and in the second burst: what finding the
fault costs, and what it costs once it is known. `seen` is what clients saw that had no whole answer. Lattice is asked over
HTTP, through all its processes. {beside}

| fault of the first endpoint | | Lattice: whole | added s | seen |{head}
| --- | --- | --- | --- | --- |{line}
{rows}

With both endpoints away, Lattice's degraded answer came after {p50:.2f} s (median) and {slowest:.2f} s (slowest).
"""


ALONE = (
    "Without LiteLLM (`--alone`): on a machine so busy that its router answers nobody in time, its column would say nothing."
)
BESIDE = "LiteLLM's router ({version}; `timeout` and `stream_timeout` are the same time) is asked as a library."


def report(rows: list[str], down: dict[str, float], clients: int, allowance_s: float, version: str | None) -> str:
    """The page."""
    return PAGE.format(
        clients=clients,
        allowance_s=allowance_s,
        beside=ALONE if version is None else BESIDE.format(version=version),
        head="" if version is None else " LiteLLM: whole | added s | seen |",
        line="" if version is None else " --- | --- | --- |",
        python=platform.python_version(),
        processors=os.cpu_count(),
        rows="\n".join(rows),
        p50=down["p50"],
        slowest=down["max"],
    )


if __name__ == "__main__":
    sys.exit(main())
