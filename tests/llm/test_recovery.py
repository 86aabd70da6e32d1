"""An endpoint that is back while every breaker is open is found by a probe that is brought forward."""

import asyncio
import time

import pytest

from actors.llm.messages import Embed
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from tests.llm.test_scouts import LONG, chats, is_probe
from transport.errors import LatticeError

CALLERS = 16
LEFT_ALONE = {"open_s": 15.0}
"""Nobody is probed of himself while a test runs."""


class Ahead:
    """A clock that goes on as clocks do, and can be put forward."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.seconds


@pytest.fixture
def clock() -> Ahead:
    return Ahead()


def pair(servers, **settings):
    settings = {"breaker": LEFT_ALONE, **settings}
    return endpoint("a", servers[0].base_url, **settings), endpoint("b", servers[1].base_url, priority=1, **settings)


async def fail_all(router, servers, **fault) -> None:
    """Open the breakers of all, and forget what was asked meanwhile."""
    for server in servers:
        server.always(fault="status", status=500, **fault)

    while any(one.breakers.state() == "closed" for one in router.endpoints):
        with pytest.raises(LatticeError):
            await answer(router, ask())


def probes(server) -> list[dict]:
    return [seen for seen in chats(server) if is_probe(seen)]


def crowd(router, **fields):
    return asyncio.gather(*(answer(router, ask(**fields)) for _ in range(CALLERS)), return_exceptions=True)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("back", [0, 1], ids=["first", "second"])
async def test_calls_that_find_all_breakers_open_are_answered_by_whoever_is_back(servers, clock, back, stream) -> None:
    async with routing(*pair(servers, **LONG), now=clock) as router:
        await fail_all(router, servers)
        servers[back].always(text=TEXT)
        clock.seconds = 5
        answers = await crowd(router, stream=stream)
        assert {(text, reply.endpoint) for text, reply in answers} == {(TEXT, "ab"[back])}
        assert len(probes(servers[back])) == 1
        assert len(probes(servers[1 - back])) <= 1


async def test_a_call_that_was_let_down_goes_over_to_who_is_back(servers, clock) -> None:
    first, second = servers
    async with routing(*pair(servers, **LONG), now=clock) as router:
        await fail_all(router, servers)
        first.always(text=TEXT)
        clock.seconds = 20
        await router.prober.round()
        assert [one.breakers.state() for one in router.endpoints] == ["closed", "open"]
        first.always(fault="status", status=500)
        second.always(text=TEXT)
        clock.seconds = 30
        answers = await crowd(router)
        assert {(text, reply.endpoint) for text, reply in answers} == {(TEXT, "b")}


async def test_who_has_fallen_silent_costs_its_allowance_alone_where_the_other_is_back(servers, clock) -> None:
    first, second = servers
    async with routing(*pair(servers), now=clock) as router:
        await fail_all(router, servers)
        first.always(text=TEXT)
        clock.seconds = 20
        await router.prober.round()
        first.always(fault="hang_first_token")
        second.always(text=TEXT)
        clock.seconds = 30
        began = time.monotonic()
        answers = await crowd(router)
        assert {(text, reply.endpoint) for text, reply in answers} == {(TEXT, "b")}
        assert time.monotonic() - began < 1.8


async def test_with_all_silent_and_open_a_crowd_hears_it_at_once_and_costs_a_probe(servers, clock) -> None:
    async with routing(*pair(servers, **LONG), now=clock) as router:
        await fail_all(router, servers)
        for server in servers:
            server.always(fault="hang")

        clock.seconds = 5
        asked = sum(len(chats(server)) for server in servers)
        took = []
        for _ in range(2):
            began = time.monotonic()
            told = await crowd(router)
            took.append(time.monotonic() - began)
            assert all(isinstance(error, LatticeError) for error in told), told

        assert max(took) < 0.5
        assert sum(len(chats(server)) for server in servers) - asked <= 2
        assert max(len(probes(server)) for server in servers) == 1


async def test_with_all_failing_an_endpoint_is_probed_again_only_after_a_while(servers, clock) -> None:
    async with routing(*pair(servers, **LONG), now=clock) as router:
        await fail_all(router, servers)
        clock.seconds = 5
        for _ in range(4):
            assert all(isinstance(error, LatticeError) for error in await crowd(router))

        assert [len(probes(server)) for server in servers] == [1, 1]
        clock.seconds = 10
        await crowd(router)
        await crowd(router)
        assert [len(probes(server)) for server in servers] == [2, 2]


async def test_who_wants_to_be_left_alone_is_not_probed_before_that(servers, clock) -> None:
    async with routing(*pair(servers, **LONG), now=clock) as router:
        await fail_all(router, servers, retry_after="60")
        for server in servers:
            server.always(text=TEXT)

        clock.seconds = 59
        with pytest.raises(LatticeError):
            await answer(router, ask())
        assert not any(probes(server) for server in servers)
        clock.seconds = 61
        assert (await answer(router, ask()))[0] == TEXT


async def test_who_waits_for_a_probe_does_so_within_its_own_time(servers, clock) -> None:
    async with routing(*pair(servers, **LONG), now=clock) as router:
        await fail_all(router, servers)
        for server in servers:
            server.always(fault="hang")

        clock.seconds = 5
        began = time.monotonic()
        with pytest.raises(LatticeError):
            await answer(router, ask(), deadline=asyncio.get_running_loop().time() + 0.1)
        assert time.monotonic() - began < 0.25


async def test_a_model_that_embeds_is_found_back_too(servers, clock) -> None:
    first, _ = servers
    first.next({"fault": "status", "status": 500, "times": 3, "on": "embeddings"})
    one = endpoint("a", first.base_url, embedding_models=["embedder"], breaker=LEFT_ALONE)
    async with routing(one, now=clock, retry={"rounds": 0}) as router:
        for _ in range(3):
            with pytest.raises(LatticeError):
                await router.embed(Embed(texts=("a dog",)), None)

        clock.seconds = 5
        assert len((await router.embed(Embed(texts=("a dog",)), None)).vectors) == 1
