"""A sound endpoint that is slower than its allowance answers those whom nobody else does, and costs nobody else anything."""

import asyncio
import socket
import time

import pytest

from actors.llm.line import Lane
from actors.llm.messages import Embed
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Unavailable

CALLERS = 12
"""More than the retry budget lets go ahead, and few enough for a busy machine to serve within the allowance."""

LATE_S = 2.0
"""Of an allowance of 1.6 s, and twice that for the only one."""

TIMES = {"first_token_timeout_s": 1.6, "total_timeout_s": 20.0}
DOWN = {"fault": "status", "status": 500}


def chats(server) -> list[dict]:
    return [seen for seen in server.log() if seen["path"] == "/v1/chat/completions"]


def is_probe(seen) -> bool:
    return seen["body"]["messages"][-1]["content"] == "Say ok."


async def burst(router, stream: bool, lane: Lane = "fg") -> set[tuple[str, str]]:
    answers = await asyncio.gather(*(answer(router, ask(stream=stream), lane=lane) for _ in range(CALLERS)))
    return {(text, reply.endpoint) for text, reply in answers}


async def test_the_only_one_is_listened_to_beyond_its_allowance_and_asked_again_at_once(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    async with routing(endpoint("a", first.base_url, **TIMES)) as router:
        for _ in range(2):
            assert await burst(router, stream=True) == {(TEXT, "a")}
            # As far as anybody can tell who has somebody else to ask it is broken.
            assert router.endpoints[0].breakers.state("gpt-test") != "closed"

    assert len(chats(first)) == 2 * CALLERS


@pytest.mark.parametrize(("slow", "stream"), [(0, True), (1, False)], ids=["the first is slow", "the second is slow, plain"])
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
        loop.call_later(TIMES["first_token_timeout_s"] - 0.05, lambda: time.sleep(0.2))
        assert await burst(router, stream=True) == {(TEXT, "a")}


@pytest.mark.parametrize(
    ("lane", "probe", "asked"),
    [
        ("fg", "models", {"fault": "hang_first_token"}),
        ("fg", "models", {"fault": "status", "status": 500, "delay_first_s": 0.2}),
        ("bg", "generate", {"fault": "hang_first_token"}),
    ],
    ids=["mute, no probe", "down, no probe", "mute, in the background"],
)
async def test_a_crowd_does_not_leave_as_one_for_an_endpoint_of_which_nothing_is_known(servers, lane, probe, asked) -> None:
    first, second = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    second.always(text=TEXT, **asked)
    pair = endpoint("a", first.base_url, **TIMES), endpoint("b", second.base_url, priority=1, **TIMES)
    async with routing(*pair, probe=probe) as router:
        assert await burst(router, stream=True, lane=lane) == {(TEXT, "a")}


async def test_a_crowd_does_not_leave_a_slow_one_for_another_that_is_mute_where_the_third_is_down(servers) -> None:
    first, second = servers
    first.always(text=TEXT, delay_first_s=LATE_S)
    second.always(text=TEXT, fault="hang_first_token")
    with socket.create_server(("127.0.0.1", 0)) as free:
        down = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    slow, mute = endpoint("a", first.base_url, **TIMES), endpoint("c", second.base_url, priority=2, **TIMES)
    async with routing(slow, endpoint("b", down, priority=1, **TIMES), mute) as router:
        assert await burst(router, stream=True) == {(TEXT, "a")}


async def test_where_the_next_one_is_sound_and_nothing_is_known_of_it_all_go_there_soon_after_the_first(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_first_token")
    times = {**TIMES, "first_token_timeout_s": 3.0}
    pair = endpoint("a", first.base_url, **times), endpoint("b", second.base_url, priority=1, **times)
    async with routing(*pair, probe="models", retry={"share": 0, "at_least_per_s": 0}) as router:
        assert await burst(router, stream=True) == {(TEXT, "b")}
        # Those who went on listening a moment for somebody to come back have not heard the first one out.
        assert not router.endpoints[0].evidence.heard_out

    starts = [seen["started"] for seen in chats(second)]
    assert len(starts) == CALLERS
    # They look each tenth of the allowance; without a look they would listen for a whole one more.
    assert max(starts) - min(starts) < 0.9 * times["first_token_timeout_s"]


async def test_vectors_of_one_that_is_slower_than_its_allowance_are_waited_for_too(servers) -> None:
    first, second = servers
    first.always(on="embeddings", delay_first_s=LATE_S)
    second.always(on="embeddings", fault="hang_first_token")
    one = {"embedding_models": ["vectors"], **TIMES}
    pair = endpoint("a", first.base_url, **one), endpoint("b", second.base_url, priority=1, **one)
    async with routing(*pair) as router:
        asked = Embed(model="vectors", texts=("one", "two"))
        found = await asyncio.gather(*(router.embed(asked, None) for _ in range(CALLERS)))
        assert {vectors.endpoint for vectors in found} == {"a"}


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


async def test_where_all_are_mute_nobody_is_asked_once_more_and_who_comes_then_waits_for_a_probe_at_most(servers) -> None:
    for server in servers:
        server.always(text=TEXT, fault="hang_first_token")
    pair = [endpoint("ab"[n], server.base_url, priority=n, **TIMES) for n, server in enumerate(servers)]
    async with routing(*pair, retry={"at_least_per_s": 0}) as router:
        callers = [asyncio.create_task(answer(router, ask(stream=True))) for _ in range(CALLERS)]
        told = await asyncio.gather(*callers, return_exceptions=True)
        assert {type(error) for error in told} == {Unavailable}
        assert sum(len(chats(server)) for server in servers) <= CALLERS * 1.2
        before = sum(len(chats(server)) for server in servers)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await answer(router, ask())
        assert time.monotonic() - began < 0.8
        later = sorted((seen for server in servers for seen in chats(server)), key=lambda seen: seen["started"])[before:]
        assert len(later) <= len(servers)
        assert all(is_probe(seen) for seen in later)


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
