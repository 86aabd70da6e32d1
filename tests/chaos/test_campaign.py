"""The short form: a few rows of the campaign against a real house, and the command as a person calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import run
from chaos.row import all_rows
from tests.children import child
from tests.system.house import ROOT, all_pids, command_line

pytestmark = pytest.mark.system


def test_every_row_has_a_name_a_fault_a_criterion_and_what_is_listed_of_it():
    listed = CliRunner().invoke(run.main, ["chaos", "--list"]).output
    for row in all_rows():
        assert row.name in listed
        assert row.fault in listed
        assert row.passes in listed
    assert any(row.short for row in all_rows())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--row", "nonsense"], "there is no row 'nonsense'"),
        (["--mix", "write=2,sing=1"], "'sing=1' is not KIND=N"),
        (["--mix", "write=many"], "'write=many' is not KIND=N"),
    ],
)
def test_what_cannot_be_asked_for_is_named(options, words):
    refused = CliRunner().invoke(run.main, ["chaos", *options])
    assert refused.exit_code == 2
    assert words in refused.output


def test_a_campaign_that_is_ended_early_leaves_no_house_and_says_what_it_did(tmp_path: Path):
    told = tmp_path / "chaos.json"
    command = [
        sys.executable,
        ROOT / "run.py",
        "chaos",
        "--row",
        "stop-100ms",
        "--seed",
        "1",
        "--json",
        told,
        "--keep",
        tmp_path / "k",
    ]
    with child(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as campaign:
        assert campaign.stdout is not None
        while not campaign.stdout.readline().startswith("name"):
            assert campaign.poll() is None
        until = time.monotonic() + 60
        while not (houses := living(tmp_path)):
            assert time.monotonic() < until
        campaign.send_signal(signal.SIGTERM)
        campaign.communicate(timeout=120)

    assert campaign.returncode == 143
    assert houses
    assert not living(tmp_path)
    said = json.loads(told.read_text())
    assert (said["whole"], said["passed"], said["seed"], said["rows"]) == (False, False, 1, [])


def living(folder: Path) -> set[int]:
    """Houses whose data are in this folder."""
    return {pid for pid in all_pids() if any(str(folder / "k").encode() + b"/" in word for word in command_line(pid))}


@pytest.mark.timeout(400)  # less than a minute on two cores that have nothing else to do
def test_the_short_form_passes(tmp_path: Path):
    told = tmp_path / "chaos.json"
    command = [sys.executable, ROOT / "run.py", "chaos", "--short", "--json", str(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    campaign = json.loads(told.read_text())
    assert campaign["passed"]
    assert {row["name"] for row in campaign["rows"]} == {row.name for row in all_rows() if row.short} | {"end"}
    # While a house is cut off from power nobody answers, and says so; nothing else may fail.
    assert (campaign["totals"]["lost"], campaign["totals"]["doubled"]) == (0, 0)
    assert sum(row["failed"] for row in campaign["rows"] if row["name"] not in {"power-cut", "end"}) == 0
    assert campaign["totals"]["writes"] > 0
    assert campaign["totals"]["kills"] > 0
