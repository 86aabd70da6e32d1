"""Where a process of the house writes its log."""

from __future__ import annotations

import os

from loguru import logger

from supervisors.control import Assignment
from supervisors.crashes import log_path

__all__ = ["log_to_file"]


def log_to_file(assignment: Assignment) -> None:
    """Write logs, and nothing else, to the file that crash reports quote."""
    path = log_path(assignment.data_dir, assignment.name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    logger.remove()
    logger.add(
        path,
        level=os.environ.get("LATTICE_LOG_LEVEL", "INFO"),
        format="{time:YYYY-MM-DDTHH:mm:ss.SSSZZ} {level: <8} {name}: {message} {extra}",
        rotation="10 MB",
        retention=3,
        backtrace=False,
        diagnose=False,
    )
    logger.configure(extra={"actor": assignment.name, "epoch": assignment.epoch})
