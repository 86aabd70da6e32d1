"""A circuit breaker: leaves alone what fails. Whether it is back is found out by probes, never by a user's request.

closed: all calls go through. open: none does, until its time is up. half-open: it is time for the one probe (see probing.py),
or that is under way; when its first token comes the breaker closes, when it fails the breaker opens for twice as long.

Consecutive failures and a failure rate over a window open it, as with Envoy's outlier detection and Finagle's failure accrual;
and one call alone that met with nothing but silence, since each further one would cost somebody the whole allowance again.
An endpoint that says how long it wants to be left alone (Retry-After) is held open for as long; a later, shorter word never
shortens that (LiteLLM #40130), nor does a call that finds nobody else and has the probe brought forward.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from actors.llm.settings import BreakerSettings

BreakerState = Literal["closed", "open", "half_open"]

EARLY = 0.25
"""The share of the time for which it is left alone that must have passed before its probe is brought forward."""

NEVER = float("-inf")


@dataclass(slots=True)
class Permit:
    """Leave to make one call. Exactly one of `succeeded`, `failed` and `abandoned` ends it; a second end does nothing."""

    breaker: Breaker
    generation: int
    probe: bool
    ended: bool = False

    def first_token(self) -> None:
        """The endpoint answers: a probe has found what it was sent for."""
        if self.probe and not self.ended and self.generation == self.breaker.generation:
            self.probe = False
            self.breaker.close()
            self.generation = self.breaker.generation

    def succeeded(self) -> None:
        """The call came to its end."""
        self.first_token()
        if self.end():
            self.breaker.record(success=True)

    def failed(self, retry_after_s: float | None = None, *, silent: bool = False, amid_answers: bool = False) -> None:
        """The endpoint failed. Of a call that began before the breaker opened, only its wish to be left alone counts.

        Args:
            retry_after_s: how long it wants to be left alone.
            silent: it said nothing, neither to this call nor to any other since this one began.
            amid_answers: it was too slow for this call, and answered others meanwhile. Of many at once the slowest fail
                together, which is no row of failures; it counts for the failure rate.
        """
        probe = self.probe
        if self.end():
            at_once = probe or (silent and self.breaker.settings.open_when_silent)
            self.breaker.fail(at_once=at_once, in_a_row=not amid_answers)

        if retry_after_s is not None:
            self.breaker.hold(retry_after_s)

    def abandoned(self) -> None:
        """The call ended without saying anything about the endpoint."""
        if self.end() and self.probe:
            self.breaker.probing = False
            self.breaker.changed()

    def end(self) -> bool:
        """Whether this end counts: it is the first one, and the breaker has not opened or closed since the call began."""
        counts = not self.ended and self.generation == self.breaker.generation
        self.ended = True
        return counts


class Breaker:
    """One endpoint's breaker.

    Args:
        settings: its thresholds.
        now: seconds of a clock that only goes forward.
        changed: called when it opens, or stays open for another time than before.
    """

    def __init__(self, settings: BreakerSettings, now: Callable[[], float], changed: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self.now = now
        self.changed = changed
        self.generation = 0
        self.probing = False
        self.open_until: float | None = None
        self.opened = 0
        """How often in a row it has opened without a call succeeding in between."""

        self.opened_at = NEVER
        self.probed_at = NEVER
        self.apart_s = settings.early_probe_s
        """How long after it has opened its probe may be brought forward."""

        self.held_until = NEVER
        """For how long it wants to be left alone, by its own word."""

        self.consecutive = 0
        self.outcomes: deque[tuple[float, bool]] = deque()

    @property
    def state(self) -> BreakerState:
        """As it stands now."""
        if self.open_until is None:
            return "closed"

        return "half_open" if self.probing or self.now() >= self.open_until else "open"

    def enter(self) -> Permit | None:
        """Leave to make a call now, or None."""
        return Permit(self, self.generation, probe=False) if self.open_until is None else None

    def probe(self) -> Permit | None:
        """Leave to make the probe; None when it is not time for it, or one is out."""
        if self.open_until is None or self.probing or self.now() < self.open_until:
            return None

        self.probing = True
        self.probed_at = self.now()
        return Permit(self, self.generation, probe=True)

    @property
    def early(self) -> bool:
        """Whether its probe may be brought forward now."""
        if self.open_until is None or self.probing:
            return False

        return self.now() >= max(self.opened_at + self.apart_s, self.held_until)

    def bring_forward(self) -> None:
        """Have it probed now. When that fails it is left alone for as long as before: a time cut short does not count."""
        if self.open_until is not None and self.early:
            if self.open_until > self.now():
                self.open_until = self.now()
                self.opened -= 1

            self.changed()

    def opens_in(self) -> float:
        """Seconds until it is probed; 0 when it is closed, or a probe is out."""
        return 0.0 if self.open_until is None else max(self.open_until - self.now(), 0.0)

    def hold(self, seconds: float) -> None:
        """Open for at least so long from now."""
        until = self.now() + seconds
        self.held_until = max(self.held_until, until)
        if self.open_until is None:
            self.open(until)
        else:
            self.open_until = max(self.open_until, until)
            self.changed()

    def close(self) -> None:
        """Let all calls through again. How often it opened is forgotten only once a call has come to its end."""
        self.generation += 1
        self.open_until = None
        self.held_until = NEVER
        self.probing = False
        self.consecutive = 0
        self.outcomes.clear()

    def open(self, until: float) -> None:
        """Let no call through before then. Calls that are under way no longer count."""
        self.generation += 1
        self.open_until = max(until, self.held_until)
        self.opened_at = self.now()
        self.probing = False
        self.opened += 1
        self.apart_s = max(self.settings.early_probe_s, EARLY * (until - self.opened_at))
        self.changed()

    def fail(self, *, at_once: bool, in_a_row: bool = True) -> None:
        """Record a failure, and open where it is one too many."""
        self.record(success=False, in_a_row=in_a_row)
        if at_once or self.consecutive >= self.settings.consecutive_failures or self.fails_too_often():
            # Beyond 16 doublings any time is cut to its maximum anyhow.
            doubled = self.settings.open_s * 2 ** min(self.opened, 16)
            self.open(self.now() + min(doubled, self.settings.max_open_s))

    def record(self, *, success: bool, in_a_row: bool = True) -> None:
        """Record how a call ended."""
        self.consecutive = 0 if success else self.consecutive + in_a_row
        if success:
            self.opened = 0

        now = self.now()
        self.outcomes.append((now, success))
        while self.outcomes[0][0] < now - self.settings.window_s or len(self.outcomes) > 1000:
            self.outcomes.popleft()

    def fails_too_often(self) -> bool:
        """Whether the share of failures within the window is too high, and the window full enough to say so."""
        failures = sum(not success for _, success in self.outcomes)
        count = len(self.outcomes)
        return count >= self.settings.minimum_calls and failures >= count * self.settings.failure_rate
