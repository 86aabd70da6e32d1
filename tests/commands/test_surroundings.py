"""What a process is born with and nobody has written down: umask, locale, limits of cores, the bytes of a path."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.children import child
from tests.commands.conftest import FOREIGN, ROOT, Run

NONE_MAY = "nobody may have cores here"
KEPT = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


@contextmanager
def memory(data_dir: Path, *, environment: dict[str, str] | None = None, **options: Any) -> Iterator[int]:
    """The memory actor by itself, ready, in these surroundings; its pid."""
    command = [sys.executable, ROOT / "run.py", "actor", "memory", "--data-dir", data_dir]
    with child(command, env=KEPT | (environment or {}), stdout=subprocess.PIPE, **options) as process:
        assert process.stdout is not None
        assert b"memory is ready at" in process.stdout.readline()
        yield process.pid


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_what_is_made_is_its_owners_alone_whatever_the_umask(short_dir: Path, umask: int) -> None:
    # Not made by the house, so that its mode keeps nobody out.
    data_dir = short_dir / "data"
    data_dir.mkdir(mode=0o755)
    with memory(data_dir, umask=umask):
        modes = {str(path.relative_to(data_dir)): path.stat().st_mode & 0o777 for path in data_dir.rglob("*")}
    assert {"memory.db", "logs/memory.log"} <= modes.keys()
    assert {path: oct(mode) for path, mode in modes.items() if mode not in (0o600, 0o700)} == {}


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason=NONE_MAY)
def test_no_core_of_a_crash_holds_a_key(short_dir: Path) -> None:
    with memory(short_dir, preexec_fn=allow_cores) as pid:
        # 0 would keep a core from a file, and not from a program that the kernel hands it to (core_pattern).
        assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] == 1


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason=NONE_MAY)
def test_who_wants_cores_has_them(short_dir: Path) -> None:
    with memory(short_dir, environment={"LATTICE_LIMITS__CORE_DUMPS": "true"}, preexec_fn=allow_cores) as pid:
        assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] != 0


def allow_cores() -> None:
    """As many as may be had."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


@pytest.mark.parametrize("command", [["up", "--port", "0"], ["actor", "memory"], ["keys", "create", "a"], ["doctor"]])
def test_a_path_that_is_no_utf8_is_refused_in_a_sentence(run: Run, short_dir: Path, command: list[str]) -> None:
    said = run(*command, "--data-dir", short_dir / os.fsdecode(b"\xff\xfe"))
    said.refused("is not UTF-8", "take another")
    assert said.code == os.EX_CONFIG
    assert list(short_dir.iterdir()) == []


def test_a_path_that_the_locale_cannot_read_is_refused_in_a_sentence(short_dir: Path) -> None:
    # Python would take UTF-8 by itself.
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, ROOT / "run.py", "up", "--port", "0", "--data-dir", short_dir / "ü"]
    done = subprocess.run(command, env=KEPT | ascii_only, capture_output=True, timeout=60, check=False)
    assert done.returncode == os.EX_CONFIG
    assert b"LC_ALL=C.UTF-8" in done.stderr
    assert b"Traceback" not in done.stderr
