"""When a cycle is due. Pure: times in, times out. A schedule that was missed is caught up with once, however often it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from cronsim import CronSim, CronSimError

from actors.daemon.settings import CycleSettings

__all__ = ["NEVER", "after_failure", "after_run", "first", "sane"]

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Due only when asked for, or when enough memories came in."""


def first(now: datetime, schedule: CycleSettings) -> datetime:
    """When a cycle that has never run is due: at once where it has an interval."""
    return now if schedule.interval_s is not None else after_run(now, schedule, 0.0, "")


def after_run(now: datetime, schedule: CycleSettings, jitter: float, seed: str) -> datetime:
    """The next time after a run that went well: an interval and up to `jitter` of it from now, or cron's next, if earlier."""
    due = NEVER
    if schedule.interval_s is not None:
        due = now + timedelta(seconds=schedule.interval_s * (1 + jitter * fraction(seed)))
    if schedule.cron is not None:
        due = min(due, next_of(schedule.cron, now))
    return due


def after_failure(now: datetime, failures: int, retry_s: float, limit_s: float, seed: str) -> datetime:
    """The next time after the `failures`th failure in a row: twice as long each time, with a fifth of jitter."""
    wait_s = min(limit_s, retry_s * 2.0 ** min(failures - 1, 64))
    return now + timedelta(seconds=wait_s * (1 + 0.2 * fraction(seed)))


def sane(
    due: datetime, now: datetime, schedule: CycleSettings, retry_limit_s: float, jitter: float, *, failures: int = 0
) -> datetime:
    """A due time that a clock set back, or changed settings, left where the schedule would not have it, as that has it now.

    After `failures` in a row it may be as late as those let it be. What is past stays: it is caught up with.
    """
    latest = after_run(now, schedule, 0.0, "")
    if due <= now or latest == NEVER:
        return due
    if schedule.interval_s is None and not failures:
        return latest
    wait_s = (latest - now).total_seconds()
    longest_s = (max(wait_s, retry_limit_s) if failures else wait_s) * (1.2 + jitter)
    return due if due <= now + timedelta(seconds=longest_s) else latest


def next_of(cron: str, now: datetime) -> datetime:
    """The next time after `now` that a cron expression (five fields, UTC) names; NEVER where there is none."""
    try:
        due: datetime = next(CronSim(cron, now))
    except (StopIteration, CronSimError):
        return NEVER
    return due


def fraction(seed: str) -> float:
    """A number in [0, 1) that the seed alone decides."""
    return int.from_bytes(blake2b(seed.encode(), digest_size=6).digest()) / (1 << 48)
