"""The retry budget, what endpoints say of when to come back, and how little they see when all are down."""

import asyncio
import datetime as dt

import pytest

from actors.llm.failure import retry_after
from actors.llm.retries import RetryBudget
from actors.llm.settings import RetrySettings
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Unavailable

NOW = dt.datetime(2030, 1, 1, 12, 0, 0, tzinfo=dt.UTC)
SPENT = {"x-ratelimit-remaining-tokens": "0"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Tue, 01 Jan 2030 12:00:30 GMT"}, 30),
        ({"retry-after": "Tue, 01 Jan 2030 11:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({**SPENT, "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({**SPENT, "x-ratelimit-reset-tokens": "17ms"}, 0.017),
        ({**SPENT, "x-ratelimit-reset-requests": "1h"}, None),
        ({"x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1h"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW.timestamp() * 1000) + 2000)}, 2),
        ({"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "2030-01-01T12:00:09Z"}, 9),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "1e308"}, 600),
        ({"retry-after": "1e400"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 600),
        ({"retry-after": "Fri, 31 Dec 2030 23:59:59 -9999999999999"}, None),
        ({"retry-after": "9" * 5000 + "h"}, 600),
        ({"retry-after": "99999"}, 600),
    ],
)
def test_when_to_come_back_is_read_in_every_vendors_words(headers, seconds) -> None:
    assert retry_after(headers, now=NOW) == (pytest.approx(seconds) if seconds is not None else None)


def test_the_budget_is_a_share_of_the_traffic_and_at_least_a_few_a_second() -> None:
    time = [100.0]
    budget = RetryBudget(RetrySettings(share=0.2, at_least_per_s=3), lambda: time[0])
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    time[0] += 1
    for _ in range(50):
        budget.request()
    assert sum(budget.take() for _ in range(50)) == 7
    time[0] += 20
    assert sum(budget.take() for _ in range(50)) == 3


async def test_a_burst_over_endpoints_that_are_all_down_is_no_storm(servers) -> None:
    for server in servers:
        server.always(fault="status", status=500)
    patient = {"first_token_timeout_s": 10}
    pair = endpoint("a", servers[0].base_url, **patient), endpoint("b", servers[1].base_url, priority=1, **patient)
    async with routing(*pair) as router:
        told = await asyncio.gather(*(answer(router, ask()) for _ in range(50)), return_exceptions=True)
        assert {type(error) for error in told} == {Unavailable}, told
        assert sum(seen["path"] == "/v1/chat/completions" for server in servers for seen in server.log()) <= 60


async def test_a_fault_that_passes_is_asked_again_of_the_only_endpoint(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url)) as router:
        first.next({"fault": "status", "status": 503})
        text, reply = await answer(router, ask(stream=True))
        assert (text, reply.attempts) == (TEXT, 2)
        first.next({"fault": "status", "status": 401})
        with pytest.raises(Unavailable, match="key was refused"):
            await answer(router, ask())


async def test_what_is_left_of_the_callers_time_is_told_upstream(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url)) as router:
        await answer(router, ask(), deadline=asyncio.get_running_loop().time() + 7)
    assert 6 < float(first.log()[0]["headers"]["x-lattice-timeout"]) <= 7
