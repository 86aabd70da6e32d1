"""How a call to an endpoint fails, and what follows from it: for the caller, for the next endpoint, for the breaker."""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import Mapping
from enum import Enum

MAX_RETRY_AFTER_S = 600.0
"""A longer Retry-After is cut: an endpoint that comes back sooner should be found again."""


class Blame(Enum):
    """Whose doing a failure is."""

    ENDPOINT = "endpoint"
    """The endpoint is down, slow or broken: it counts against its breaker, another may do better."""

    REQUEST = "request"
    """The endpoint understood, and refuses this request: another may do better, the breaker does not care."""

    MODEL = "model"
    """The endpoint does not have the model."""

    CALLER = "caller"
    """The caller's own time was too short to judge the endpoint by."""


class Failure(Exception):
    """A call to an endpoint failed.

    Args:
        reason: for summaries, logs and `last_error`: holds neither secrets nor contents.
        blame: whose doing it is.
        retry_after_s: how long the endpoint asks to be left alone.
        told: what the endpoint said of the request, for the eyes of the one who made it only.
    """

    def __init__(
        self,
        reason: str,
        *,
        blame: Blame = Blame.ENDPOINT,
        retry_after_s: float | None = None,
        told: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.blame = blame
        self.retry_after_s = retry_after_s
        self.told = told


def status_failure(status: int, headers: Mapping[str, str], told: str, *, now: dt.datetime) -> Failure:
    """The failure that an HTTP status stands for.

    400, 413 and 422 are of the request's making, 404 is about the model. 401 and 403 are about the endpoint's key, which the
    caller has no part in; so they count against the endpoint, as everything else does.
    """
    blame = Blame.ENDPOINT
    if status in {400, 405, 413, 422}:
        blame = Blame.REQUEST
    elif status == 404:
        blame = Blame.MODEL

    words = {
        401: " (its key was refused)",
        403: " (its key was refused)",
        404: " (no such model or path)",
        429: " (rate limit)",
    }
    return Failure(
        f"status {status}{words.get(status, '')}",
        blame=blame,
        retry_after_s=retry_after(headers, now=now) if blame is Blame.ENDPOINT else None,
        told=told[:500],
    )


def retry_after(headers: Mapping[str, str], *, now: dt.datetime) -> float | None:
    """Seconds that an endpoint asks to be left alone for: `retry-after-ms`, or `Retry-After` as seconds or as a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue

        try:
            seconds = float(value) * unit
        except ValueError:
            seconds = until(value, now)

        if 0 <= seconds < float("inf"):
            return min(seconds, MAX_RETRY_AFTER_S)

    return None


def until(date: str, now: dt.datetime) -> float:
    """Seconds from now to an HTTP date; -1 when it is none, 0 when it is past."""
    try:
        then = email.utils.parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return -1.0

    if then.tzinfo is None:
        then = then.replace(tzinfo=dt.UTC)

    return max((then - now).total_seconds(), 0.0)
