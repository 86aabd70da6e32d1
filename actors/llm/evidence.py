"""What is known of whether an endpoint is sound just now, and how callers wait for those who went before them to find out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PROOF_S = 2.0
"""For how long an answer shows that an endpoint is sound."""

PATIENCE = 2
"""How many times its allowance the only endpoint is listened to, and any endpoint by its probes."""

LOOK_AGAIN = 0.1
"""The share of an endpoint's allowance after which tokens that go on coming are proof enough that it is sound, though no answer
has come to its end: so a fault costs the allowance and a tenth."""

HEAR_PROBE = 0.25
HEAR_PROBE_S = 0.3
"""How long a call that finds nobody to ask waits for a probe: this share of the allowance, so many seconds at most."""

NEVER = float("-inf")


class Evidence:
    """An endpoint's latest good and bad news.

    Args:
        now: seconds of a clock that only goes forward.
        goes_on_s: a token that comes so long after the first one of its answer shows that answers go on.
    """

    def __init__(self, now: Callable[[], float], *, goes_on_s: float) -> None:
        self.now = now
        self.goes_on_s = goes_on_s
        self.answered_at = NEVER
        """When a first token came."""

        self.went_on_at = NEVER
        """When a token came that showed that answers go on."""

        self.finished_at = NEVER
        """When an answer came to its end."""

        self.failed_at = NEVER
        self.late = False
        """It has answered, though only after its allowance; and nothing else has gone wrong since."""

        self.listened_to = 0
        """Calls that are beyond their allowance and go on all the same, since there is nobody else to ask."""

        self.heard_out = False
        """A call was listened to beyond its allowance to the end, in vain, and no call has been answered since. An answer to a
        probe does not count: an endpoint that answers its probes and nobody else would cost every crowd twice the allowance."""

        self.unanswered = 0
        """Calls that wait for their first token, and so find out whether it is sound."""

        self.expected_until = NEVER
        """Somebody has left another endpoint to find out about this one, and should have begun by then."""

        self.waiting: set[asyncio.Future[None]] = set()

    @property
    def expected(self) -> bool:
        """Whether somebody is on the way to find out."""
        return self.now() < self.expected_until

    def expect(self, seconds: float) -> None:
        """Somebody leaves another endpoint to find out about this one."""
        self.expected_until = self.now() + seconds

    @property
    def proven(self) -> bool:
        """Whether it answered a moment ago, and has not failed since."""
        return self.answers_since(self.now() - PROOF_S)

    def answers_since(self, then: float) -> bool:
        """Whether it has answered since then, and has not failed after that."""
        return self.answered_at > self.failed_at and self.answered_at >= then

    def finishes_since(self, then: float) -> bool:
        """Whether an answer of its came to its end since then, and none has failed after that."""
        return self.finished_at > self.failed_at and self.finished_at >= then

    def goes_on_since(self, then: float) -> bool:
        """Whether an answer has gone on since then, and none has failed after that."""
        return self.went_on_at > self.failed_at and self.went_on_at >= then

    def asked(self) -> None:
        """A call begins, whose first token is waited for."""
        self.unanswered += 1

    def left(self) -> None:
        """A call has ended, or was answered: its first token is waited for no more."""
        self.unanswered -= 1
        self.tell()

    def answered(self) -> None:
        """A first token has come."""
        self.answered_at = self.now()
        self.tell()

    def went_on(self, spoken_s: float) -> None:
        """A further token has come, so long after the first one of its answer."""
        if spoken_s >= self.goes_on_s:
            self.went_on_at = self.now()

    def finished(self) -> None:
        """An answer has come to its end."""
        self.finished_at = self.now()
        self.tell()

    def doubtful(self) -> None:
        """A connection that had been kept was closed: what was heard before tells nothing of how it is now."""
        self.answered_at = self.went_on_at = self.finished_at = NEVER
        self.tell()

    def failed(self) -> None:
        """A call has failed."""
        self.failed_at = self.now()
        self.late = False
        self.tell()

    def overdue(self) -> None:
        """A call has failed by its allowance, and goes on all the same."""
        self.failed_at = self.now()
        self.listened_to += 1
        self.tell()

    def failed_late(self, *, heard_out: bool) -> None:
        """A call that went on beyond its allowance has failed; `heard_out`, where nothing came of it to the end."""
        self.heard_out = self.heard_out or heard_out
        self.failed()

    def spoke(self) -> None:
        """A call has its first token, be it late."""
        self.heard_out = False

    def answered_late(self) -> None:
        """A first token has come after its allowance."""
        self.late = True
        self.tell()

    def left_late(self) -> None:
        """A call that went on beyond its allowance has ended, or was answered."""
        self.listened_to -= 1

    def tell(self) -> None:
        """Wake whoever waits for news."""
        waiting, self.waiting = self.waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def news(self, until: float) -> None:
        """Wait for the next news, until then at most (in the loop's time)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.add(future)
        try:
            async with asyncio.timeout_at(until):
                await future
        except TimeoutError:
            return
        finally:
            self.waiting.discard(future)
