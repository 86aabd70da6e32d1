"""What systemd hears, on a socket like its own."""

import socket

import pytest

from supervisors.notify import Notifier


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
