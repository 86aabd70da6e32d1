"""A real house under test: `run.py up` as an operator starts it, on a free port, with a data directory of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import openai

from supervisors import linux
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
MODELS = Path(tempfile.gettempdir()) / f"lattice-models-{os.getuid()}"
START_S = 90.0
STOP_S = 60.0

ENDPOINT = """
[[llm.endpoints]]
name = "scripted"
dialect = "openai"
base_url = "{url}"
models = ["gpt-test"]
connect_timeout_s = 2.0
first_token_timeout_s = 20.0
between_tokens_timeout_s = 20.0
total_timeout_s = 40.0
"""


class House:
    """Started on entering, drained on leaving; what it printed is in `output`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        config: str = "",
        single_process: bool = False,
        program: tuple[str, ...] = ("run.py",),
        environment: Mapping[str, str] | None = None,
        start_s: float = START_S,
    ) -> None:
        self.program = program
        self.environment = environment or {}
        self.start_s = start_s
        self.data_dir = data_dir
        self.config = data_dir / "lattice.toml"
        self.single_process = single_process
        self.output = ""
        self.clients: list[openai.OpenAI] = []
        self.url = ""
        self.port = free_port()
        data_dir.mkdir(parents=True, exist_ok=True)
        self.config.write_text(config)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.stop()
        assert not self.pids(), "processes outlived the house"

    def start(self) -> None:
        """Start and wait until the line with the URL is printed; the port is the same as the last time."""
        command = [
            sys.executable,
            *self.program,
            "up",
            "--port",
            str(self.port),
            "--data-dir",
            str(self.data_dir),
            "--config",
            str(self.config),
        ]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))}
        # Preparing the model takes seconds of a core: all houses of all runs share what the first one made.
        environment.setdefault("LATTICE_ENCODER__CACHE_DIR", str(MODELS))
        environment.update(self.environment)
        self.output = ""
        began = time.monotonic()
        try:
            # Whoever is told to end between the process and its name would leave it behind.
            with held_off(signal.SIGTERM):
                self.process = subprocess.Popen(
                    command + (["--single-process"] if self.single_process else []),
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
            while not (found := re.search(r"ready at (http://\S+)", self.read(began + self.start_s - time.monotonic()))):
                pass
        except BaseException:
            # Also where whoever waits is told to end: nobody would know of this house any more.
            self.stop()
            raise
        self.url = found[1]
        self.port = int(self.url.rpartition(":")[2])
        self.ready_s = time.monotonic() - began

    def read(self, wait_s: float) -> str:
        """All output so far, once there is more of it."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], max(wait_s, 0))
        chunk = os.read(self.process.stdout.fileno(), 65536).decode() if readable else ""
        self.output += chunk
        assert chunk, f"the house did not become ready:\n{self.output}"
        return self.output

    def drain(self) -> str:
        """All output so far, without waiting: who never reads it fills the pipe, and then `up` waits to be heard."""
        if self.process.stdout is not None and select.select([self.process.stdout], [], [], 0)[0]:
            self.output += os.read(self.process.stdout.fileno(), 65536).decode()
        return self.output

    def stop(self) -> int:
        """SIGTERM; the exit code. What it still prints is kept."""
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=STOP_S)
        self.process.stdout = None
        self.output += rest.decode()
        return self.process.returncode

    def get(self, path: str, **headers: str) -> Any:
        """GET as JSON; a keyword like `x_lattice_namespace` is a header."""
        return self.call(urllib.request.Request(self.url + path, headers=named(headers)))

    def post(self, path: str, body: Any, **headers: str) -> Any:
        """POST JSON, get JSON."""
        data = json.dumps(body).encode()
        return self.call(urllib.request.Request(self.url + path, data, {"Content-Type": "application/json", **named(headers)}))

    def call(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def actors(self) -> dict[str, dict[str, Any]]:
        """`/v1/actors` by name."""
        return {actor["name"]: actor for actor in self.get("/v1/actors")["actors"]}

    def pid(self, name: str) -> int:
        pid: int = self.actors()[name]["pid"]
        return pid

    def kill(self, pid: int) -> None:
        """kill -9 of a process of this house."""
        self.signal(pid, signal.SIGKILL)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Signal a process of this house, and no other."""
        assert pid in self.pids(), f"{pid} is not of this house"
        os.kill(pid, number)

    def pids(self) -> set[int]:
        """Every process whose command line names this house's data directory."""
        return {pid for pid in all_pids() if self.belongs(pid)}

    def pid_of(self, process: str) -> int:
        """The supervisor's or the zygote's process, by the name that `ps` shows.

        The oldest of that name: a process that is just forked has its parent's.
        """
        named = [pid for pid in self.pids() if comm(pid) == f"lattice:{process}"[:15]]
        return min(named, key=lambda pid: linux.start_time(pid) or 1 << 62)

    def power_cut(self) -> None:
        """kill -9 of every process at once, and wait until all are gone."""
        # One that ends by itself meanwhile is as good as killed; one that was being made meanwhile is found the next time.
        while pidfds := [pidfd for pid in self.pids() if (pidfd := linux.open_pidfd(pid)) is not None]:
            for pidfd in pidfds:
                linux.kill(pidfd, signal.SIGKILL)
            if self.process.stdout is not None:
                self.process.communicate(timeout=STOP_S)
                self.process.stdout = None
            for pidfd in pidfds:
                assert select.select([pidfd], [], [], STOP_S)[0], "a process survived kill -9"
                os.close(pidfd)
        self.output = ""
        self.url = ""

    def kill_up(self, *others: int) -> None:
        """kill -9 of `up`, and of others with it; what they were parents of is left to itself."""
        for pid in (*others, self.process.pid):
            self.kill(pid)
        self.process.wait(STOP_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.output = ""

    def belongs(self, pid: int) -> bool:
        return any(str(self.data_dir).encode() in word for word in command_line(pid))

    def openai(self, **options: Any) -> openai.OpenAI:
        """A client of this house, closed with it."""
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", **options)
        self.clients.append(client)
        return client


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def comm(pid: int) -> str:
    """A process's short name; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def command_line(pid: int) -> list[bytes]:
    """The words of a process's command line; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def wait_for_ready(house: House, *, name: str | None = None, other_than: int | None = None, restarts_above: int = -1) -> None:
    """Until every actor is ready and, with `name`, that one lives in another process than before, or was restarted.

    Asks in a loop without a pause: `/readyz` answers only as fast as the house does.
    """
    until = time.monotonic() + START_S
    actors: dict[str, Any] = {}

    while time.monotonic() < until:
        try:
            actors = house.actors()
        except (OSError, http.client.HTTPException):
            # The gateway itself is being replaced.
            continue
        replaced = not name or (actors[name]["pid"] != other_than and actors[name]["restarts"] > restarts_above)
        if replaced and all(actor["state"] == "ready" for actor in actors.values()):
            return

    raise AssertionError(f"not ready within {START_S} s: {actors}")


@contextmanager
def held_off(number: signal.Signals) -> Iterator[None]:
    """A signal that comes meanwhile comes afterwards. Only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    came: list[int] = []
    before = signal.signal(number, lambda *_: came.append(number))
    try:
        yield
    finally:
        signal.signal(number, before)
    if came:
        signal.raise_signal(number)
