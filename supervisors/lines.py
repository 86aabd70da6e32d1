"""What a person who watches `up` reads about a child that has changed, or about the supervisor's end."""

from __future__ import annotations

from typing import Final

__all__ = ["TOLD_TO_STOP", "describe"]

TOLD_TO_STOP: Final = "told to stop"
"""Why a supervisor ended that was sent SIGTERM: by `up`, or by somebody else."""


def describe(*, name: str, state: str, pid: int | None, restarts: int, last_exit: str | None) -> str:
    """One line: who, how, and why the incarnation before ended."""
    line = f"{name:<12} {state:<12}"

    if state == "ready":
        return f"{line} process {pid}" + (f", restarts: {restarts}" if restarts else "")

    if state == "backing_off":
        return f"{line} {last_exit}; it is tried again by itself, at once by `python3 run.py restart {name}`"

    return f"{line} {last_exit}" if last_exit and state != "draining" else line.rstrip()
