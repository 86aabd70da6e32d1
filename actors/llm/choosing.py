"""Whom to ask next: who has the model, by alias, tags, priority and weight; leaving out who is drained or has spent its day."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from actors.llm.attempts import Attempts, Key
from actors.llm.catalogue import Catalogue
from actors.llm.endpoint import Endpoint
from actors.llm.failure import Blame
from actors.llm.outliers import outliers
from actors.llm.settings import LlmSettings
from transport.errors import NotFound

LOOK_AGAIN_S = 1.0
"""How often outliers are looked for, in seconds."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint, and the model that it would be asked for."""

    endpoint: Endpoint
    model: str
    """What its breaker is called; "" where nothing is known of the endpoint's models yet."""

    wanted: str | None
    rank: int

    @property
    def key(self) -> Key:
        """What its attempts are remembered by."""
        return self.endpoint.name, self.wanted or ""


class Chooser:
    """Puts endpoints in order.

    Args:
        settings: of the actor.
        endpoints: the live list.
        catalogue: which models there are.
        now: seconds of a clock that only goes forward.
        today: the day (UTC) as ISO 8601, for budgets.
        chance: draws between equal ones.
    """

    def __init__(
        self,
        settings: LlmSettings,
        endpoints: Sequence[Endpoint],
        catalogue: Catalogue,
        *,
        now: Callable[[], float],
        today: Callable[[], str],
        chance: random.Random,
    ) -> None:
        self.settings = settings
        self.endpoints = endpoints
        self.catalogue = catalogue
        self.now = now
        self.today = today
        self.chance = chance
        self.ejected: set[str] = set()
        self.looked_at = float("-inf")

    def models(self, model: str | None) -> tuple[str | None, ...]:
        """The models that a name stands for."""
        return self.settings.aliases.get(model, (model,)) if model is not None else (None,)

    def groups(self, attempts: Attempts) -> list[list[Candidate]]:
        """Whom to ask: those that have the model, and when none of them can answer, where that is allowed, the others.

        Raises:
            NotFound: when none has it.
        """
        able = [endpoint for endpoint in self.endpoints if not endpoint.draining and self.can(endpoint, attempts)]
        having = [
            self.candidate(endpoint, model, rank, attempts)
            for rank, model in enumerate(attempts.models)
            for endpoint in able
            if model is None or self.catalogue.may_have(endpoint, model)
        ]
        if not having:
            raise NotFound(f"no endpoint has a model called {attempts.named!r}", detail={"param": "model"})

        # Endpoints that have refused, rather than failed, say something of the request that holds for the others too.
        refused = [attempts.failures.get(candidate.key) for candidate in having]
        if all(failure is not None and failure.blame is not Blame.ENDPOINT for failure in refused):
            return [having]

        if attempts.embedding or not self.settings.other_models:
            return [having]

        names = {candidate.endpoint.name for candidate in having}
        return [having, [self.candidate(endpoint, None, 0, attempts) for endpoint in able if endpoint.name not in names]]

    @staticmethod
    def can(endpoint: Endpoint, attempts: Attempts) -> bool:
        """Whether an endpoint can do what is asked for at all."""
        return not attempts.embedding or endpoint.dialect.embeds

    def candidate(self, endpoint: Endpoint, model: str | None, rank: int, attempts: Attempts) -> Candidate:
        """An endpoint as somebody to ask."""
        guessed = self.catalogue.guess(endpoint, model)
        return Candidate(endpoint, f"embed {guessed}" if attempts.embedding else guessed, model, rank)

    def in_order(self, group: Sequence[Candidate], attempts: Attempts) -> list[Candidate]:
        """Those of a group that may be asked now, the best first.

        By the alias's order, tags, ejection, priority; equal ones are drawn by weight (Efraimidis and Spirakis).
        """
        if attempts.pointless:
            return []

        today = self.today()
        ejected = self.outliers()
        untried = [one for one in group if attempts.untried(one.key) and not one.endpoint.spending.used_up(today)]
        return sorted(
            untried,
            key=lambda one: (
                one.rank,
                not attempts.tags.issubset(one.endpoint.settings.tags),
                one.endpoint.settings.priority,
                one.endpoint.name in ejected,
                -(self.chance.random() ** (1 / one.endpoint.settings.weight)),
            ),
        )

    def left_over(self, candidates: Sequence[Candidate], attempts: Attempts) -> list[Candidate]:
        """All who may still spend something today, also those who have failed or were passed over, the best first."""
        if attempts.pointless:
            return []

        today = self.today()
        unspent = [one for one in candidates if not one.endpoint.spending.used_up(today)]
        return sorted(unspent, key=lambda one: (one.rank, one.endpoint.settings.priority))

    def outliers(self) -> set[str]:
        """Who does worse than its equals, as was found a moment ago."""
        if self.now() >= self.looked_at + LOOK_AGAIN_S:
            self.looked_at = self.now()
            in_use = [endpoint for endpoint in self.endpoints if not endpoint.draining]
            self.ejected = {
                name for _, equals in groupby(in_use, lambda one: one.settings.priority) for name in outliers(list(equals))
            }

        return self.ejected
