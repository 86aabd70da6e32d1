"""Endpoints that answer nobody: found out long before their allowance is up; one that only takes its time is waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from actors.llm.pulse import Pulse
from actors.llm.router import Router
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from tests.llm.faults import addresses
from transport.errors import Unavailable

PATIENT = {"connect_timeout_s": 20.0, "first_token_timeout_s": 20.0, "total_timeout_s": 30.0}
WITHIN_S = 8.0
"""On a machine with other work; the allowances are more than twice that."""


@contextmanager
def stopped(*servers) -> Iterator[None]:
    """Processes that hang as a whole: their sockets take connections, and nobody answers."""
    for server in servers:
        server.pause()
    try:
        yield
    finally:
        for server in servers:
            server.resume()


@asynccontextmanager
async def quiet(*endpoints) -> AsyncIterator[Router]:
    """A router on a machine that is taken to have nothing else to do."""
    async with routing(*endpoints) as router:
        for one in router.endpoints:
            one.pulse.busy = lambda: 1.0
        yield router


def listings(server) -> int:
    return sum(seen["path"] == "/v1/models" for seen in server.log(listings=True))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_process_that_hangs_is_left_before_its_allowance(servers, stream) -> None:
    first, second = servers
    async with quiet(endpoint("a", first.base_url, **PATIENT), endpoint("b", second.base_url, priority=1, **PATIENT)) as router:
        with stopped(first):
            began = time.monotonic()
            answers = await asyncio.gather(*(answer(router, ask(stream=stream)) for _ in range(8)))
            took = time.monotonic() - began

        assert {(text, reply.endpoint) for text, reply in answers} == {(TEXT, "b")}
        assert took < WITHIN_S
        hung = router.endpoints[0]
        assert hung.breakers.state() == "open"
        assert hung.last_error == "no sign of life within 0.65 s"


async def test_where_all_hang_that_is_known_as_soon_as_of_one(servers) -> None:
    with addresses(servers[0].port) as ports, stopped(*servers):
        urls = [servers[0].base_url, servers[1].base_url, f"http://127.0.0.1:{ports['full']}/v1"]
        endpoints = [endpoint(f"e{n}", url, priority=n, **PATIENT) for n, url in enumerate(urls)]
        async with quiet(*endpoints) as router:
            began = time.monotonic()
            answers = await asyncio.gather(*(answer(router, ask()) for _ in range(32)), return_exceptions=True)
            took = time.monotonic() - began

    assert {type(one) for one in answers} == {Unavailable}
    assert took < WITHIN_S


async def test_a_model_that_takes_its_time_is_waited_for(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang")
    async with quiet(endpoint("a", first.base_url, **PATIENT), endpoint("b", second.base_url, priority=1, **PATIENT)) as router:
        asked = asyncio.create_task(answer(router, ask()))
        # It has spoken for itself twice: once at first, and once more when that was long ago.
        await asyncio.to_thread(first.log, listings=True, seen=3, wait_s=20)
        assert not asked.done()
        first.release()
        text, reply = await asked

    assert (text, reply.endpoint, reply.attempts) == (TEXT, "a", 1)
    assert listings(first) == 2
    assert second.log() == []


async def test_a_server_that_lists_nothing_while_it_works_is_mistaken_only_once(servers) -> None:
    first, second = servers
    first.always(on="models", delay_first_s=1.2)
    first.next(*({"fault": "hang", "text": TEXT} for _ in range(2)))
    async with quiet(endpoint("a", first.base_url, **PATIENT), endpoint("b", second.base_url, priority=1, **PATIENT)) as router:
        _, reply = await answer(router, ask())
        assert reply.endpoint == "b"
        late = router.endpoints[0]
        await asyncio.gather(*late.pulse.asking)
        late.breakers.whole.close()

        asked = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(first.log, listings=True, seen=4, wait_s=20)
        await asyncio.gather(late.pulse.checking)
        first.release()
        _, reply = await asked

    assert reply.endpoint == "a"


async def test_zero_waits_for_the_allowance_and_asks_nothing_meanwhile(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang")
    quick = {**PATIENT, "first_token_timeout_s": 1.0, "sign_of_life_s": 0}
    async with quiet(endpoint("a", first.base_url, **quick), endpoint("b", second.base_url, priority=1, **quick)) as router:
        _, reply = await answer(router, ask())
        assert router.endpoints[0].last_error == "no token within 1 s"

    assert reply.endpoint == "b"
    assert listings(first) == 0


async def test_who_answers_at_once_is_asked_for_nothing_more(servers) -> None:
    first, _ = servers
    async with quiet(endpoint("a", first.base_url)) as router:
        await answer(router, ask())

    assert listings(first) == 0


async def test_a_busy_machine_gives_endpoints_more_time() -> None:
    lost = []
    for busy in (1.0, 4.0):
        pulse = Pulse("a", 0.4, asyncio.Event().wait, busy=lambda busy=busy: busy)
        began = time.monotonic()
        pulse.lost = lambda began=began: lost.append(time.monotonic() - began)
        pulse.check()
        await pulse.checking
        await pulse.close()

    assert lost[0] >= 0.2
    assert lost[1] >= 0.8


async def test_what_anybody_hears_of_it_speaks_for_an_endpoint() -> None:
    pulse = Pulse("a", 0.4, asyncio.Event().wait, busy=lambda: 1.0)
    pulse.check()
    asyncio.get_running_loop().call_later(0.05, pulse.heard)
    with pulse.watched() as hangs:
        await pulse.checking
        assert not hangs.done()
    await pulse.close()
