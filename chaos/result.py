"""What came of one row: figures, what failed, and whether that is more than the row allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chaos.checker import Verdict
from chaos.failures import Failure
from chaos.row import Row

__all__ = ["FAILURES", "Result"]

FAILURES = 100
"""How many failures of a row are told one by one."""


@dataclass(slots=True)
class Result:
    """What came of one row, as the table and JSON show it."""

    name: str
    number: int
    fault: str
    passes: str
    passed: bool = False
    seconds: float = 0.0
    kills: int = 0
    requests: int = 0
    writes: int = 0
    lost: int = 0
    doubled: int = 0
    failed: int = 0
    broken: int = 0
    degraded: int = 0
    stall_s: float = 0.0
    slowness: float = 1.0
    """Of the machine, by which the row's times were lengthened."""

    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    """Which failed, broke or were degraded, whether or not they may; at most `FAILURES`."""

    why: list[str] = field(default_factory=list)
    """What it failed by."""

    def take(self, verdict: Verdict, row: Row, slowness: float) -> None:
        """Hold a verdict against what the row allows."""
        self.requests, self.writes = verdict.requests, verdict.writes
        self.lost, self.doubled = verdict.count("lost"), verdict.count("doubled")
        self.failed, self.broken, self.degraded = verdict.failed, verdict.broken, verdict.degraded
        self.stall_s = round(verdict.stall_s, 3)
        allowed = {"lost": row.lost_allowed}
        self.why += [str(found) for found in verdict.violations if allowed.get(found.rule, 0) == 0]
        for how, what, count, most in (
            ("failed", "requests failed", self.failed, row.failed_allowed),
            ("broken", "streams broke", self.broken, row.broken_allowed),
            ("degraded", "answers were given without a model", self.degraded, row.degraded_allowed),
            ("lost", "acknowledged writes are gone", self.lost, row.lost_allowed),
        ):
            if most is not None and count > most:
                self.why.append(f"{count} {what}, and {most} may")
                self.why += [str(failure) for failure in self.failures if failure.how == how]
        if self.stall_s > row.stall_s * slowness:
            self.why.append(f"a client waited {self.stall_s:.1f} s, and {row.stall_s * slowness:.1f} s are allowed")
