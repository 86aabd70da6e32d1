"""Which process bears which name: `<run dir>/children.json`, from which a new supervisor knows whom to adopt."""

from __future__ import annotations

import os
from pathlib import Path

from loguru import logger
from pydantic import ValidationError

from supervisors.spec import ChildSpec, Spec

__all__ = ["Entry", "Roster"]


class Entry(Spec):
    """One child. A pid means little without the process's start time; together they name one process for good."""

    name: str
    pid: int | None = None
    started: int | None = None
    incarnation: str | None = None
    epoch: int = 0
    state: str = "stopped"
    starts: int = 0
    restarts: int = 0
    since: float = 0.0
    last_exit: str | None = None

    added: ChildSpec | None = None
    """Of a child that was added at run time, and is not in the supervisor's spec."""

    key: str | None = None
    """Of the call that added it."""


class Roster(Spec):
    """All children, and the `up` process whose house they are."""

    up_pid: int = 0
    up_started: int | None = None
    children: tuple[Entry, ...] = ()

    @staticmethod
    def read(path: Path) -> Roster:
        """What the last supervisor knew; an empty roster where there was none, or none that can be read."""
        try:
            return Roster.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return Roster()
        except ValidationError as error:
            logger.error("the roster cannot be read; its processes end by themselves", path=str(path), error=str(error))
            return Roster()

    def write(self, path: Path) -> None:
        """Replace the file whole. Not fsynced: after a power cut no process is left that it could name."""
        fresh = path.with_suffix(".new")
        # With the system's own calls: a replacement waits for this, and pathlib takes three times as long.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self.model_dump_json().encode())
        fresh.replace(path)

    def of_house(self, up_pid: int, up_started: int | None) -> bool:
        """Whether these are children of the same `up`."""
        return (self.up_pid, self.up_started) == (up_pid, up_started)
