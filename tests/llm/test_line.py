"""The line of those who wait for room: nobody stands in it while there is room that he wants, and nobody loses his place."""

import asyncio

import pytest

from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import LatticeError, Overloaded, Unavailable

LONG = {"first_token_timeout_s": 20, "between_tokens_timeout_s": 20, "total_timeout_s": 30}


def chats(server) -> list[dict]:
    return [seen for seen in server.log() if seen["path"] == "/v1/chat/completions"]


async def in_line(router, count: int) -> None:
    """Until so many stand in line."""
    async with asyncio.timeout(10):
        while len(router.line) != count:  # noqa: ASYNC110 (the line tells nobody; this takes some turns of the loop)
            await asyncio.sleep(0)


def begin(router, count: int, **fields) -> list[asyncio.Task]:
    return [asyncio.create_task(answer(router, ask(**fields))) for _ in range(count)]


async def test_those_who_wait_for_one_model_do_not_stand_in_the_way_of_those_who_wait_for_another(servers) -> None:
    """The first in line want what is full; the room that there is would be nobody's."""
    first, second = servers
    for server in servers:
        server.always(text=TEXT, fault="hang_first_token")
    full = endpoint("full", first.base_url, models=["one"], max_in_flight=1, **LONG)
    free = endpoint("free", second.base_url, models=["two"], max_in_flight=1, **LONG)
    async with routing(full, free, other_models=False) as router:
        calls = begin(router, 1, model="one") + begin(router, 1, model="two")
        await asyncio.to_thread(first.log, holding=1)
        await asyncio.to_thread(second.log, holding=1)
        behind = begin(router, 6, model="one")
        wanted = begin(router, 3, model="two")
        await in_line(router, 9)
        second.always(text=TEXT)
        second.release()
        answers = await asyncio.wait_for(asyncio.gather(*wanted), 5)
        assert {reply.endpoint for _, reply in answers} == {"free"}
        first.always(text=TEXT)
        first.release()
        await asyncio.gather(*calls, *behind)


async def test_an_endpoint_that_is_added_is_given_as_many_of_those_in_line_as_it_has_room_for(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_first_token")
    second.always(text=TEXT, fault="hang_first_token")
    other = endpoint("b", second.base_url, **LONG)
    async with routing(endpoint("a", first.base_url, max_in_flight=1, **LONG), other) as router:
        added = router.endpoints[1]
        router.remove(added)
        calls = begin(router, 12)
        await in_line(router, 11)
        router.add(added)
        await asyncio.to_thread(second.log, holding=11)
        for server in servers:
            server.release()
        assert {text for text, _ in await asyncio.gather(*calls)} == {TEXT}


async def test_whoever_was_overtaken_keeps_the_place_in_a_line_that_is_full(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_first_token")
    other = endpoint("b", second.base_url, **LONG)
    async with routing(endpoint("a", first.base_url, max_in_flight=1, **LONG), other, queue_limit=2) as router:
        useless = router.endpoints[1]
        useless.draining = True
        router.remove(useless)
        calls = begin(router, 1)
        await asyncio.to_thread(first.log, holding=1)
        calls += begin(router, 2)
        await in_line(router, 2)
        # This one finds the line empty: the two look what has come, which is of no use, and step back in after it.
        calls += begin(router, 1)
        router.add(useless)
        await in_line(router, 3)
        with pytest.raises(Overloaded):
            await answer(router, ask())
        first.always(text=TEXT)
        first.release()
        assert {text for text, _ in await asyncio.gather(*calls)} == {TEXT}


async def test_where_a_budget_runs_out_all_in_line_are_told_at_once(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, fault="hang_first_token")
    spender = endpoint("a", first.base_url, max_in_flight=1, tokens_per_day=1, **LONG)
    async with routing(spender, queue_timeout_s=30) as router:
        held = begin(router, 1)
        await asyncio.to_thread(first.log, holding=1)
        waiting = begin(router, 20)
        await in_line(router, 20)
        first.release()
        assert (await held[0])[0] == TEXT
        told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert {type(error) for error in told} == {Unavailable}
    assert "used up" in str(told[0])


async def test_where_a_breaker_opens_all_in_line_are_told_at_once(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, fault="hang")
    full = endpoint("a", first.base_url, max_in_flight=1, **LONG)
    async with routing(full, queue_timeout_s=30, retry={"rounds": 0}) as router:
        held = begin(router, 1)
        await asyncio.to_thread(first.log, holding=1)
        waiting = begin(router, 20)
        await in_line(router, 20)
        router.endpoints[0].breakers.of("gpt-test").hold(30)
        held[0].cancel()
        told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert all(isinstance(error, LatticeError) and not isinstance(error, Overloaded) for error in told), told


async def test_where_an_endpoint_is_removed_those_who_wait_for_it_alone_are_told_at_once(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_first_token")
    one = endpoint("a", first.base_url, max_in_flight=1, **LONG)
    other = endpoint("b", second.base_url, models=["other"], **LONG)
    async with routing(one, other, queue_timeout_s=30) as router:
        held = begin(router, 1)
        await asyncio.to_thread(first.log, holding=1)
        waiting = begin(router, 5)
        await in_line(router, 5)
        gone = router.endpoints[0]
        router.remove(gone)
        told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
        first.release()
        assert (await held[0])[0] == TEXT
        await gone.close()
    assert not any(isinstance(error, Overloaded | TimeoutError) for error in told), told


async def test_a_line_in_which_nobody_stood_for_a_while_has_not_been_slow(servers, monkeypatch) -> None:
    """Who comes is refused by how fast the line moves, not by how long nobody came."""
    first, _ = servers
    async with routing(endpoint("a", first.base_url, max_in_flight=1, **LONG), queue_timeout_s=5) as router:
        await asyncio.gather(*begin(router, 40))
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + 50)
        assert {text for text, _ in await asyncio.gather(*begin(router, 20))} == {TEXT}
