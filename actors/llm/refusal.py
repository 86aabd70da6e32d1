"""What a caller is told when no endpoint answered: whose doing it was, why each endpoint did not, and when to come back.

Reasons hold neither secrets nor contents. What an endpoint said of the request goes to the one who made it, as `invalid`.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.llm.attempts import Attempts
from actors.llm.choosing import Candidate
from actors.llm.failure import Blame
from transport.errors import Invalid, LatticeError, NotFound, Unavailable

SOON_MS = 1000
"""When to come back where no breaker says anything else."""

TOMORROW_MS = 600_000
"""When to come back where all budgets of the day are used up: somebody may raise them before midnight."""

UNCONFIGURED = (
    "no model endpoint is configured: set OPENAI_API_KEY or ANTHROPIC_API_KEY, start Ollama on this machine, "
    "or add [[llm.endpoints]] with a name and a base_url to lattice.toml"
)


def refusal(attempts: Attempts, candidates: Sequence[Candidate], today: str) -> LatticeError:
    """The error that stands for all failures.

    Args:
        attempts: what was tried.
        candidates: all that could have been asked.
        today: the day (UTC) as ISO 8601, for budgets.
    """
    reasons = {candidate.endpoint.name: reason(candidate, attempts, today) for candidate in reversed(candidates)}
    reasons = dict(reversed(reasons.items()))
    detail = {"endpoints": reasons}
    failures = attempts.failures
    wrong = next((failure for failure in failures.values() if failure.blame is Blame.REQUEST), None)
    if wrong is not None:
        return Invalid(f"the model endpoint refuses the request: {wrong.told or wrong.reason}", detail=detail)

    if (
        attempts.named is not None
        and len(failures) == len(candidates)
        and all(f.blame is Blame.MODEL for f in failures.values())
    ):
        return NotFound(f"no endpoint has a model called {attempts.named!r}", detail={**detail, "param": "model"})

    summary = "; ".join(f"{name}: {why}" for name, why in reasons.items())
    return Unavailable(f"no model endpoint answers: {summary}"[:2000], retry_after_ms=wait_ms(candidates, today), detail=detail)


def reason(candidate: Candidate, attempts: Attempts, today: str) -> str:
    """Why one endpoint did not answer."""
    failure = attempts.failures.get(candidate.key)
    if failure is not None:
        return failure.reason

    endpoint = candidate.endpoint
    spent = endpoint.spending.used_up(today)
    if spent is not None:
        return spent

    if candidate.key in attempts.passed_over:
        return "not asked: others have failed there a moment ago, and the retry budget is used up"

    if endpoint.breakers.state(candidate.model) == "closed":
        return "not asked"

    return f"left alone for {endpoint.breakers.opens_in(candidate.model):.1f} s after: {endpoint.last_error}"


def wait_ms(candidates: Sequence[Candidate], today: str) -> int:
    """When it makes sense to come back."""
    usable = [candidate for candidate in candidates if not candidate.endpoint.spending.used_up(today)]
    if not usable:
        return TOMORROW_MS

    waits = [one.endpoint.breakers.opens_in(one.model) for one in usable if one.endpoint.breakers.state(one.model) != "closed"]
    return max(int(min(waits) * 1000), 100) if len(waits) == len(usable) else SOON_MS
