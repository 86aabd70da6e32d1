"""What supervisord and circus take from a kill to the next answer; from the package index, in a venv of their own.

Both supervise one small server, which imports nothing but a socket: what they add is seeing the death and starting Python.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = """
import os, socket, sys
path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(16)
while True:
    connection, _ = server.accept()
    connection.sendall(str(os.getpid()).encode())
    connection.close()
"""

SUPERVISORD = """
[supervisord]
nodaemon=true
logfile={root}/supervisord.log
pidfile={root}/supervisord.pid
[program:server]
command={python} {root}/server.py {root}/server.sock
autorestart=true
startsecs=0
"""

CIRCUS = """
[circus]
endpoint = ipc://{root}/endpoint
pubsub_endpoint = ipc://{root}/pubsub
[watcher:server]
cmd = {python} {root}/server.py {root}/server.sock
warmup_delay = 0
"""


def install(root: Path) -> Path:
    """A venv with both; its folder of programs."""
    subprocess.run([sys.executable, "-m", "venv", root / "venv"], check=True)
    subprocess.run(
        [root / "venv" / "bin" / "pip", "install", "--quiet", "supervisor", "circus", "setuptools<81"], check=True, timeout=300
    )
    return root / "venv" / "bin"


def measure(root: Path, kills: int) -> dict[str, list[float]]:
    """Milliseconds from each kill to the next answer, by supervisor."""
    programs = install(root)
    return {
        "supervisord": kill_again_and_again(root / "s", [programs / "supervisord", "-c"], SUPERVISORD, kills),
        "circus": kill_again_and_again(root / "c", [programs / "circusd"], CIRCUS, kills),
    }


def kill_again_and_again(root: Path, command: list[str | Path], config: str, kills: int) -> list[float]:
    root.mkdir()
    (root / "server.py").write_text(SERVER)
    (root / "config").write_text(config.format(root=root, python=sys.executable))
    took = []
    with running([*command, root / "config"]):
        answer(root, 60.0)
        for _ in range(kills):
            time.sleep(1.1)
            pid = answer(root, 30.0)
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            while answer(root, 30.0) == pid:
                pass
            took.append((time.perf_counter() - began) * 1000)
    shutil.rmtree(root)
    return took


@contextmanager
def running(command: list[str | Path]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def answer(root: Path, within_s: float) -> int:
    """The pid that the server tells, as soon as it does."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(root / "server.sock"))
                if told := client.recv(32):
                    return int(told)
        except OSError:
            time.sleep(0.0005)
    raise TimeoutError(f"nothing answers in {root}")
