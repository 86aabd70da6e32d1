"""The systemd unit beside what it must leave room for, and before systemd's own reading of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click import UsageError

from commands.exit_status import ConfigurationError
from supervisors.settings import SupervisionSettings
from supervisors.supervision import LEAST_DRAIN_S
from supervisors.up import BACKOFF_CAP_S, BIRTH_S, LEFTOVER_S, SILENCE_S

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "lattice.service"
ACTORS = 7


def said(name: str) -> str:
    """What the unit says under this name."""
    (value,) = (line.partition("=")[2] for line in UNIT.read_text().splitlines() if line.startswith(f"{name}="))
    return value


def test_its_watchdog_waits_until_a_hung_supervisor_is_replaced() -> None:
    assert float(said("WatchdogSec")) > SILENCE_S + BACKOFF_CAP_S + BIRTH_S


def test_its_time_to_stop_is_what_draining_takes_at_the_most() -> None:
    drain_s = SupervisionSettings().drain_s
    assert float(said("TimeoutStopSec")) > drain_s + ACTORS * LEAST_DRAIN_S + LEFTOVER_S


def test_it_keeps_the_listener() -> None:
    assert said("FileDescriptorStoreMax") == "1"


def test_what_no_restart_heals_is_not_restarted() -> None:
    assert said("RestartPreventExitStatus").split() == [str(UsageError.exit_code), str(ConfigurationError.exit_code)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_it() -> None:
    command = ["systemd-analyze", "verify", str(UNIT)]
    read = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert [line for line in read.stdout.splitlines() if UNIT.name in line] == []
