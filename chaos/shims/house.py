"""The real command line as a shim runs it: its further processes are the same program, so that all of them are broken alike."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import commands.house
import run
from chaos.shims.told import PLACE, place_in

__all__ = ["start"]


def start(module: str) -> None:
    """Be run.py."""
    # `up` knows the data directory from its command line, and all others from `up`.
    if PLACE not in os.environ and "--data-dir" in sys.argv:
        os.environ[PLACE] = str(place_in(Path(sys.argv[sys.argv.index("--data-dir") + 1])))
    commands.house.PROGRAM[1:] = ["-m", module]
    run.main(prog_name=module)
