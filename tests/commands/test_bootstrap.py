"""Making the environment: what pip says is kept for when it fails, and its failure is told."""

from __future__ import annotations

import subprocess
import sys

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
