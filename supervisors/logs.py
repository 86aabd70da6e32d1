"""Where a process of the house writes its log: `<data dir>/logs/<name>.log`, and nowhere else."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from itertools import pairwise
from pathlib import Path

from loguru import logger

from supervisors.control import Assignment
from supervisors.crashes import log_path

__all__ = ["LogFile", "log_to_file", "prepare_logs"]

MAX_BYTES = 10_000_000
KEPT = 3


class LogFile:
    """A sink for loguru whose file is known later than the sink: `logger.add` takes 3 ms, a replacement has no time for that.

    Past 10 MB the file becomes `<name>.log.1`, that one `.2`, and so on; three are kept. Where somebody deletes it, or moves it
    away, the next event begins a new one.
    """

    def __init__(self) -> None:
        self.file: TextIOWrapper | None = None
        self.path: Path | None = None
        self.characters = 0
        self.lost = 0
        """Lines that the disk did not take since it last took one."""

    def open(self, path: Path) -> None:
        """Append to this file from the first event on."""
        self.close()
        self.path = path

    def close(self) -> None:
        """Let the file go, also where the disk does not take the rest; what is logged then is lost."""
        if self.file is not None:
            with suppress(OSError):
                self.file.close()

        self.file = self.path = None

    def __call__(self, line: str) -> None:
        """Write one event. Where the disk takes nothing it is lost: said once on standard error, and counted in the log."""
        if self.path is None:
            return

        try:
            if self.lost:
                self._write(self.path, f"{self.lost} lines before this one are lost: the disk did not take them\n")
                self.lost = 0
            self._write(self.path, line)
        except OSError as error:
            if not self.lost:
                sys.stderr.write(f"{self.path} cannot be written: {error.strerror}; what happens is not logged until it can\n")
            self.lost += 1
            file, self.file = self.file, None
            if file is not None:
                # What it still holds would be tried again.
                with suppress(OSError):
                    file.close()

    def _write(self, path: Path, line: str) -> None:
        if self.file is not None and not is_at(path, self.file):
            self.file.close()
            self.file = None
        if self.file is None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.file = path.open("a", buffering=1, errors="replace")
            self.characters = path.stat().st_size

        self.characters += self.file.write(line)
        if self.characters > MAX_BYTES:
            self._rotate(path)

    def _rotate(self, path: Path) -> None:
        """Begin a new file with the next event. Where none can be begun this one grows, for as many bytes again."""
        older = [path, *(path.with_suffix(f".log.{number}") for number in range(1, KEPT + 1))]
        try:
            for newer, old in reversed(list(pairwise(older))):
                if newer.exists():
                    newer.replace(old)
        except OSError as error:
            sys.stderr.write(f"{path} cannot be rotated: {error.strerror}; it grows on\n")
            self.characters = 0
            return

        self.open(path)


def is_at(path: Path, file: TextIOWrapper) -> bool:
    """Whether an open file still has its name: nobody reads a log that was deleted, or that somebody else rotated away."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


class Intercept(logging.Handler):
    """Takes what libraries say through the standard library's logging, which would else go to the terminal of `up`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass it on."""
        logger.opt(exception=record.exc_info).log(record.levelname, "{}: {}", record.name, record.getMessage())


log_file = LogFile()
prepared = False


def prepare_logs() -> None:
    """Do what takes time, once; the zygote does it for all that it forks."""
    global prepared  # noqa: PLW0603 (loguru's logger is global too)
    if prepared:
        return

    prepared = True
    logger.remove()
    logging.basicConfig(handlers=[Intercept()], level=logging.WARNING, force=True)
    logger.add(
        log_file,
        level=os.environ.get("LATTICE_LOG_LEVEL", "INFO").upper(),
        format="{time:YYYY-MM-DDTHH:mm:ss.SSSZZ} {level: <8} {name}: {message} {extra}",
        backtrace=False,
        diagnose=False,
    )


def log_to_file(assignment: Assignment) -> None:
    """Write this process's log to the file of its name, which crash reports quote."""
    prepare_logs()
    log_file.open(log_path(assignment.data_dir, assignment.name))
    logger.configure(extra={"actor": assignment.name, "epoch": assignment.epoch})
