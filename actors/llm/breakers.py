"""An endpoint's breakers: one for the endpoint as a whole, and one for each model that was asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from actors.llm.breaker import Breaker, BreakerState, Permit
from actors.llm.failure import Failure
from actors.llm.settings import BreakerSettings

MODELS_KEPT = 64
"""Callers name models as they like; who has not failed is forgotten first."""

WORSE = ("closed", "half_open", "open")


@dataclass(slots=True)
class Leave:
    """Leave to ask an endpoint for a model: of both breakers. Exactly one of its ends is told."""

    whole: Permit
    model: Permit

    def first_token(self) -> None:
        """A first token has come: the endpoint answers."""
        self.whole.first_token()
        self.model.first_token()

    def succeeded(self) -> None:
        """The call came to its end, or to a refusal that the endpoint had every right to."""
        self.whole.succeeded()
        self.model.succeeded()

    def failed(self, failure: Failure, *, silent: bool = False, amid_answers: bool = False) -> None:
        """The endpoint failed: as a whole, or with this model.

        `silent`: it has said nothing to anybody meanwhile. `amid_answers`: it was silent to this call alone.
        """
        if failure.everywhere:
            self.model.abandoned()
            self.whole.failed(failure.retry_after_s, silent=silent, amid_answers=amid_answers)
        else:
            self.model.failed(failure.retry_after_s, silent=silent, amid_answers=amid_answers)
            self.whole.abandoned()

    def abandoned(self) -> None:
        """The call ended without saying anything about the endpoint."""
        self.whole.abandoned()
        self.model.abandoned()


class Breakers:
    """All breakers of one endpoint.

    Args:
        settings: their thresholds.
        now: seconds of a clock that only goes forward.
        changed: called when one may have opened.
    """

    def __init__(self, settings: BreakerSettings, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self.settings = settings
        self.now = now
        self.changed = changed
        self.whole = Breaker(settings, now, changed)
        self.models: dict[str, Breaker] = {}

    def enter(self, model: str) -> Leave | None:
        """Leave to ask for a model now, or None."""
        whole = self.whole.enter()
        permit = self.of(model).enter() if whole is not None else None
        return Leave(whole, permit) if whole is not None and permit is not None else None

    def beside(self, model: str) -> Leave:
        """Leave to ask for a model though a breaker is open; what comes of it tells the breakers nothing."""
        leave = Leave(Permit(self.whole, self.whole.generation, probe=False), Permit(self.of(model), 0, probe=False))
        leave.abandoned()
        return leave

    def of(self, model: str) -> Breaker:
        """The breaker of a model."""
        known = self.models.get(model)
        if known is None:
            if len(self.models) >= MODELS_KEPT:
                closed = next((name for name, one in self.models.items() if one.state == "closed"), next(iter(self.models)))
                del self.models[closed]

            known = self.models[model] = Breaker(self.settings, self.now, self.changed)

        return known

    def state(self, model: str | None = None) -> BreakerState:
        """That of the endpoint as a whole, or of one of its models where that is worse; without a model, the worst of all."""
        if model is not None:
            known = self.models.get(model)
            states = [self.whole.state, known.state if known is not None else "closed"]
        else:
            states = [self.whole.state, *(one.state for one in self.models.values())]

        return max(states, key=WORSE.index)

    def opens_in(self, model: str) -> float:
        """Seconds until both are probed."""
        known = self.models.get(model)
        return max(self.whole.opens_in(), known.opens_in() if known is not None else 0.0)

    def open_for(self, model: str) -> list[Breaker]:
        """Those that keep calls for a model out."""
        return [one for one in (self.whole, self.models.get(model)) if one is not None and one.open_until is not None]

    def broken(self) -> dict[str, BreakerState]:
        """The models whose breaker is not closed."""
        return {model: state for model, one in self.models.items() if (state := one.state) != "closed"}

    def all(self) -> Iterator[tuple[str | None, Breaker]]:
        """Every breaker with its model; None: the whole's."""
        yield None, self.whole
        yield from self.models.items()
