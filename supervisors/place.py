"""Where a supervisor stands: its name, its directories, and what it hands on to each of its processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a supervisor stands, and what it hands on to its children."""

    name: str
    run_dir: Path
    data_dir: Path
    zygote_command: Sequence[str]
    """Starts a process that calls `run_zygote`; `--control FD` is added."""

    keeper_pid: int
    """The process whose end is the end of all children: `up`, or the supervisor itself where it is somebody's child."""

    listener_fd: int | None = None
    kept_files: Sequence[str] = ()
    """Names of files in the run directory that processes read when they are promoted."""

    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def roster(self) -> Path:
        """The file that says which process bears which name."""
        return self.run_dir / ("children.json" if self.name == "supervisor" else f"{self.name}.children.json")
