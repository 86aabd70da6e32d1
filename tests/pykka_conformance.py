"""Runs pykka's own test suite, from the sdist of the installed version, with AsyncActor as its runtime.

    python -m tests.pykka_conformance [--sdist DIRECTORY_OR_TARBALL] [pytest's options]

Nothing of pykka's tests is copied into this repository: they are fetched from the package index into a temporary
directory, where AsyncActor is added to the RUNTIMES of their conftest.py. So every test that has a runtime runs with
AsyncActor and, as the yardstick, with ThreadingActor. The environment's LATTICE_PYKKA_SDIST serves as --sdist.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FIXTURE = '@pytest.fixture(scope="session", params=RUNTIMES.values())'

RUNTIME = """
from actors.runtime import AsyncActor, AsyncFuture

RUNTIMES["asyncio"] = pytest.param(
    Runtime(
        name="asyncio",
        actor_class=AsyncActor,
        event_class=threading.Event,
        future_class=AsyncFuture,
        sleep_func=time.sleep,
    ),
    id="asyncio",
)

"""


class IndexUnreachableError(Exception):
    """The package index did not give pykka's sdist."""


def run(sdist: Path | None = None, arguments: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """The finished run of pykka's tests; its output is captured.

    Raises:
        IndexUnreachableError: the sdist could not be fetched.
    """
    with tempfile.TemporaryDirectory(prefix="pykka-") as directory:
        suite = unpack(sdist or fetch(Path(directory)), Path(directory))
        conftest = suite / "tests" / "conftest.py"
        before, found, after = conftest.read_text().partition(FIXTURE)

        if not found:
            raise AssertionError(f"pykka's {conftest.name} has changed: there is no {FIXTURE}")

        conftest.write_text(before + RUNTIME + FIXTURE + after)
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "pytest", "-p", "no:cacheprovider", "-q"]
        return subprocess.run(
            [*command, *(arguments or []), "tests"],
            cwd=suite,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(suite), str(ROOT))), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def fetch(directory: Path) -> Path:
    """pykka's sdist, of the version that is installed here."""
    wanted = f"pykka=={version('pykka')}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", wanted]
    done = subprocess.run([*command, "-d", str(directory)], capture_output=True, text=True, timeout=120, check=False)
    found = sorted(directory.glob("pykka-*.tar.gz"))

    if not found:
        raise IndexUnreachableError(f"pip could not download {wanted}: {(done.stderr or done.stdout).strip()[-500:]}")

    return found[0]


def unpack(sdist: Path, directory: Path) -> Path:
    """The directory of pykka's sources."""
    if sdist.is_dir():
        return Path(shutil.copytree(sdist, directory / sdist.name))

    with tarfile.open(sdist) as archive:
        archive.extractall(directory, filter="data")

    return directory / sdist.name.removesuffix(".tar.gz")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sdist", type=Path, default=os.environ.get("LATTICE_PYKKA_SDIST") or None)
    arguments, more = parser.parse_known_args()

    try:
        done = run(Path(arguments.sdist) if arguments.sdist else None, more)
    except IndexUnreachableError as error:
        sys.stderr.write(f"{error}\n")
        return 2

    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)

    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
