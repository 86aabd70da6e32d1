"""`run.py test`: the tests and the linters, in the environment that the bootstrap made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

from commands.house import ROOT

__all__ = ["test"]

AT_ONCE: Final = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"""All tests, in three processes: a third of their time they wait for what they have started, and two would leave a core idle. A
file stays with one of them, and what is made once for it is made once; tests/conftest.py says which files come first."""

LINTERS: Final = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("lint-imports",))


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the tests; what follows goes to pytest, whose own help is `python -m pytest --help`.

    All of them run three at a time where there are two cores or more; what is named runs one by one.
    With `--lint`, ruff, mypy and import-linter run instead.

    \b
    Examples:
      python3 run.py test
      python3 run.py test tests/memory -k cursor
      python3 run.py test --lint
    """
    os.chdir(ROOT)
    # Tests start hundreds of processes: where bytecode may not be kept, each of them compiles all of this tree anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if "--lint" not in arguments:
        if not arguments and len(os.sched_getaffinity(0)) > 1:
            arguments = AT_ONCE
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])

    for linter, *options in LINTERS:
        click.echo(" ".join((linter, *options)))
        if subprocess.run([Path(sys.executable).parent / linter, *options], check=False).returncode:
            sys.exit(1)
