"""What has been tried for one request so far, and what it has used."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from loguru import logger

from actors.llm.endpoint import Tally
from actors.llm.failure import Blame, Failure
from actors.llm.line import Lane
from transport.errors import DeadlineExceeded

OPINIONS = 2
"""When so many endpoints say that a request is wrong, it is."""

Key = tuple[str, str]
"""An endpoint's name and the model that it is asked for."""


@dataclass(slots=True)
class Attempts:
    """One request's attempts."""

    models: tuple[str | None, ...]
    """Those that would do, the first one best; None: whatever an endpoint has."""

    deadline: float | None
    since: float = 0.0
    """When the request came, in the endpoints' time."""

    named: str | None = None
    """What the caller asked for, an alias perhaps."""

    namespace: str = "default"
    tags: frozenset[str] = frozenset()
    lane: Lane = "fg"
    embedding: bool = False
    tally: Tally = field(default_factory=Tally)
    failures: dict[Key, Failure] = field(default_factory=dict)
    passed_over: set[Key] = field(default_factory=set)
    """Those that were not asked because the retry budget was used up."""

    waits_since: dict[Key, float] = field(default_factory=dict)
    """Since when news of an endpoint is waited for, from those who have gone ahead."""

    again: set[Key] = field(default_factory=set)
    """Those that closed a connection that had been kept, and are asked once more over a new one."""

    patient: set[Key] = field(default_factory=set)
    """Those that are known to answer late, and were given all the time that the caller has."""

    not_waited_out: set[Key] = field(default_factory=set)
    """Those that were left when their allowance was up, though they might have spoken a moment later."""

    probes_until: float | None = None
    """Until when it waits for probes, in the endpoints' time, once it has found nobody to ask."""

    leave_paid: bool = False
    """It has left an endpoint that it might have gone on listening to. Its next call was taken from the retry budget then."""

    rounds: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    writes: set[asyncio.Task[None]] = field(default_factory=set)
    """What is being written to the ledger."""

    def fail(self, key: Key, failure: Failure) -> None:
        """Remember how an endpoint failed.

        Raises:
            DeadlineExceeded: when that was because the caller's time is up.
        """
        logger.info("endpoint failed", endpoint=key[0], reason=failure.reason, attempt=self.tally.attempts)
        if failure.blame is Blame.CALLER:
            raise DeadlineExceeded(detail={"endpoints": {name: known.reason for (name, _), known in self.failures.items()}})

        if failure.stale and key not in self.again:
            self.again.add(key)
            return

        self.failures[key] = failure
        if failure.silent:
            self.not_waited_out.add(key)

    @property
    def until(self) -> float:
        """The deadline, where no deadline is one that never comes."""
        return float("inf") if self.deadline is None else self.deadline

    @property
    def is_retry(self) -> bool:
        """Whether the next call is one more than a request has by right."""
        return bool(self.failures or self.again)

    @property
    def let_down(self) -> bool:
        """Whether somebody has failed it, in this round or before."""
        return self.is_retry or self.rounds > 0

    @property
    def broken_off(self) -> bool:
        """Whether an answer has failed after its first token."""
        return any(failure.amid for failure in self.failures.values())

    @property
    def pointless(self) -> bool:
        """Whether asking further endpoints cannot help."""
        return sum(failure.blame is Blame.REQUEST for failure in self.failures.values()) >= OPINIONS

    def untried(self, key: Key) -> bool:
        """Whether an endpoint may be asked in this round."""
        return key not in self.failures and key not in self.passed_over

    def begin_round(self) -> None:
        """Ask those again whose failure may have passed."""
        self.rounds += 1
        self.failures = {key: failure for key, failure in self.failures.items() if not failure.passing}

    def used(self, tokens: int, cost: float | None) -> None:
        """Count what an attempt used."""
        self.tokens += tokens
        self.cost = None if cost is None or self.cost is None else self.cost + cost
