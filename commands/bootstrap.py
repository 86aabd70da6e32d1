"""Makes `.venv` from the pinned requirements where the dependencies are not importable. Needs the standard library alone."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"

LAST_LINES = 20
"""Of pip's, where it fails."""

MAY_PASS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
"""Of what a disk and a machine say: another time there may be room."""

TOLD_EVERY_S = 10.0
"""Where no terminal shows each step."""

NEEDED = (
    "aiohttp",
    "apsw",
    "click",
    "cronsim",
    "loguru",
    "msgpack",
    "numkong",
    "numpy",
    "onnx",
    "onnxruntime",
    "prometheus_client",
    "pydantic_settings",
    "pykka",
    "tokenizers",
    "zmq",
)
NEEDED_BY_TESTS = (
    "anthropic",
    "hypothesis",
    "importlinter",
    "mypy",
    "openai",
    "pytest",
    "pytest_asyncio",
    "pytest_mock",
    "pytest_rerunfailures",
    "pytest_timeout",
    "xdist",
)


def bootstrap(arguments: list[str]) -> None:
    """Return when everything needed can be imported; otherwise continue in `.venv`, made or brought up to date first."""
    open_standard_streams()
    if sys.version_info < (3, 11):  # noqa: UP036 (who has an older one is to read a sentence, not a syntax error)
        refuse(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}")

    testing = arguments[:1] in (["test"], ["chaos"])
    needed = NEEDED + (NEEDED_BY_TESTS if testing else ())

    if all(importlib.util.find_spec(module) for module in needed):
        return

    python = VENV / "bin" / "python"

    requirements = ROOT / ("requirements-test.txt" if testing else "requirements.txt")
    try:
        # Who finds it made needs to write nothing: it may be another user's.
        if not is_made(requirements):
            with (ROOT / ".venv.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                make_environment(python, requirements)
    except OSError as error:
        refuse(f"{VENV} cannot be made or used: {error.filename or VENV}: {error.strerror}", error)

    if Path(sys.prefix) == VENV:
        missing = [module for module in needed if not importlib.util.find_spec(module)]
        if missing:
            refuse(f"{', '.join(missing)} cannot be imported from {VENV}; remove that folder and start again")
        return

    sys.stdout.flush()
    try:
        os.execv(python, [str(python), str(ROOT / "run.py"), *arguments])
    except OSError as error:
        # Made by another user, from a Python that only he may start.
        refuse(f"{VENV} cannot be made or used: {python}: {error.strerror}", error)


def open_standard_streams() -> None:
    """Put the null device where a service manager left standard input, output or error closed.

    The next file that is opened would otherwise be standard output, and be written to by whatever prints.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number is this one, since the streams before it are open by now.
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 (a descriptor, open until the end)


def make_environment(python: Path, requirements: Path) -> None:
    """Bring `.venv` to exactly the pinned requirements. The stamp is written last: a broken install is done again."""
    if is_made(requirements):
        return

    if not has_pip(python):
        say(f"making {VENV} (once)")
        # In place of whatever Python was there before; packages stay.
        if subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode:
            if not importlib.util.find_spec("ensurepip"):
                refuse("this Python cannot make a virtual environment; on Debian: apt install python3-venv")
            say(f"{VENV} could not be made; the lines above say why")
            sys.exit(1)

    count = sum(1 for line in requirements.read_text().splitlines() if line and not line[0].isspace())
    say(f"installing {count} pinned packages from {requirements.name} into {VENV} (once; about a minute)")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    last, failed = run_pip([*pip, "install", "--no-deps", "--require-hashes", "-r", str(requirements)], count)
    if failed:
        sys.stderr.write("".join(last))
        sys.exit(f"lattice: the packages of {requirements.name} could not be installed; the lines above are pip's last")

    stamp_of(requirements).write_text(digest(requirements))
    if requirements.name == "requirements-test.txt":
        # The test requirements contain all others at the same versions.
        plain = ROOT / "requirements.txt"
        stamp_of(plain).write_text(digest(plain))


def is_made(requirements: Path) -> bool:
    """Whether `.venv` is as these requirements want it."""
    stamp = stamp_of(requirements)
    return stamp.exists() and stamp.read_text() == digest(requirements)


def stamp_of(requirements: Path) -> Path:
    """The file that says from which requirements `.venv` was made."""
    return VENV / f".{requirements.stem}"


def digest(requirements: Path) -> str:
    """SHA-256 of a file of requirements."""
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def has_pip(python: Path) -> bool:
    """Whether an environment can install anything: one that was broken off while it was made has Python and no pip."""
    if not python.exists():
        return False

    asked = [str(python), "-m", "pip", "--version"]
    return subprocess.run(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def run_pip(command: list[str], count: int) -> tuple[deque[str], bool]:
    """Run pip and tell how far it is; its last lines, and whether it failed.

    Of its own output nobody needs the several hundred lines unless it fails.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    seen, told = 0, time.monotonic()
    terminal = sys.stderr.isatty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as pip:
        assert pip.stdout is not None  # noqa: S101 (for the type checker; it is a pipe)
        for line in pip.stdout:
            last.append(line)
            seen += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied"))
            # Of the pinned ones some are for other systems.
            step = "unpacking" if line.startswith("Installing ") else f"{seen} of at most {count}"
            if terminal:
                sys.stderr.write(f"\rlattice: {step}          ")
                sys.stderr.flush()
            elif time.monotonic() - told > TOLD_EVERY_S:
                told = time.monotonic()
                say(step)
    if terminal:
        sys.stderr.write("\r" + " " * 40 + "\r")
    return last, pip.returncode != 0


def refuse(line: str, error: OSError | None = None) -> NoReturn:
    """End with a sentence. Where only a person can mend it, a service manager is told so: docs/operations.md, exit statuses."""
    say(line)
    sys.exit(1 if error is not None and error.errno in MAY_PASS else os.EX_CONFIG)


def say(line: str) -> None:
    """A line for the person who is waiting."""
    print(f"lattice: {line}", file=sys.stderr, flush=True)
