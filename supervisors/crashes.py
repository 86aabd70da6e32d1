"""Crash reports: what was known of a child when it died, one JSON file each in `<data dir>/crashes`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from loguru import logger

from transport.foreign import put_file

__all__ = [
    "log_path",
    "name_stacks",
    "open_nameless_stacks",
    "open_stacks",
    "read_reports",
    "remove_stacks",
    "stack_path",
    "tail",
    "write_report",
]

STAMP = "%Y%m%dT%H%M%S.%fZ"
TAIL_BYTES = 64 * 1024
TAIL_LINES = 50
ANSWER_BYTES = 768 * 1024
"""How much reports may take in one answer, which has to fit a frame of 1 MiB. One takes 200 KiB at the most."""


def log_path(data_dir: Path, name: str) -> Path:
    """Where a child writes its log."""
    return data_dir / "logs" / f"{name}.log"


def stack_path(data_dir: Path, name: str, epoch: int) -> Path:
    """Where faulthandler writes the stacks of one incarnation: of a fault in C code, or of a loop that hangs."""
    return data_dir / "logs" / f"{name}.{epoch}.stack"


def open_stacks(data_dir: Path, name: str, epoch: int) -> TextIO:
    """The file at `stack_path`, empty. Where the disk takes none it is standard error: nobody needs it to serve."""
    path = stack_path(data_dir, name, epoch)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path.open("w")
    except OSError as error:
        logger.warning("stacks go to standard error", path=str(path), reason=error.strerror)
        return os.fdopen(os.dup(sys.stderr.fileno()), "w")


def open_nameless_stacks(data_dir: Path) -> TextIO | None:
    """A file for stacks without a name, which `name_stacks` gives it. So a standby that is never promoted leaves none behind.

    None where the file system has no such files.
    """
    folder = log_path(data_dir, "").parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600), "w")
    except OSError:
        return None


def name_stacks(stacks: TextIO, data_dir: Path, name: str, epoch: int) -> None:
    """Give nameless stacks the name of an incarnation. Where the disk refuses, they are lost: nobody needs them to serve."""
    path = stack_path(data_dir, name, epoch)
    try:
        # Left over from another life of the data directory.
        path.unlink(missing_ok=True)
        # With a directory, which an absolute path does not need, Python asks linkat(2), and only that follows the link.
        os.link(f"/proc/self/fd/{stacks.fileno()}", path, src_dir_fd=stacks.fileno(), follow_symlinks=True)
    except OSError as error:
        logger.warning("stacks are not kept", path=str(path), reason=error.strerror)


def remove_stacks(data_dir: Path, name: str, epoch: int) -> None:
    """Remove the stacks of one incarnation, which nobody needs any more. A disk that refuses is only logged."""
    path = stack_path(data_dir, name, epoch)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("stacks cannot be removed", path=str(path), reason=error.strerror)


def write_report(data_dir: Path, name: str, facts: Mapping[str, Any], *, keep: int) -> Path:
    """Write one report, with the child's last log lines and the stacks of its `epoch`; remove the oldest beyond `keep`."""
    folder = data_dir / "crashes"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:{STAMP}}-{name}.json"
    report = {
        "time": now.isoformat(),
        "name": name,
        **facts,
        "stacks": tail(stack_path(data_dir, name, facts.get("epoch", 0)), lines=200),
        "log": tail(log_path(data_dir, name), lines=TAIL_LINES),
    }
    put_file(path, json.dumps(report, indent=2).encode())

    names = [name for name in os.listdir(folder) if name.endswith(".json")]  # noqa: PTH208 (a Path each costs 30 us)
    for old in oldest_first(names, now)[:-keep]:
        (folder / old).unlink(missing_ok=True)

    return path


def read_reports(data_dir: Path, name: str, limit: int) -> list[dict[str, Any]]:
    """The newest reports of one child, newest first: up to `limit`, and no more than fit a message.

    A file that is just being removed, or is none of ours, is passed over.
    """
    reports: list[dict[str, Any]] = []
    room = ANSWER_BYTES
    folder = data_dir / "crashes"
    for file in reversed(oldest_first([path.name for path in folder.glob(f"*-{name}.json")], datetime.now(UTC))):
        if len(reports) == limit:
            break

        try:
            text = (folder / file).read_bytes()
            report = json.loads(text)
        except (FileNotFoundError, ValueError):
            continue

        # The pattern fits names that end in this one, too.
        if isinstance(report, dict) and report.get("name") == name:
            room -= len(text)
            if room < 0 and reports:
                break
            reports.append(report)

    return reports


def oldest_first(names: list[str], now: datetime) -> list[str]:
    """Reports in the order of the times with which their names begin.

    Those of a time that is yet to come were written while the clock was ahead, nobody knows when: they count as the oldest.
    """
    # Behind all names of this moment.
    latest = f"{now:{STAMP}}."
    return sorted(names, key=lambda name: (name < latest, name))


def tail(path: Path, *, lines: int) -> list[str]:
    """The last lines of a file; none where there is no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
