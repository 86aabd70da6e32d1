"""An endpoint as it stands, for those who look."""

from __future__ import annotations

from actors.llm.endpoint import Endpoint
from actors.llm.messages import EndpointState


def standing(endpoint: Endpoint, *, models: tuple[str, ...], ejected: bool, today: str) -> EndpointState:
    """Its state: neither keys nor contents.

    Args:
        endpoint: which.
        models: those that are known.
        ejected: whether it is asked after its equals.
        today: the day (UTC) as ISO 8601, for its budget.
    """
    settings = endpoint.settings
    return EndpointState(
        name=endpoint.name,
        dialect=settings.dialect,
        base_url=settings.base_url,
        models=models,
        priority=settings.priority,
        weight=settings.weight,
        breaker=endpoint.breakers.state(),
        in_flight=endpoint.in_flight,
        calls=endpoint.calls,
        failures=endpoint.failures,
        last_error=endpoint.last_error,
        tags=settings.tags,
        breakers=endpoint.breakers.broken(),
        state="draining" if endpoint.draining else "in_use",
        ejected=ejected,
        limit=endpoint.concurrency.limit,
        first_token_p50_ms=milliseconds(endpoint.latest.percentile(0.5)),
        first_token_p95_ms=milliseconds(endpoint.latest.percentile(0.95)),
        budget=endpoint.spending.budget(today),
    )


def milliseconds(seconds: float | None) -> float | None:
    """Rounded for people."""
    return None if seconds is None else round(seconds * 1000, 1)
