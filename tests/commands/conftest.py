"""run.py as a stranger meets it: started as a process, judged by what it prints and its exit code."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fork_server import server_for

ROOT = Path(__file__).resolve().parents[2]
FOREIGN = ("LATTICE_", "OPENAI_", "ANTHROPIC_", "XDG_")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    text: str
    code: int

    def refused(self, *words: str) -> None:
        """It failed with a sentence that holds these words, and not with a stack."""
        assert self.code != 0, self.text
        assert "Traceback" not in self.text
        assert "Error: " in self.text
        for word in words:
            assert word in self.text, self.text


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs one command to its end, in an empty directory, with nothing of this machine's settings."""

    def run(*arguments: str | Path, **environment: str) -> Said:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        with tempfile.TemporaryFile() as said, Path(os.devnull).open() as nothing:
            process = server_for("run").start(
                *map(str, arguments),
                stdin=nothing.fileno(),
                stdout=said.fileno(),
                stderr=said.fileno(),
                cwd=tmp_path,
                environment={**kept, "HOME": str(tmp_path), **environment},
            )
            try:
                code = process.wait(120)
            finally:
                process.kill()
                process.wait()
            said.seek(0)
            return Said(said.read().decode(), code)

    return run
