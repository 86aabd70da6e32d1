"""Processes forked off one that has imported what they need: a test that starts ten of them pays for the imports once.

What is started is a process like any other, with its own pid, arguments, environment, standard streams and exit status. Its
command line alone, which `ps` shows, is the server's: `python -m tests.fork_server DESCRIPTOR MODULE`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
PACKET = 256 * 1024
NOWHERE = subprocess.DEVNULL


class Forked:
    """A process that was started, as far as tests need `subprocess.Popen`."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.returncode: int | None = None
        self.pid = int(channel.recv(64))

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.returncode is None:
            # Its pid is its own until the status is read: whoever collected it waits for that.
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, minus the signal's number where one ended it.

        Raises:
            TimeoutError: it still runs after so many seconds.
        """
        if self.returncode is None:
            self.channel.settimeout(timeout)
            self.returncode = int(self.channel.recv(64))
            self.channel.send(b"collect it")
            self.channel.close()

        return self.returncode


class ForkServer:
    """Forks processes that find `module`, and all that it imports, imported."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), module]
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=NOWHERE, pass_fds=[theirs.fileno()])

    def start(
        self,
        *arguments: str,
        stdin: int,
        stdout: int | None = None,
        stderr: int | None = None,
        cwd: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> Forked:
        """`python -m MODULE ARGUMENTS`, with these descriptors for its standard streams; None: this process's own."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        streams = [stdin, 1 if stdout is None else stdout, 2 if stderr is None else stderr]
        wanted = {"arguments": arguments, "cwd": str(cwd), "environment": dict(environment or os.environ)}
        with theirs:
            socket.send_fds(self.control, [json.dumps(wanted).encode()], [*streams, theirs.fileno()])

        return Forked(ours)

    def close(self) -> None:
        """End the server; what it has forked lives on."""
        self.control.close()
        self.process.wait()


@cache
def server_for(module: str) -> ForkServer:
    """The one server of this process for a module. It ends with this process, however that ends."""
    server = ForkServer(module)
    atexit.register(server.close)
    return server


def serve(control: socket.socket, module: str) -> None:
    """Fork for each request until whoever asks is gone."""
    importlib.import_module(module)
    # It is run as a program then, and its code once more.
    del sys.modules[module]
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, collect)
    while True:
        packet, descriptors, _, _ = socket.recv_fds(control, PACKET, 4)
        if not packet:
            return

        if os.fork() == 0:
            control.close()
            look_after(module, json.loads(packet), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def collect(*_: object) -> None:
    """Let go of whoever has looked after a process to its end."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def look_after(module: str, wanted: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Fork the process, and tell its pid and its end. Nobody else may collect it: its pid would be anybody's."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answer = descriptors
    channel = socket.socket(fileno=answer)
    pid = os.fork()
    if pid == 0:
        channel.close()
        become(module, wanted, streams)

    for descriptor in streams:
        os.close(descriptor)
    channel.send(str(pid).encode())
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    channel.send(str(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status).encode())
    channel.recv(64)
    os.waitpid(pid, 0)
    os._exit(0)


def become(module: str, wanted: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be `python -m MODULE ARGUMENTS`."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    sys.argv = [module, *wanted["arguments"]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
