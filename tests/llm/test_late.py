"""A sound endpoint that is slower than its allowance answers those whom nobody else does, and costs nobody else anything."""

import asyncio
import time

import pytest

from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Unavailable

CALLERS = 32
LATE_S = 2.6
"""Of an allowance of 2 s."""

TIMES = {"first_token_timeout_s": 2.0, "total_timeout_s": 20.0}
DOWN = {"fault": "status", "status": 500}


def chats(server) -> list[dict]:
    return [seen for seen in server.log() if seen["path"] == "/v1/chat/completions"]


def is_probe(seen) -> bool:
    return seen["body"]["messages"][-1]["content"] == "Say ok."


async def burst(router, stream: bool) -> set[tuple[str, str]]:
    answers = await asyncio.gather(*(answer(router, ask(stream=stream)) for _ in range(CALLERS)))
    return {(text, reply.endpoint) for text, reply in answers}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_only_one_is_listened_to_beyond_its_allowance_and_asked_again_at_once(servers, stream) -> None:
    first, _ = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    async with routing(endpoint("a", first.base_url, **TIMES)) as router:
        for _ in range(2):
            assert await burst(router, stream) == {(TEXT, "a")}
            # As far as anybody can tell who has somebody else to ask it is broken.
            assert router.endpoints[0].breakers.state("gpt-test") != "closed"

    assert len(chats(first)) == 2 * CALLERS


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("slow", [0, 1], ids=["the first is slow", "the second is slow"])
async def test_of_two_the_other_one_being_down_all_are_answered(servers, slow, stream) -> None:
    servers[slow].always(text=TEXT, delay_first_s=LATE_S)
    servers[1 - slow].always(**DOWN)
    pair = [endpoint("ab"[n], server.base_url, priority=n, **TIMES) for n, server in enumerate(servers)]
    async with routing(*pair) as router:
        for _ in range(2):
            assert await burst(router, stream) == {(TEXT, "ab"[slow])}


async def test_a_crowd_whose_allowance_is_up_in_one_moment_does_not_leave_as_one(servers) -> None:
    """All find room for one scout, as nobody has come back yet to tell what the other says; the loop was busy, perhaps."""
    first, second = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    second.always(**DOWN)
    pair = endpoint("a", first.base_url, **TIMES), endpoint("b", second.base_url, priority=1, **TIMES)
    async with routing(*pair) as router:
        loop = asyncio.get_running_loop()
        loop.call_later(1.95, lambda: time.sleep(0.2))
        assert await burst(router, stream=True) == {(TEXT, "a")}


async def test_those_whose_allowance_is_up_first_wait_for_those_who_came_after_them(servers) -> None:
    """They are let down by both before anybody is listened to beyond the allowance."""
    first, second = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    second.always(**DOWN)
    pair = endpoint("a", first.base_url, **TIMES), endpoint("b", second.base_url, priority=1, **TIMES)
    async with routing(*pair, retry={"rounds": 0, "at_least_per_s": 1, "share": 0}) as router:
        came = [asyncio.create_task(later(n * 0.2, answer(router, ask(stream=True)))) for n in range(2)]
        assert {(text, reply.endpoint) for text, reply in await asyncio.gather(*came)} == {(TEXT, "a")}


async def later(after_s: float, answering):
    await asyncio.sleep(after_s)
    return await answering


async def test_who_has_somebody_else_to_ask_waits_for_nobody_beyond_the_allowance(servers) -> None:
    first, second = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    pair = endpoint("a", first.base_url, **TIMES), endpoint("b", second.base_url, priority=1, **TIMES)
    async with routing(*pair) as router:
        for _ in range(2):
            assert await burst(router, stream=True) == {(TEXT, "b")}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_where_all_are_mute_nobody_is_asked_once_more_and_those_who_come_then_wait_for_nobody(servers, stream) -> None:
    for server in servers:
        server.always(text=TEXT, fault="hang_first_token")
    pair = [endpoint("ab"[n], server.base_url, priority=n, **TIMES) for n, server in enumerate(servers)]
    async with routing(*pair, retry={"at_least_per_s": 0}) as router:
        callers = [asyncio.create_task(answer(router, ask(stream=stream))) for _ in range(CALLERS)]
        told = await asyncio.gather(*callers, return_exceptions=True)
        assert {type(error) for error in told} == {Unavailable}
        assert sum(len(chats(server)) for server in servers) <= CALLERS * 1.2
        before = [len(chats(server)) for server in servers]
        with pytest.raises(Unavailable):
            await answer(router, ask())
        assert [len(chats(server)) for server in servers] == before


async def test_one_that_was_quick_and_is_slow_now_costs_nobody_an_answer(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url, **TIMES)) as router:
        assert await burst(router, stream=True) == {(TEXT, "a")}
        first.always(text=TEXT, delay_first_s=LATE_S)
        assert await burst(router, stream=True) == {(TEXT, "a")}


async def test_one_that_is_slower_than_anybody_waits_for_is_heard_by_its_probe_once_it_is_less_slow(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url, **TIMES)) as router:
        first.always(text=TEXT, fault="hang_first_token")
        with pytest.raises(Unavailable):
            await answer(router, ask())
        first.always(text=TEXT, delay_first_s=LATE_S)
        router.endpoints[0].breakers.of("gpt-test").open_until = router.now()
        await router.prober.round()
        assert router.endpoints[0].breakers.state("gpt-test") != "closed"
        assert (await answer(router, ask()))[0] == TEXT


async def test_one_that_answers_its_probes_and_nobody_else_is_listened_to_beyond_its_allowance_once(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url, **TIMES)) as router:
        took = []
        for _ in range(2):
            first.always(text=TEXT, fault="hang_first_token")
            began = router.now()
            with pytest.raises(Unavailable):
                await answer(router, ask())
            took.append(router.now() - began)
            await well_again(router, first)

        assert took[1] < 0.75 * took[0]
        # An answer to somebody brings the patience back.
        assert (await answer(router, ask()))[0] == TEXT
        first.always(text=TEXT, delay_first_s=LATE_S)
        assert (await answer(router, ask()))[0] == TEXT


async def well_again(router, server) -> None:
    """The server answers, and a probe has found out."""
    server.always(text=TEXT, fault=None)
    router.endpoints[0].breakers.of("gpt-test").open_until = router.now()
    await router.prober.round()
    assert router.endpoints[0].breakers.state("gpt-test") == "closed"


async def test_a_stream_that_broke_after_a_while_is_taken_up_by_a_slow_one(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="cut_clean", delay_between_s=0.5, after_tokens=5)
    second.always(text=TEXT, delay_first_s=LATE_S)
    pair = endpoint("a", first.base_url, **TIMES), endpoint("b", second.base_url, priority=1, **TIMES)
    async with routing(*pair) as router:
        text, reply = await answer(router, ask(stream=True))

    assert (text, reply.endpoint) == (TEXT, "b")
