"""Scouts: of many callers whose endpoint failed, a few go ahead to the next one, and the others wait for their news.

So a burst finds the sound endpoint, and does not run over one endpoint after the other when all are down. While nothing is
known of the next endpoint, the retry budget decides how many go ahead. Once it has shown that it is sound, all go: then the
load only moves.
"""

from __future__ import annotations

from typing import Literal

from actors.llm.attempts import Attempts, Key
from actors.llm.endpoint import Endpoint
from actors.llm.evidence import LOOK_AGAIN
from actors.llm.retries import RetryBudget

Passage = Literal["go", "wait", "no"]


def passage(endpoint: Endpoint, key: Key, attempts: Attempts, retries: RetryBudget) -> Passage:
    """Whether a request that failed elsewhere may go to this endpoint now, or waits for the scouts that are there already."""
    evidence, now = endpoint.evidence, endpoint.now()
    waits_since = attempts.waits_since.get(key)
    waited_s = 0.0 if waits_since is None else now - waits_since
    if is_sound(endpoint, attempts, waited_s):
        return "go"

    calls = endpoint.in_flight if attempts.broken_off else evidence.unanswered
    finding_out = calls and waited_s <= 2 * allowance_s(endpoint, attempts)
    if waits_since is None or not finding_out:
        # While a scout is there, nobody follows it: its silence says nothing yet, and may last for as long as the allowance.
        unknown = evidence.answered_at >= evidence.failed_at and not finding_out
        if attempts.leave_paid or retries.take() or unknown:
            attempts.leave_paid = False
            return "go"

    if not finding_out:
        return "no"

    attempts.waits_since.setdefault(key, now)
    return "wait"


def last_resort(endpoint: Endpoint, key: Key, attempts: Attempts) -> Passage:
    """Whether an endpoint that is slower than its allowance may be asked, or waited for, where nobody else is left.

    An endpoint that has answered late is asked by everybody. One to which some calls still listen beyond its allowance is
    waited for, but only by requests that another endpoint has failed: a request that has just come and finds all breakers open
    does not wait for an endpoint that may never speak. Calls that gave up on it first, while there still seemed to be somebody
    else, wait for it too.
    """
    evidence = endpoint.evidence
    if evidence.late and key not in attempts.patient:
        return "go"

    listened_to = evidence.listened_to or (key in attempts.not_waited_out and evidence.unanswered)
    return "wait" if listened_to and attempts.let_down else "no"


def may_leave_for(endpoint: Endpoint, attempts: Attempts, retries: RetryBudget) -> bool:
    """Whether a call that still listens to a slow endpoint should leave it for this one.

    It should if this endpoint has answered since the request came. Otherwise the call goes as a scout, and is taken from the
    retry budget as it leaves: the allowance of a whole crowd may be up at the same moment, and if all left for the place of one
    scout, nobody would be left who listens. Where the budget is used up, one call goes all the same to an endpoint of which
    nothing is known and to which nobody is on the way. Otherwise a silent endpoint would cost more than its allowance though
    the next one is sound.
    """
    evidence = endpoint.evidence
    if attempts.leave_paid or evidence.answers_since(attempts.since):
        return True

    free = evidence.answered_at >= evidence.failed_at and not evidence.unanswered and not evidence.expected
    attempts.leave_paid = (retries.has_room() and retries.take()) or free
    if attempts.leave_paid:
        evidence.expect(look_again_s(endpoint, attempts))

    return attempts.leave_paid


def is_sound(endpoint: Endpoint, attempts: Attempts, waited_s: float) -> bool:
    """Whether an endpoint has shown, since the request came, that it can do what failed elsewhere.

    What it did before does not count: when all fail at once, all did well a moment ago. For a request that met silence or an
    error, a first token is enough. For one whose answer broke off, an answer must have come to its end; after a tenth of the
    allowance, tokens that go on coming are enough.
    """
    evidence = endpoint.evidence
    if not attempts.broken_off:
        return evidence.answers_since(attempts.since)

    step_s = look_again_s(endpoint, attempts)
    return evidence.finishes_since(attempts.since) or (waited_s >= step_s and evidence.goes_on_since(endpoint.now() - step_s))


def look_again_s(endpoint: Endpoint, attempts: Attempts) -> float:
    """How long those who wait for a scout do so before they look again, where there is no news."""
    return LOOK_AGAIN * allowance_s(endpoint, attempts)


def allowance_s(endpoint: Endpoint, attempts: Attempts) -> float:
    """Within what time the scouts bring news."""
    settings = endpoint.settings
    return settings.between_tokens_timeout_s if attempts.broken_off else settings.first_token_timeout_s
