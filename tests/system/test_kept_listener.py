"""A house whose HTTP listener somebody keeps, as systemd does: who connects while it is down is answered by the next."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.system.house import MODELS, ROOT

WAIT_S = 90.0

HANDED = """
import os, runpy, sys
if kept := os.environ.pop("KEPT", ""):
    os.dup2(int(kept), 3)
    if kept != "3":
        os.close(int(kept))
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="http")
sys.argv[0] = "run.py"
runpy.run_path("run.py", run_name="__main__")
"""
"""A process that is started as sd_listen_fds(3) says, and goes on as `run.py`."""


class Manager:
    """What a service manager does: hears, keeps one descriptor, and hands it to the next start."""

    def __init__(self, place: Path) -> None:
        self.address = place / "notify"
        self.data_dir = place / "data"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.address))
        self.socket.settimeout(WAIT_S)
        self.kept: int | None = None
        self.up: subprocess.Popen[bytes] | None = None

    def start(self, port: int) -> None:
        """Start the house, and wait until it says that it is ready."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ANTHROPIC_"))},
            "NOTIFY_SOCKET": str(self.address),
            "LATTICE_ENCODER__CACHE_DIR": str(MODELS),
        }
        if self.kept is not None:
            environment["KEPT"] = str(self.kept)
        self.up = subprocess.Popen(
            [sys.executable, "-c", HANDED, "up", "--single-process", "--port", str(port), "--data-dir", str(self.data_dir)],
            cwd=ROOT,
            env=environment,
            pass_fds=[] if self.kept is None else [self.kept],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        while "READY=1" not in self.hear():
            pass

    def hear(self) -> list[str]:
        """The next message's lines, after what they ask for is done."""
        said, descriptors, *_ = socket.recv_fds(self.socket, 4096, 4)
        lines = said.decode().split("\n")
        if "FDSTORE=1" in lines and self.kept is None:
            assert "FDNAME=http" in lines
            self.kept, *descriptors = descriptors
        if "FDSTOREREMOVE=1" in lines:
            self.forget()
        for descriptor in descriptors:
            os.close(descriptor)
        return lines

    def forget(self) -> None:
        """Close what was kept."""
        if self.kept is not None:
            os.close(self.kept)
            self.kept = None

    def end(self, *, kindly: bool) -> int:
        """End the house; its exit code."""
        assert self.up is not None
        (self.up.terminate if kindly else self.up.kill)()
        return self.up.wait(WAIT_S)


@pytest.fixture
def manager(short_dir: Path) -> Iterator[Manager]:
    manager = Manager(short_dir)
    yield manager
    if manager.up is not None and manager.up.poll() is None:
        manager.end(kindly=False)
    manager.forget()
    manager.socket.close()


def test_who_connects_after_a_kill_is_answered_by_the_next_house(manager: Manager) -> None:
    port = free_port()
    manager.start(port)
    manager.end(kindly=False)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)) as client:
        client.request("GET", "/healthz")
        manager.start(port)
        assert client.getresponse().status == 200
    assert manager.end(kindly=True) == 0


def test_a_listener_that_is_kept_at_an_address_of_before_is_let_go(manager: Manager) -> None:
    before, now = free_port(), free_port()
    manager.start(before)
    assert manager.end(kindly=True) == 0
    manager.start(now)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", before), WAIT_S)
    with socket.create_connection(("127.0.0.1", now), WAIT_S):
        assert manager.kept is not None
    assert manager.end(kindly=True) == 0
