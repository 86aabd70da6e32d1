"""Too much at once: limits that adapt, the line, what the background may spend, and who does worse than others."""

import asyncio

import pytest

from actors.llm.bucket import Bucket
from actors.llm.concurrency import Concurrency
from actors.llm.latency import Latest
from actors.llm.line import Line
from actors.llm.outliers import outliers
from actors.llm.settings import BackgroundSettings
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Overloaded


class One:
    def __init__(self, name, now) -> None:
        self.name = name
        self.latest = Latest(now)


def test_the_limit_grows_while_it_is_used_and_is_cut_once_for_all_calls_that_were_too_many() -> None:
    time = [0.0]
    limit = Concurrency(100, lambda: time[0])
    for _ in range(64):
        limit.succeeded(in_flight=64)
    assert limit.limit == 64
    limit.succeeded(in_flight=64)
    for _ in range(1000):
        limit.succeeded(in_flight=1)
    assert limit.limit <= 65
    time[0] = 10
    for _ in range(50):
        limit.overloaded(began=5)
    assert limit.limit == 48
    limit.overloaded(began=10)
    assert limit.limit == 36
    for _ in range(100):
        time[0] += 1
        limit.overloaded(began=time[0])
    assert limit.limit == 1


class Roomy:
    room = 1


async def test_an_endpoint_that_says_it_is_overloaded_gets_fewer_calls_at_once(servers) -> None:
    first, second = servers
    first.always(fault="status", status=429)
    pair = endpoint("a", first.base_url, breaker={"consecutive_failures": 100}), endpoint("b", second.base_url, priority=1)
    async with routing(*pair) as router:
        for _ in range(5):
            assert (await answer(router, ask()))[1].endpoint == "b"
        assert router.endpoints[0].concurrency.limit < 20


async def test_the_foreground_goes_before_the_background_and_a_full_line_is_refused_at_once() -> None:
    line, endpoint = Line(4), Roomy()
    until = asyncio.get_running_loop().time() + 5
    order = []

    async def wait(lane, name) -> None:
        with line.place(lane) as place:
            assert await line.wait(place, [endpoint], until)
            place.taken = endpoint
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for lane, name in (("bg", "b1"), ("bg", "b2"), ("fg", "f1"), ("fg", "f2")):
            group.create_task(wait(lane, name))
        await asyncio.sleep(0)
        for lane in ("fg", "bg"):
            with pytest.raises(Overloaded) as error:
                await wait(lane, "nobody")
            assert error.value.retry_after_ms >= 1000
        for _ in range(4):
            line.room_at(endpoint)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert order == ["f1", "f2", "b1", "b2"]
    assert line.refused == 2


async def test_when_all_are_full_the_rest_wait_and_what_exceeds_the_line_is_told_so_at_once(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, fault="hang_first_token")
    async with routing(endpoint("a", first.base_url, max_in_flight=2, first_token_timeout_s=20), queue_limit=3) as router:
        calls = [asyncio.create_task(answer(router, ask())) for _ in range(5)]
        await asyncio.to_thread(first.log, holding=2)
        with pytest.raises(Overloaded):
            await answer(router, ask())
        first.always(text=TEXT)
        await asyncio.to_thread(first.release)
        assert {text for text, _ in await asyncio.gather(*calls)} == {TEXT}


def test_the_bucket_lets_the_background_spend_a_burst_and_then_as_much_as_flows_in() -> None:
    time = [0.0]
    bucket = Bucket(BackgroundSettings(tokens_per_minute=60, burst_tokens=100), lambda: time[0])
    bucket.take(30)
    bucket.settle(30, 130)
    with pytest.raises(Overloaded) as error:
        bucket.take(1)
    assert error.value.retry_after_ms == 31_000
    time[0] += 32
    bucket.take(1)


async def test_only_the_background_is_held_by_the_bucket(servers) -> None:
    first, _ = servers
    background = {"tokens_per_minute": 1, "burst_tokens": 1}
    async with routing(endpoint("a", first.base_url), background=background) as router:
        assert [part async for part in router.generate(ask(), None, "bg")]
        with pytest.raises(Overloaded, match="background"):
            _ = [part async for part in router.generate(ask(), None, "bg")]
        await answer(router, ask())


def test_who_fails_more_or_is_slower_than_its_equals_comes_last_and_never_all_of_them() -> None:
    time = [0.0]
    a, b, c = (One(name, lambda: time[0]) for name in "abc")
    for one, failing, seconds in ((a, 10, 0.2), (b, 0, 0.2), (c, 0, 2.0)):
        for n in range(20):
            one.latest.ended(success=n >= failing)
            one.latest.first_token(seconds)
    assert outliers([a, b, c]) == {"a", "c"}
    assert outliers([a]) == set()
    assert outliers([a, c]) in ({"a"}, {"c"}, set())
    time[0] += 120
    assert outliers([a, b, c]) == set()
