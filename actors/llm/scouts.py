"""Scouts: of many callers that come over from an endpoint that failed, a few go ahead, and the others wait for their news.

So a burst finds the sound endpoint, and no storm comes over endpoints that are all down. How many go ahead where nothing is
known is the retry budget's to say. Once the next endpoint has shown that it is sound all go, for then the load is only moved.
"""

from __future__ import annotations

from typing import Literal

from actors.llm.attempts import Attempts, Key
from actors.llm.endpoint import Endpoint
from actors.llm.evidence import LOOK_AGAIN
from actors.llm.retries import RetryBudget

Passage = Literal["go", "wait", "no"]


def passage(endpoint: Endpoint, key: Key, attempts: Attempts, retries: RetryBudget) -> Passage:
    """Whether a request that failed elsewhere may be taken to this endpoint now, or after those who are finding out."""
    evidence, now = endpoint.evidence, endpoint.now()
    waits_since = attempts.waits_since.get(key)
    waited_s = 0.0 if waits_since is None else now - waits_since
    if is_sound(endpoint, attempts, waited_s):
        return "go"

    calls = endpoint.in_flight if attempts.broken_off else evidence.unanswered
    finding_out = calls and waited_s <= 2 * allowance_s(endpoint, attempts)
    if waits_since is None or not finding_out:
        # Those who wait do not go after the scouts one by one: silence tells nothing, and lasts for as long as it may.
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

    One that has answered late is asked by everybody; one that some listen to beyond its allowance is waited for by those whom
    another has failed: a request that finds all breakers open does not wait for what may never speak. Those of a crowd whose
    allowance was up first have left while there seemed to be somebody else: they wait for those who came after them, too.
    """
    evidence = endpoint.evidence
    if evidence.late and key not in attempts.patient:
        return "go"

    listened_to = evidence.listened_to or (key in attempts.not_waited_out and evidence.unanswered)
    return "wait" if listened_to and attempts.let_down else "no"


def may_leave_for(endpoint: Endpoint, attempts: Attempts, retries: RetryBudget) -> bool:
    """Whether who still listens elsewhere should go there: where it has not answered since the request came, only as a scout.

    A scout's call is taken from the budget as it leaves. Of a crowd whose allowance is up in one moment all would find room for
    one, and nobody would be left who listens. Where the budget is used up one goes all the same to an endpoint of which nothing
    is known, if nobody is on the way there: else a silent endpoint would cost more than its allowance where the next is sound.
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
    """Whether an endpoint has shown, since the request came, that it does what failed elsewhere.

    What it did before does not count: where all fail at once, all did well a moment ago. To those whom silence or an error has
    sent, a first token shows it. To those whose answer broke off, only the end of one: for a tenth of the allowance, after
    which tokens that go on coming are enough.
    """
    evidence = endpoint.evidence
    if not attempts.broken_off:
        return evidence.answers_since(attempts.since)

    step_s = look_again_s(endpoint, attempts)
    return evidence.finishes_since(attempts.since) or (waited_s >= step_s and evidence.goes_on_since(endpoint.now() - step_s))


def look_again_s(endpoint: Endpoint, attempts: Attempts) -> float:
    """How long those who wait do so without looking, where there is no news."""
    return LOOK_AGAIN * allowance_s(endpoint, attempts)


def allowance_s(endpoint: Endpoint, attempts: Attempts) -> float:
    """Within what time the scouts bring news."""
    settings = endpoint.settings
    return settings.between_tokens_timeout_s if attempts.broken_off else settings.first_token_timeout_s
