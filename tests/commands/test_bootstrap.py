"""Making the environment: what pip says is kept for when it fails, and its failure is told."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import bootstrap
from commands.bootstrap import LAST_LINES, has_pip, run_pip

PIP = """
import sys
for number in range(30):
    print("Collecting", number)
print("ERROR: no such package", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


def test_of_a_pip_that_fails_the_last_lines_are_there(capsys) -> None:
    last, failed = run_pip([sys.executable, "-u", "-c", PIP, "1"], 30)
    assert failed
    assert len(last) == LAST_LINES
    assert last[-1] == "ERROR: no such package\n"
    assert capsys.readouterr().err == ""


def test_a_pip_that_succeeds_says_nothing(capsys) -> None:
    assert run_pip([sys.executable, "-u", "-c", PIP, "0"], 30)[1] is False
    assert capsys.readouterr() == ("", "")


def test_an_environment_that_was_broken_off_before_it_had_pip_is_made_anew(tmp_path) -> None:
    assert not has_pip(tmp_path / "bin" / "python")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path], check=True)
    assert not has_pip(tmp_path / "bin" / "python")


def test_an_environment_that_could_not_be_made_may_be_made_by_the_next_start(tmp_path: Path, monkeypatch) -> None:
    # As where the disk is full: a file stands where a folder has to be.
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "file" / ".venv")
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        bootstrap.make_environment(bootstrap.VENV / "bin" / "python", bootstrap.ROOT / "requirements.txt")
    assert ended.value.code == 1


def clone(path: Path) -> list[str]:
    """As much of a clone as it takes to start, in which no lock can be had; the command that starts it."""
    (path / "commands").mkdir()
    shutil.copy(bootstrap.__file__, path / "commands")
    (path / "run.py").write_text("import sys\nfrom commands.bootstrap import bootstrap\nbootstrap(sys.argv[1:])\n")
    (path / "requirements.txt").write_text("")
    (path / ".venv.lock").mkdir()
    return [sys.executable, "-S", str(path / "run.py"), "status"]


def test_a_clone_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(clone(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.startswith(f"lattice: {tmp_path / '.venv'} cannot be made"), done.stderr
    assert ".venv.lock: Is a directory" in done.stderr


def test_an_environment_that_is_made_is_gone_on_in_without_writing(tmp_path: Path) -> None:
    command = clone(tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho goes on: $2\n")
    python.chmod(0o755)
    (tmp_path / ".venv" / ".requirements").write_text(hashlib.sha256(b"").hexdigest())
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("goes on: status\n", "")

    python.chmod(0o644)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr == f"lattice: {tmp_path / '.venv'} cannot be made or used: {python}: Permission denied\n"
