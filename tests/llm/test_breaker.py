"""The breaker by itself, and in front of a real server; its clock is moved by hand."""

import asyncio

import pytest

from actors.llm.breaker import Breaker
from actors.llm.concurrency import START
from actors.llm.settings import BreakerSettings
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Unavailable


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock) -> Breaker:
    return Breaker(BreakerSettings(consecutive_failures=3, open_s=1, max_open_s=4, minimum_calls=10), clock)


def fail(breaker: Breaker, times: int = 3) -> None:
    for _ in range(times):
        breaker.enter().failed()


def test_it_opens_after_failures_in_a_row_and_not_when_a_success_came_between(breaker) -> None:
    fail(breaker, 2)
    breaker.enter().succeeded()
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker, 1)
    assert breaker.state == "open"
    assert breaker.enter() is None
    assert breaker.opens_in() == 1


def test_one_probe_at_a_time_goes_through_and_closes_it_with_its_first_token(breaker, clock) -> None:
    fail(breaker)
    clock.time += 1
    assert breaker.state == "half_open"
    assert breaker.enter() is None
    probe = breaker.probe()
    assert breaker.probe() is None
    probe.first_token()
    assert breaker.state == "closed"
    assert breaker.enter() is not None


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_a_bound(breaker, clock) -> None:
    fail(breaker)
    for seconds in (2, 4, 4):
        clock.time += breaker.opens_in()
        breaker.probe().failed()
        assert breaker.opens_in() == seconds
    clock.time += 4
    breaker.probe().succeeded()
    fail(breaker)
    assert breaker.opens_in() == 1


def test_a_probe_that_is_given_up_leaves_the_next_one_its_place(breaker, clock) -> None:
    fail(breaker)
    clock.time += 1
    breaker.probe().abandoned()
    assert breaker.probe() is not None


def test_a_share_of_failures_within_the_window_opens_it(breaker, clock) -> None:
    for _ in range(5):
        breaker.enter().succeeded()
        breaker.enter().failed()
    assert breaker.state == "open"
    breaker.close()
    for _ in range(9):
        breaker.enter().succeeded()
        breaker.enter().failed()
        clock.time += 20
    assert breaker.state == "closed"


def test_the_slowest_of_many_at_once_are_no_row_of_failures_and_count_for_the_rate(breaker) -> None:
    for _ in range(4):
        breaker.enter().succeeded()
    for _ in range(3):
        breaker.enter().failed(amid_answers=True)
    assert breaker.state == "closed"
    for _ in range(3):
        breaker.enter().failed(amid_answers=True)
    assert breaker.state == "open"


def test_calls_from_before_it_opened_do_not_close_or_reopen_it(breaker, clock) -> None:
    early = [breaker.enter() for _ in range(2)]
    fail(breaker)
    early[0].succeeded()
    assert breaker.state == "open"
    clock.time += 1
    breaker.probe().succeeded()
    early[1].failed()
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_a_wish_to_be_left_alone_is_granted_and_never_shortened(breaker, clock) -> None:
    first, second = breaker.enter(), breaker.enter()
    first.failed(retry_after_s=30)
    second.failed(retry_after_s=5)
    assert breaker.opens_in() == 30
    clock.time += 30
    assert breaker.state == "half_open"


def test_a_probe_that_was_brought_forward_in_vain_leaves_it_alone_for_as_long_as_before(breaker, clock) -> None:
    fail(breaker)
    clock.time += 1
    breaker.probe().failed()
    assert breaker.opens_in() == 2
    breaker.bring_forward()
    assert breaker.probe() is None
    clock.time += 0.5
    breaker.bring_forward()
    probe = breaker.probe()
    assert breaker.probe() is None
    probe.failed()
    assert breaker.opens_in() == 2
    assert not breaker.early
    clock.time += 2
    breaker.probe().failed()
    assert breaker.opens_in() == 4


def test_the_longer_it_is_left_alone_the_further_apart_are_the_probes_that_are_brought_forward(clock) -> None:
    breaker = Breaker(BreakerSettings(consecutive_failures=1, open_s=8), clock)
    breaker.enter().failed()
    for _ in range(3):
        clock.time += 1.9
        assert not breaker.early
        clock.time += 0.1
        breaker.bring_forward()
        breaker.probe().failed()

    assert breaker.opens_in() == 8


def test_who_wants_to_be_left_alone_is_so_whoever_asks_for_a_probe(breaker, clock) -> None:
    breaker.enter().failed(retry_after_s=30)
    clock.time += 29
    breaker.bring_forward()
    assert breaker.probe() is None
    clock.time += 1
    late = breaker.enter()
    assert late is None
    breaker.probe().failed()
    assert breaker.opens_in() == 2


