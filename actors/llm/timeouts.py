"""The time that one attempt at an endpoint may take, phase by phase."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors.llm.failure import Blame, Failure
from actors.llm.settings import EndpointSettings

AFTER_FINISH_S = 1.0
"""How long an answer that is complete waits for its token counts and its end mark."""


LATE_S = 0.02
"""A loop that notices a time so much too late is busy."""


class Timeouts:
    """The time limits of one attempt, all within the caller's deadline. `at` is when the present one is up.

    Args:
        settings: the endpoint's.
        deadline: of the caller, in the loop's time.
        overdue: asked when the first token's allowance is up: for how many seconds more it is waited for.
    """

    def __init__(self, settings: EndpointSettings, deadline: float | None, overdue: Callable[[], float] = lambda: 0.0) -> None:
        self.settings = settings
        self.overdue = overdue
        self.now = asyncio.get_running_loop().time
        self.deadline = float("inf") if deadline is None else deadline
        self.total_at = self.now() + settings.total_timeout_s
        self.phase = f"no token within {settings.first_token_timeout_s:g} s"
        self.phase_at = self.now() + settings.first_token_timeout_s
        self.excused = float("nan")
        self.whole_excused = False
        self.silent = True
        """No token has come yet."""

    def excuse(self) -> bool:
        """Whether time was up only because this process was busy. Then what has come meanwhile is still to be read.

        A limit that is noticed late was not watched. So it is lengthened by as much as it was noticed late, once for each phase
        and once for the whole.
        """
        at = self.at()
        late = self.now() - at
        if (
            late < LATE_S
            or self.excused == self.phase_at
            or at == self.deadline
            or (at == self.total_at and self.whole_excused)
        ):
            return False

        self.whole_excused = self.whole_excused or at == self.total_at

        self.phase_at += late + LATE_S
        self.total_at += late + LATE_S
        self.excused = self.phase_at
        return True

    def prolonged(self) -> bool:
        """Whether it is listened on though time is up."""
        if self.excuse():
            return True

        if not self.silent or self.at() != self.phase_at:
            return False

        more_s = self.overdue()
        self.phase_at = self.now() + more_s
        return more_s > 0

    def at(self) -> float:
        """When the present limit is up, in the loop's time."""
        return min(self.phase_at, self.total_at, self.deadline)

    def token(self) -> None:
        """A token has come; the next has its own time."""
        self.silent = False
        self.phase = f"no further token within {self.settings.between_tokens_timeout_s:g} s"
        self.phase_at = self.now() + self.settings.between_tokens_timeout_s

    def no_stream(self) -> None:
        """The answer comes as one body, which has the first token's time as a whole."""
        self.phase = f"no whole answer within {self.settings.first_token_timeout_s:g} s"

    def list_of_models(self, timeout_s: float) -> None:
        """The answer is the list of models, which has so long as a whole: the endpoint's time, and no caller's."""
        self.phase = f"no list of models within {timeout_s:g} s"
        self.phase_at = self.now() + timeout_s
        self.total_at = float("inf")

    def finished(self) -> None:
        """The answer is complete, be it without a word."""
        self.silent = False
        self.phase_at = self.now() + min(AFTER_FINISH_S, self.settings.between_tokens_timeout_s)

    def failure(self) -> Failure:
        """What it means that time is up."""
        at = self.at()
        if at == self.deadline:
            return Failure("the caller's time was up", blame=Blame.CALLER)

        if at == self.total_at:
            return Failure(f"not finished within {self.settings.total_timeout_s:g} s")

        return Failure(self.phase, overload=True, silent=self.silent)
