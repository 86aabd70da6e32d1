"""Tests are called the same by whoever collects them, and whenever: workers that differ in one name run none at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def test_another_process_collects_the_same_names_in_the_same_order(
    pytestconfig: pytest.Config, request: pytest.FixtureRequest
) -> None:
    ours = [item.nodeid for item in request.session.items]
    files = sorted({str(item.path) for item in request.session.items})
    # Sets are in another order there, and the clock has gone on.
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files],
        cwd=pytestconfig.rootpath,
        env=os.environ | {"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    wanted = set(ours)
    theirs = [name for name in told.stdout.splitlines() if name in wanted]
    assert sorted(theirs, key=file_of) == sorted(ours, key=file_of)  # files' order is the workers' own matter


def file_of(name: str) -> str:
    return name.partition("::")[0]
