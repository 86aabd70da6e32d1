"""What systemd hears, on a socket like its own."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from supervisors.notify import Notifier
from supervisors.service import Service
from tests.supervisors.test_up import SUPERVISOR, UP

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["path", "abstract"])
def manager(request, short_dir):
    """A socket, and the value of NOTIFY_SOCKET that leads to it."""
    address = f"{short_dir}/notify" if request.param == "path" else f"@lattice{short_dir}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + address[1:] if address.startswith("@") else address)
        bound.settimeout(5)
        yield bound, address


def test_a_service_manager_is_told(manager):
    bound, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    for tell in (notifier.ready, notifier.alive, notifier.reloading, notifier.stopping):
        tell()
    notifier.status("two\nlines")

    said = [dict(line.split("=", 1) for line in bound.recv(4096).decode().split("\n")) for _ in range(5)]
    assert said[0]["READY"] == said[1]["WATCHDOG"] == said[2]["RELOADING"] == said[3]["STOPPING"] == "1"
    assert int(said[2]["MONOTONIC_USEC"]) > 0
    assert said[4] == {"STATUS": "two lines"}


def test_without_a_service_manager_nothing_is_told_and_nothing_fails(short_dir):
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": f"{short_dir}/nobody"}).ready()


def fields(bound: socket.socket) -> dict[str, str]:
    """The next message."""
    return dict(line.split("=", 1) for line in bound.recv(4096).decode().split("\n"))


def test_what_stands_in_the_status_is_how_every_child_is(manager):
    bound, address = manager
    service = Service(Notifier({"NOTIFY_SOCKET": address}))

    def said() -> str:
        return fields(bound)["STATUS"]

    service.child("memory", "starting")
    assert said() == "memory starting"
    service.child("memory", "ready")
    assert said() == "starting; ready: memory"
    service.child("llm", "backing_off")
    assert said() == "llm backing off; ready: memory"
    service.child("llm", "ready")
    assert said() == "starting; ready: memory, llm"
    service.ready()
    assert fields(bound) == {"READY": "1", "STATUS": "serving"}
    service.child("memory", "given_up")
    assert said() == "serving without memory (given up)"
    service.child("memory", "ready")
    assert said() == "serving"


def test_a_house_that_was_not_ready_yet_is_not_said_to_be_by_a_reload(manager):
    bound, address = manager
    service = Service(Notifier({"NOTIFY_SOCKET": address}))
    service.reloading()
    service.reloaded()
    service.child("memory", "starting")
    assert fields(bound) == {"STATUS": "memory starting"}


def test_a_house_that_drains_is_not_said_to_be_ready_again(manager):
    bound, address = manager
    service = Service(Notifier({"NOTIFY_SOCKET": address}))
    service.ready()
    service.reloading()
    service.stopping()
    service.reloaded()
    service.child("memory", "draining")
    service.stopping()
    service.gave_up("nobody came up")
    assert [fields(bound).get("STATUS") for _ in range(4)] == [
        "serving",
        "reading its settings",
        "draining",
        "gave up: nobody came up",
    ]


UNREADY = SUPERVISOR.replace('"all_ready"', '"beat"')
"""It supervises, and its children are not ready yet."""


def test_a_hangup_before_the_house_is_ready_does_not_make_it_ready(manager):
    bound, address = manager
    command = [sys.executable, "-c", UP, UNREADY, "/bin/true"]
    environment = {"NOTIFY_SOCKET": address, "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert fields(bound) == {"WATCHDOG": "1"}, "while a supervisor is born, the manager waits"
        assert fields(bound) == {"WATCHDOG": "1"}
        up.send_signal(signal.SIGHUP)
        assert up.stdout.readline() == "reading the settings again\n"
        heard = [fields(bound), fields(bound)]
        up.send_signal(signal.SIGTERM)
        assert up.stdout.read() == "draining; once more to kill\n"
        while "STOPPING" not in heard[-1]:
            heard.append(fields(bound))
    assert up.returncode == 0
    assert not any("READY" in one or "RELOADING" in one for one in heard)
