"""What a caller is told when no endpoint answered: whose doing it was, why each endpoint did not, and when to come back.

Reasons hold neither secrets nor contents. What an endpoint said of the request goes to the one who made it, as `invalid`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.llm.endpoint import Endpoint
from actors.llm.failure import Blame, Failure
from transport.errors import Invalid, LatticeError, NotFound, Unavailable

SOON_MS = 1000
"""When to come back where no breaker says anything else."""

UNCONFIGURED = (
    "no model endpoint is configured: set OPENAI_API_KEY or ANTHROPIC_API_KEY, start Ollama on this machine, "
    "or add [[llm.endpoints]] with a name and a base_url to lattice.toml"
)


def refusal(model: str | None, failures: Mapping[str, Failure], endpoints: Sequence[Endpoint]) -> LatticeError:
    """The error that stands for all failures.

    Args:
        model: what was asked for.
        failures: of those that were asked, by endpoint.
        endpoints: all that could have been asked.
    """
    reasons = {endpoint.name: reason(endpoint, failures.get(endpoint.name)) for endpoint in endpoints}
    detail = {"endpoints": reasons}
    wrong = next((failure for failure in failures.values() if failure.blame is Blame.REQUEST), None)
    if wrong is not None:
        return Invalid(f"the model endpoint refuses the request: {wrong.told or wrong.reason}", detail=detail)

    if model is not None and len(failures) == len(endpoints) and all(f.blame is Blame.MODEL for f in failures.values()):
        return NotFound(f"no endpoint has a model called {model!r}", detail=detail)

    summary = "; ".join(f"{name}: {why}" for name, why in reasons.items())
    waits = [endpoint.breaker.opens_in() for endpoint in endpoints if endpoint.breaker.state != "closed"]
    retry_after_ms = max(int(min(waits) * 1000), 100) if len(waits) == len(endpoints) and waits else SOON_MS
    return Unavailable(f"no model endpoint answers: {summary}"[:2000], retry_after_ms=retry_after_ms, detail=detail)


def reason(endpoint: Endpoint, failure: Failure | None) -> str:
    """Why one endpoint did not answer."""
    if failure is not None:
        return failure.reason

    if endpoint.breaker.state == "closed":
        return "not asked"

    return f"left alone for {endpoint.breaker.opens_in():.1f} s after: {endpoint.last_error}"