async def test_a_broken_endpoint_is_left_alone_and_taken_back_once_a_probe_of_ours_was_answered(servers, clock) -> None:
    first, second = servers
    first.always(fault="status", status=500)
    async with routing(endpoint("a", first.base_url), endpoint("b", second.base_url, priority=1), now=clock) as router:
        for _ in range(6):
            assert (await answer(router, ask()))[0] == TEXT
        assert len(first.log()) == 3
        assert router.endpoints[0].breakers.state() == "open"

        clock.time += 1
        await router.prober.round()
        for _ in range(3):
            assert (await answer(router, ask()))[1].endpoint == "b"
        assert len(first.log()) == 4

        first.always(text=TEXT)
        clock.time += 2
        assert (await answer(router, ask()))[1].endpoint == "b"
        await router.prober.round()
        assert first.log()[-1]["body"]["max_tokens"] == 1
        for _ in range(3):
            assert (await answer(router, ask()))[1].endpoint == "a"
        assert router.endpoints[0].breakers.state() == "closed"


async def test_a_model_that_fails_is_left_alone_and_the_endpoints_others_are_not(servers, clock) -> None:
    first, second = servers
    pair = (endpoint("a", first.base_url, models=["one", "two"]), endpoint("b", second.base_url, models=["one"], priority=1))
    async with routing(*pair, now=clock) as router:
        first.next({"fault": "status", "status": 500, "times": 3})
        for _ in range(3):
            assert (await answer(router, ask(model="one")))[1].endpoint == "b"
        assert router.endpoints[0].breakers.broken() == {"one": "open"}
        assert (await answer(router, ask(model="one")))[1].endpoint == "b"
        assert (await answer(router, ask(model="two")))[1].endpoint == "a"


async def test_a_slow_first_token_counts_as_failed_though_it_is_used(servers) -> None:
    first, second = servers
    first.always(text=TEXT, delay_first_s=0.1)
    slow = endpoint("a", first.base_url, breaker={"slow_s": 0.05, "consecutive_failures": 2})
    async with routing(slow, endpoint("b", second.base_url, priority=1)) as router:
        replies = [(await answer(router, ask()))[1].endpoint for _ in range(3)]
        assert replies == ["a", "a", "b"]
        assert router.endpoints[0].concurrency.limit < START


async def test_a_rate_limit_is_kept_to_even_when_there_is_nobody_else(servers, clock) -> None:
    first, _ = servers
    first.always(fault="status", status=429, retry_after="20")
    async with routing(endpoint("a", first.base_url), now=clock) as router:
        for _ in range(3):
            with pytest.raises(Unavailable) as error:
                await answer(router, ask())
            assert error.value.retry_after_ms == 20_000
        assert len(first.log()) == 1


@pytest.mark.parametrize("fault", ["hang", "hang_first_token"])
async def test_an_endpoint_that_says_nothing_costs_its_allowance_once(servers, fault) -> None:
    first, second = servers
    first.always(text=TEXT, fault=fault)
    quick = {"first_token_timeout_s": 0.6, "breaker": {"open_s": 15.0}}
    async with routing(endpoint("a", first.base_url, **quick), endpoint("b", second.base_url, priority=1, **quick)) as router:
        assert (await answer(router, ask()))[1].attempts == 2
        assert [(await answer(router, ask()))[1].attempts for _ in range(3)] == [1, 1, 1]

        # With nobody left there is nothing to wait for either.
        second.always(text=TEXT, fault=fault)
        with pytest.raises(Unavailable, match="no token within"):
            await answer(router, ask())
        took = []
        for _ in range(3):
            began = asyncio.get_running_loop().time()
            with pytest.raises(Unavailable, match="left alone"):
                await answer(router, ask())
            took.append(asyncio.get_running_loop().time() - began)
        assert min(took) < quick["first_token_timeout_s"]


async def test_silence_to_one_call_says_nothing_where_others_were_answered_or_where_nobody_waits(servers) -> None:
    first, second = servers
    async with routing(
        endpoint("a", first.base_url, first_token_timeout_s=0.5), endpoint("b", second.base_url, priority=1)
    ) as router:
        first.next({"fault": "hang"})
        silent = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(first.log, holding=1)
        assert (await answer(router, ask()))[1].endpoint == "a"
        assert (await silent)[1].endpoint == "b"
        assert router.endpoints[0].breakers.state() == "closed"

        first.next({"fault": "hang"})
        assert [part async for part in router.generate(ask(), None, "bg")][-1].endpoint == "b"
        assert router.endpoints[0].breakers.state() == "closed"
