"""How a call to an endpoint fails, and what follows from it: for the caller, for the next endpoint, for the breaker."""

from __future__ import annotations

import datetime as dt
import email.utils
import re
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
        everywhere: it is not about one model, but about the endpoint as a whole.
        overload: the call was too much for the endpoint.
        passing: it may have passed a moment later, so that asking the same endpoint again makes sense.
        silent: the endpoint said nothing at all for as long as it had.
    """

    def __init__(
        self,
        reason: str,
        *,
        blame: Blame = Blame.ENDPOINT,
        retry_after_s: float | None = None,
        told: str = "",
        everywhere: bool = False,
        overload: bool = False,
        passing: bool = False,
        silent: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.blame = blame
        self.retry_after_s = retry_after_s
        self.told = told
        self.everywhere = everywhere
        self.overload = overload
        self.passing = passing
        self.silent = silent
        self.amid = False
        """It came after the first token."""

        self.stale = False
        """A connection that had been kept was closed by the other side before it answered."""


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
    wait_s = retry_after(headers, now=now) if blame is Blame.ENDPOINT else None
    return Failure(
        f"status {status}{words.get(status, '')}",
        blame=blame,
        retry_after_s=wait_s,
        told=told[:500],
        everywhere=status in {401, 403},
        overload=status in OVERLOADED,
        passing=wait_s is None and (status in {408, 409, 425, 429, 529} or 500 <= status < 505),
    )


OVERLOADED = {429, 503, 529}
"""529 is Anthropic's."""

RESETS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
)
"""What is left of a limit, and when it is full again: OpenAI's, Groq's, OpenRouter's, Anthropic's headers."""

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def retry_after(headers: Mapping[str, str], *, now: dt.datetime) -> float | None:
    """Seconds that an endpoint asks to be left alone for.

    `retry-after-ms`, or `Retry-After` as seconds or as a date; without either, when the limit that is used up is full again.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is not None and (seconds := span(value, now, unit)) is not None:
            return min(seconds, MAX_RETRY_AFTER_S)

    used_up = [
        seconds
        for remaining, reset in RESETS
        if headers.get(remaining, "").strip() in {"0", "0.0"}
        and (seconds := span(headers.get(reset, ""), now, 1.0)) is not None
    ]
    return min(max(used_up), MAX_RETRY_AFTER_S) if used_up else None


def span(value: str, now: dt.datetime, unit: float) -> float | None:
    """Seconds until what a header names: a number, a span as `6m0s`, a date of HTTP or ISO 8601, a Unix time; else None."""
    value = value.strip()
    try:
        number = float(value)
    except ValueError:
        parts = DURATION.findall(value)
        if parts and "".join(count + name for count, name in parts) == value:
            return sum(float(count) * UNITS[name] for count, name in parts)

        then = date(value)
        return None if then is None else max((then - now).total_seconds(), 0.0)

    if not 0 <= number < float("inf"):
        return None

    for unix in (number, number / 1000):
        # No limit lasts for thirty years: it is a time, in seconds or in milliseconds.
        if 1e9 <= unix < 1e10:
            return max(unix - now.timestamp(), 0.0)

    return number * unit


def date(value: str) -> dt.datetime | None:
    """A moment, as HTTP or as ISO 8601 writes it."""
    for read in (email.utils.parsedate_to_datetime, dt.datetime.fromisoformat):
        try:
            then = read(value)
        except (ValueError, TypeError, OverflowError):
            continue

        return then if then.tzinfo is not None else then.replace(tzinfo=dt.UTC)

    return None
