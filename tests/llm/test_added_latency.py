"""What a fault of the first endpoint adds to an answer: at most the allowance for a first token, and a tenth of it."""

import time

import pytest

from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from tests.llm.faults import FAULTS, addresses

ALLOWANCE_S = 1.0
TIMES = {
    "connect_timeout_s": ALLOWANCE_S,
    "first_token_timeout_s": ALLOWANCE_S,
    "between_tokens_timeout_s": ALLOWANCE_S,
    "total_timeout_s": 10.0,
}
TRIES = 3
MORE_TRIES = 8
"""The quickest counts: a machine with other work adds what it likes, and takes nothing away."""

SLOW = ("hang at connect", "hang before the first token", "hang before the headers", "hang in the middle", "one byte a second")


async def took(stream: bool, first: str, second: str) -> float:
    """Seconds to the end of an answer, the first endpoint being asked for the first time."""
    async with routing(endpoint("a", first, **TIMES), endpoint("b", second, priority=1, **TIMES)) as router:
        began = time.monotonic()
        text, reply = await answer(router, ask(stream=stream))
        assert (text, reply.choices[0].finish_reason) == (TEXT, "stop")
        return time.monotonic() - began


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.name in SLOW], ids=lambda fault: fault.name.replace(" ", "-")
)
async def test_a_fault_that_takes_its_time_adds_no_more_than_its_allowance_and_a_tenth(servers, fault, stream) -> None:
    first, second = servers
    usual = min([await took(stream, first.base_url, second.base_url) for _ in range(TRIES)])
    with addresses(first.port) as ports:
        if fault.script:
            first.always(**{"text": TEXT, **fault.script})
        url = fault.url.format(**ports) if fault.url else first.base_url
        for _ in range(MORE_TRIES):
            added = await took(stream, url, second.base_url) - usual
            if added <= ALLOWANCE_S * 1.1:
                break

    assert added <= ALLOWANCE_S * 1.1
