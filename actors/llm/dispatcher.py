"""Whom a request is taken to next: who has a breaker closed, and room, and is within the retry budget; and whom to wait for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.llm.attempt import Attempt
from actors.llm.attempts import Attempts
from actors.llm.breakers import Leave
from actors.llm.catalogue import Catalogue
from actors.llm.choosing import Candidate, Chooser
from actors.llm.endpoint import Endpoint
from actors.llm.evidence import PATIENCE
from actors.llm.ledger import PROBES
from actors.llm.line import Line, Place
from actors.llm.messages import Usage
from actors.llm.probing import Prober
from actors.llm.refusal import UNCONFIGURED, refusal
from actors.llm.retries import RetryBudget
from actors.llm.scouts import last_resort, look_again_s, may_leave_for, passage
from actors.llm.settings import LlmSettings
from transport.errors import DeadlineExceeded, NotFound, Overloaded, Unavailable


@dataclass(frozen=True, slots=True)
class Full:
    """Nobody can be asked now; these could, if they had room."""

    endpoints: Sequence[Endpoint]


@dataclass(frozen=True, slots=True)
class News:
    """Nobody can be asked now; a scout, a probe or an earlier call is about to find out whether this one can."""

    endpoint: Endpoint
    seconds: float
    """For how long that is waited for."""


class Dispatcher:
    """Finds the next endpoint for a request, and leave to ask it.

    Args:
        settings: of the actor.
        endpoints: the live list.
        chooser: puts them in order.
        catalogue: which models there are.
        prober: asks those that nothing is known of.
        retries: the budget.
        line: where callers wait for room.
        now: seconds of a clock that only goes forward.
        today: the day (UTC) as ISO 8601.
        chance: draws pauses.
        used: called with a request, an endpoint, a model and what was used of it.
    """

    def __init__(
        self,
        settings: LlmSettings,
        endpoints: Sequence[Endpoint],
        chooser: Chooser,
        catalogue: Catalogue,
        prober: Prober,
        *,
        retries: RetryBudget,
        line: Line,
        now: Callable[[], float],
        today: Callable[[], str],
        chance: random.Random,
        used: Callable[[Attempts, Endpoint, str, Usage], None],
    ) -> None:
        self.settings = settings
        self.endpoints = endpoints
        self.chooser = chooser
        self.catalogue = catalogue
        self.prober = prober
        self.retries = retries
        self.line = line
        self.now = now
        self.today = today
        self.chance = chance
        self.used = used

    async def choose(self, attempts: Attempts) -> Attempt:
        """The next endpoint to ask, and leave to ask it.

        Raises:
            LatticeError: when there is none; see `generate`.
        """
        if not self.endpoints:
            raise Unavailable(UNCONFIGURED)

        patience = min(asyncio.get_running_loop().time() + self.settings.queue_timeout_s, attempts.until)
        with self.line.place(attempts.lane) as place:
            while True:
                groups = self.chooser.groups(attempts)
                may = self.pick(groups, attempts) or self.recovering(groups, attempts)
                if not isinstance(may, Attempt):
                    self.line.pass_on(place)

                if may is None:
                    if await self.another_round(attempts):
                        continue

                    may = self.last_resort(groups, attempts)

                match may:
                    case Attempt() as attempt:
                        place.taken = attempt.endpoint
                        return attempt
                    case News(endpoint, seconds):
                        await self.hear_of(endpoint, seconds, attempts)
                    case Full(endpoints):
                        await self.stand_in_line(place, endpoints, patience, attempts)
                    case None:
                        raise refusal(attempts, [candidate for group in groups for candidate in group], self.today())

    @staticmethod
    async def hear_of(scouted: Endpoint, seconds: float, attempts: Attempts) -> None:
        """Wait for news of an endpoint, for so long at most."""
        loop = asyncio.get_running_loop()
        await scouted.evidence.news(min(loop.time() + seconds, attempts.until))
        if loop.time() >= attempts.until:
            raise DeadlineExceeded

    async def stand_in_line(self, place: Place, full: Sequence[Endpoint], patience: float, attempts: Attempts) -> None:
        """Wait for somebody who is full to have room."""
        if not await self.line.wait(place, full, patience):
            if patience == attempts.until:
                raise DeadlineExceeded

            raise Overloaded("every model endpoint has its hands full", retry_after_ms=1000, detail={"models": True})

    def pick(self, groups: list[list[Candidate]], attempts: Attempts) -> Attempt | News | Full | None:
        """The best of those that may be asked now. Without one: whose news, or whose room is to be waited for."""
        for group in groups:
            full = []
            for candidate in self.chooser.in_order(group, attempts):
                endpoint = candidate.endpoint
                if endpoint.breakers.state(candidate.model) != "closed":
                    continue

                if not endpoint.has_room:
                    full.append(endpoint)
                    continue

                may = passage(endpoint, candidate.key, attempts, self.retries) if attempts.is_retry else "go"
                if may == "wait":
                    return News(endpoint, look_again_s(endpoint, attempts))

                if may == "no":
                    attempts.passed_over.add(candidate.key)
                elif (leave := endpoint.breakers.enter(candidate.model)) is not None:
                    return self.attempt(candidate, leave, attempts)

            if full:
                return Full(full)

        return None

    def recovering(self, groups: list[list[Candidate]], attempts: Attempts) -> News | None:
        """Who may be back, and is probed: every endpoint is closed to this request.

        All requests wait for the same probe, each for a moment only: where all are down they are to hear it soon. Nobody waits
        for a probe of one that answers late: it is asked itself, as the last resort.
        """
        now = self.now()
        if attempts.probes_until is not None and attempts.probes_until <= now:
            return None

        untried = [one for group in groups for one in self.chooser.in_order(group, attempts)]
        shut = [one for one in untried if not one.endpoint.evidence.late]
        self.probe_early(shut, attempts)
        probed = ((self.prober.outcome_in(one.endpoint, one.model), one.endpoint) for one in shut)
        seconds, endpoint = max(probed, key=lambda it: it[0], default=(0.0, None))
        if endpoint is None or not seconds:
            return None

        if attempts.probes_until is None:
            attempts.probes_until = now + seconds

        return News(endpoint, min(seconds, attempts.probes_until - now))

    def probe_early(self, shut: Sequence[Candidate], attempts: Attempts) -> None:
        """Have one of those that are left alone probed now, that which has been so for longest: it is most likely to be back.

        The probe stands for a call that the request would have made: where it has made none yet it is free, else it comes from
        the retry budget. While a request waits for one it has no other made: with all down each caller costs one at most.
        """
        ready = [one for one in shut if self.prober.may_bring_forward(one.endpoint, one.model)]
        if ready and attempts.probes_until is None and (not attempts.tally.attempts or self.retries.take()):
            longest = min(ready, key=lambda one: max(it.opened_at for it in one.endpoint.breakers.open_for(one.model)))
            self.prober.bring_forward(longest.endpoint, longest.model)

    def last_resort(self, groups: list[list[Candidate]], attempts: Attempts) -> Attempt | News | Full | None:
        """Who is slower than its allowance, and answers: nobody else is left."""
        full = []
        for candidate in self.chooser.left_over([candidate for group in groups for candidate in group], attempts):
            endpoint = candidate.endpoint
            match last_resort(endpoint, candidate.key, attempts):
                case "go" if endpoint.has_room:
                    attempts.patient.add(candidate.key)
                    return self.attempt(candidate, endpoint.breakers.beside(candidate.model), attempts, patient=True)
                case "go":
                    full.append(endpoint)
                case "wait":
                    return News(endpoint, look_again_s(endpoint, attempts))
                case "no":
                    continue

        return Full(full) if full else None

    def second(self, first: Attempt, attempts: Attempts) -> Attempt | None:
        """Whom a slow answer is hedged with: somebody who is free and sound, if the retry budget has room."""
        for candidate in self.chooser.in_order(self.having(attempts), attempts):
            if candidate.key == first.key or not candidate.endpoint.has_room:
                continue

            if candidate.endpoint.breakers.state(candidate.model) == "closed" and self.retries.take():
                leave = candidate.endpoint.breakers.enter(candidate.model)
                return None if leave is None else self.attempt(candidate, leave, attempts)

        return None

    def attempt(self, candidate: Candidate, leave: Leave, attempts: Attempts, *, patient: bool = False) -> Attempt:
        """An attempt at an endpoint."""
        return Attempt(
            candidate.endpoint,
            leave,
            candidate.key,
            candidate.wanted,
            self.catalogue,
            attempts.tally,
            attempts.deadline,
            used=lambda endpoint, model, usage: self.used(attempts, endpoint, model, usage),
            left=lambda: self.line.room_at(candidate.endpoint),
            silent=lambda attempt: self.look_ahead(attempt, attempts),
            patience_s=lambda attempt: self.patience_s(attempt, attempts),
            patient=patient,
            foreground=attempts.lane == "fg",
        )

    def patience_s(self, attempt: Attempt, attempts: Attempts) -> float | None:
        """For how many seconds more an endpoint may be listened to beyond its allowance; None: there is somebody else to ask.

        At most as long as asking all endpoints in turn might have taken, or twice the allowance where there is only one. It is
        tried once: until a call has been answered after all, the allowance is all that the endpoint gets.
        """
        if attempt.endpoint.evidence.heard_out:
            return 0.0

        allowances = {attempt.endpoint.name: attempt.endpoint.settings.first_token_timeout_s}
        longest_s = PATIENCE * allowances[attempt.endpoint.name]
        try:
            groups = self.chooser.groups(attempts)
        except NotFound:
            # Whoever has the model was removed meanwhile.
            groups = []

        allowances |= {one.endpoint.name: one.endpoint.settings.first_token_timeout_s for group in groups for one in group}
        elsewhere = any(
            candidate.key != attempt.key
            and candidate.endpoint.breakers.state(candidate.model) == "closed"
            and may_leave_for(candidate.endpoint, attempts, self.retries)
            for group in groups
            for candidate in self.chooser.in_order(group, attempts)
        )
        if not elsewhere:
            others = [one for group in groups for one in self.chooser.in_order(group, attempts) if one.key != attempt.key]
            self.probe_early(others, attempts)

        since = attempt.began if attempts.broken_off else attempts.since
        until = since + max(sum(allowances.values()), longest_s)
        return None if elsewhere else until - self.now()

    async def another_round(self, attempts: Attempts) -> bool:
        """Whether those whose failure may have passed are asked again: within the budget, after a pause (full jitter)."""
        retry = self.settings.retry
        passing = any(failure.passing for failure in attempts.failures.values())
        if attempts.rounds >= retry.rounds or not passing or attempts.passed_over or not self.retries.take():
            return False

        pause = self.chance.uniform(0, min(retry.base_s * 2**attempts.rounds, retry.max_s))
        if attempts.deadline is not None and asyncio.get_running_loop().time() + pause >= attempts.deadline:
            return False

        await asyncio.sleep(pause)
        attempts.begin_round()
        return True

    def look_ahead(self, silent: Attempt, attempts: Attempts) -> None:
        """Many wait for an endpoint that is silent: whether the others answer is found out meanwhile, by a probe of each."""
        here = silent.endpoint.evidence
        crowd = here.unanswered > self.settings.retry.at_least_per_s and here.answered_at < silent.began
        if not crowd or attempts.lane == "bg" or attempts.embedding or self.settings.probe != "generate":
            return

        for candidate in self.chooser.in_order(self.having(attempts), attempts):
            endpoint = candidate.endpoint
            known = endpoint.evidence.unanswered or endpoint.evidence.answers_since(silent.began)
            if known or endpoint.breakers.state(candidate.model) != "closed":
                continue

            if self.retries.take() and (leave := endpoint.breakers.enter(candidate.model)) is not None:
                # It goes nowhere else, and takes nothing from the budget for that.
                nobodys = Attempts(
                    (candidate.wanted,), None, since=self.now(), named=attempts.named, namespace=PROBES, leave_paid=True
                )
                self.prober.scout(self.attempt(candidate, leave, nobodys))

    def having(self, attempts: Attempts) -> list[Candidate]:
        """Those that have the model by now; none where they were removed while a call is in flight there, which is finished."""
        try:
            return self.chooser.groups(attempts)[0]
        except NotFound:
            return []

    def look_at_all(self) -> None:
        """One endpoint is silent: whether the others live is asked meanwhile, so that nobody waits for each of them in turn."""
        for endpoint in self.endpoints:
            if not (endpoint.draining or endpoint.evidence.proven) and endpoint.breakers.whole.state == "closed":
                endpoint.pulse.check()
