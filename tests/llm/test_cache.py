"""Answers used again, for identical calls at temperature 0 and only where that was asked for."""

import asyncio
import time

import pytest

from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.cache import Cache
from actors.llm.messages import Generated, Usage
from actors.llm.settings import CacheSettings, LlmSettings
from tests.llm.conftest import TEXT, ask, endpoint, routing
from transport.errors import DeadlineExceeded, Overloaded

COLD = {"options": {"temperature": 0}}


async def start(host, directory, server, **cache):
    settings = LlmSettings(endpoints=(endpoint("a", server.base_url, first_token_timeout_s=20),), cache=cache)
    await host.start_actor(Llm, settings, directory)
    return host.ref("llm")


async def heard(llm, message) -> str:
    async with llm.stream(message) as stream:
        return "".join([part.delta.get("content", "") async for part in stream])


async def test_an_identical_call_is_answered_from_the_cache_streamed_or_not(short_dir, tmp_path, servers) -> None:
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, servers[0], seconds=60)
        assert [(await llm.ask(ask(**COLD))).attempts for _ in range(2)] == [1, 0]
        assert [await heard(llm, ask(stream=True, **COLD)) for _ in range(2)] == [TEXT, TEXT]
        assert len(servers[0].log()) == 2
        for other in (ask(), ask("other", **COLD), ask(namespace="other", **COLD)):
            assert (await llm.ask(other)).attempts == 1


async def test_nothing_is_kept_unless_asked_for(short_dir, tmp_path, servers) -> None:
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, servers[0])
        assert [(await llm.ask(ask(**COLD))).attempts for _ in range(2)] == [1, 1]


async def test_identical_calls_in_flight_share_one_which_ends_when_the_last_one_leaves(short_dir, tmp_path, servers) -> None:
    first, _ = servers
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, first, single_flight=True)
        first.next({"text": TEXT, "fault": "hang_mid"})
        asking = [asyncio.create_task(heard(llm, ask(stream=True, **COLD))) for _ in range(4)]
        await asyncio.to_thread(first.log, holding=1)
        asking[0].cancel()
        await asyncio.to_thread(first.release)
        assert await asyncio.gather(*asking[1:]) == [TEXT] * 3
        assert len(first.log()) == 1

        first.next({"fault": "hang"})
        asking = [asyncio.create_task(llm.ask(ask(**COLD))) for _ in range(2)]
        await asyncio.to_thread(first.log, holding=1)
        for task in asking:
            task.cancel()
        await asyncio.to_thread(first.log, hung_up=1)


async def test_a_shared_call_outlives_the_time_of_the_one_who_made_it(short_dir, tmp_path, servers) -> None:
    first, _ = servers
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, first, single_flight=True)
        first.next({"text": TEXT, "fault": "hang"})
        hasty = asyncio.create_task(llm.ask(ask(**COLD), timeout=1.0))
        await asyncio.to_thread(first.log, holding=1)
        patient = asyncio.create_task(llm.ask(ask(**COLD)))
        with pytest.raises(DeadlineExceeded):
            await hasty
        await asyncio.to_thread(first.release)
        assert (await patient).choices[0].message["content"] == TEXT
        assert len(first.log()) == 1


async def test_an_answer_that_was_begun_before_something_was_forgotten_is_not_kept() -> None:
    begun, may = asyncio.Event(), asyncio.Event()
    calls = []

    async def make(message, deadline):
        del message, deadline
        calls.append(1)
        begun.set()
        await may.wait()
        yield Generated(choices=(), model="m", usage=Usage(), endpoint="a", attempts=1, cost=None)

    async def answered():
        return [part async for part in cache.answer(ask(**COLD), make)]

    cache = Cache(CacheSettings(seconds=60), time.monotonic)
    asking = asyncio.create_task(answered())
    await begun.wait()
    cache.forget()
    may.set()
    assert len(await asking) == 1
    for _ in range(2):
        await answered()
    assert len(calls) == 2


async def test_a_foreground_call_does_not_share_what_is_held_back_as_a_call_of_the_background(servers) -> None:
    """Neither its place in line nor what the background may spend."""
    first, _ = servers
    background = {"tokens_per_minute": 1, "burst_tokens": 1}
    async with routing(endpoint("a", first.base_url), background=background) as router:
        assert [part async for part in router.generate(ask(), None, "bg")]
        cache = Cache(CacheSettings(single_flight=True), time.monotonic)

        async def call(lane) -> list:
            told = cache.answer(ask(**COLD), lambda one, until: router.generate(one, until, lane), lane=lane)
            return [part async for part in told]

        spent, answered = await asyncio.gather(call("bg"), call("fg"), return_exceptions=True)
        assert isinstance(spent, Overloaded)
        assert answered[-1].choices[0].message["content"] == TEXT
