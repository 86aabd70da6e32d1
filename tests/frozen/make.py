"""Freezes databases: `python -m tests.frozen.make` writes those that are not there yet; `... SUBSYSTEM COMMIT` one more.

The version that is to be frozen is taken from the repository's history and run as it was, in a checkout of its own, with the
packages of today. Its database is moved out of its log, and kept compressed as `<subsystem>-<version>.db.gz`.
Whoever appends a migration freezes the version before it first: the commit is then HEAD.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

import apsw

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

COMMITS = {
    "memory": (
        "1342bce49b",
        "0a41de0a4c",
        "52dae3069d",
        "ac41837ea6",
        "fa01fd833d",
        "411caf45c5",
        "e5b97425d3",
        "e63ca7fa89",
        "4b4cfaefe9",
    ),
    "paradox": ("b992eed536", "69ea484586", "7268216faa", "e4d8596e5e", "13061c42d0", "4b4cfaefe9"),
    "daemon": ("174727449c", "6d63ced983"),
    "thinking": ("0ac34b6072", "151a6f5950", "2a210def2e", "4b4cfaefe9", "d1cec5e811"),
    "llm": ("5c733a6001", "ff48b8355c", "e63ca7fa89", "398845c985", "4b4cfaefe9"),
}
"""The commits in which each version was current. Of memory the first one is `tests/memory/version_1.sql`."""


def main() -> None:
    """Freeze what is asked for, or all that is not there."""
    if len(sys.argv) == 3:
        sys.stdout.write(f"{freeze(sys.argv[1], sys.argv[2])}\n")
        return

    for name, commits in COMMITS.items():
        for version, commit in enumerate(commits, 2 if name == "memory" else 1):
            if not path_of(name, version).exists():
                made = freeze(name, commit)
                assert made == path_of(name, version), f"{commit} has written {made.name}"
                sys.stdout.write(f"{made}\n")


def freeze(name: str, commit: str) -> Path:
    """Have a commit write a subsystem's database, and keep it."""
    with tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        checkout, home = Path(directory) / "checkout", Path(directory) / "home"
        home.mkdir()
        packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(checkout, filter="data")
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        subprocess.run([sys.executable, HERE / "author.py", name, home], cwd=checkout, env=environment, check=True)
        written = home / f"{name}.db"
        connection = apsw.Connection(str(written))
        version = connection.pragma("user_version")
        # One file, without its log.
        connection.pragma("journal_mode", "delete")
        connection.close()
        kept = path_of(name, version)
        # The same bytes give the same file, whenever it is made.
        kept.write_bytes(gzip.compress(written.read_bytes(), mtime=0))
        return kept


def path_of(name: str, version: int) -> Path:
    """Where a version of a subsystem's database is kept."""
    return HERE / f"{name}-{version}.db.gz"


if __name__ == "__main__":
    main()
