"""What Lattice's own calls cost: in the accounts under a name of their own, and of the endpoint's day."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from actors.llm.ledger import PROBES, Ledger
from actors.llm.messages import Embed, GetUsage
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from tests.llm.test_breaker import Clock
from tests.llm.test_scouts import CALLERS, LONG
from transport.errors import LatticeError


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def kept(tmp_path, *endpoints, **settings):
    """A router with a ledger; both are closed, with all on disk, before the rows are read."""
    ledger = Ledger(tmp_path / "llm.db")
    await ledger.open()
    try:
        async with routing(*endpoints, **settings) as router:
            router.ledger = ledger
            yield router, ledger
    finally:
        await ledger.close()


async def rows_of(ledger: Ledger) -> list[tuple[str, str, str, int]]:
    return [(row.namespace, row.endpoint, row.model, row.calls) for row in await ledger.usage(GetUsage(), "2030-01-01")]


async def fail_thrice(call) -> None:
    for _ in range(3):
        with pytest.raises(LatticeError):
            await call()


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "whole"])
async def test_a_probe_is_in_the_accounts_and_counts_for_the_endpoints_day(servers, clock, tmp_path, streams) -> None:
    first, _ = servers
    first.always(fault="status", status=500)
    one = endpoint("a", first.base_url, streams=streams, tokens_per_day=1000, price_in=1.0, price_out=1.0)
    async with kept(tmp_path, one, now=clock, retry={"rounds": 0}) as (router, ledger):
        await fail_thrice(lambda: answer(router, ask()))
        assert await rows_of(ledger) == []
        first.always(text=TEXT)
        clock.time += 2
        await router.prober.round()
        spent = router.endpoints[0].spending
        assert spent.tokens > 0
        assert spent.cost > 0
        await asyncio.gather(*router.writing)
        assert await rows_of(ledger) == [(PROBES, "a", "gpt-test", 1)]


async def test_a_probe_of_an_embedding_model_is_in_the_accounts_too(servers, clock, tmp_path) -> None:
    first, _ = servers
    first.next({"fault": "status", "status": 500, "times": 3, "on": "embeddings"})
    one = endpoint("a", first.base_url, embedding_models=["embedder"])
    async with kept(tmp_path, one, now=clock, retry={"rounds": 0}) as (router, ledger):
        await fail_thrice(lambda: router.embed(Embed(texts=("a dog",)), None))
        clock.time += 2
        await router.prober.round()
        await asyncio.gather(*router.writing)
        assert await rows_of(ledger) == [(PROBES, "a", "embedder", 1)]


async def test_an_endpoint_whose_day_is_used_up_is_probed_by_what_costs_nothing(servers, clock, tmp_path) -> None:
    first, _ = servers
    first.always(fault="status", status=500)
    one = endpoint("a", first.base_url, tokens_per_day=5)
    async with kept(tmp_path, one, now=clock, retry={"rounds": 0}) as (router, ledger):
        await fail_thrice(lambda: answer(router, ask()))
        router.endpoints[0].spending.add("2030-01-01", 5, 0.0)
        first.always(text=TEXT)
        clock.time += 2
        await router.prober.round()
        assert router.endpoints[0].breakers.state() == "closed"
        assert len(first.log()) == 3
        assert await rows_of(ledger) == []


@pytest.mark.parametrize("total_timeout_s", [5.0, 0.1], ids=["first token", "total"])
@pytest.mark.parametrize("lists", [True, False], ids=["probed by lists", "day used up"])
async def test_an_endpoint_that_does_not_list_its_models_in_time_is_not_back(servers, clock, lists, total_timeout_s) -> None:
    first, _ = servers
    first.always(fault="status", status=500)
    one = endpoint(
        "a", first.base_url, first_token_timeout_s=0.3, total_timeout_s=total_timeout_s, tokens_per_day=None if lists else 5
    )
    async with routing(one, now=clock, retry={"rounds": 0}, probe="models" if lists else "generate") as router:
        router.endpoints[0].spending.add("2030-01-01", 4, 0.0)
        await fail_thrice(lambda: answer(router, ask()))
        router.endpoints[0].spending.add("2030-01-01", 1, 0.0)
        first.next({"fault": "hang", "on": "models", "times": 100})
        clock.time += 2
        await router.prober.round()
        assert router.endpoints[0].breakers.state() == "open"
        assert router.endpoints[0].last_error == "no list of models within 0.3 s"


async def test_an_embedding_breaker_that_is_probed_by_lists_stays_open_at_a_mute_endpoint(servers, clock) -> None:
    first, _ = servers
    first.next({"fault": "status", "status": 500, "times": 3, "on": "embeddings"})
    one = endpoint("a", first.base_url, embedding_models=["embedder"], first_token_timeout_s=0.3)
    async with routing(one, now=clock, retry={"rounds": 0}, probe="models") as router:
        await fail_thrice(lambda: router.embed(Embed(texts=("a dog",)), None))
        first.next({"fault": "hang", "on": "models", "times": 100})
        clock.time += 2
        await router.prober.round()
        assert [breaker.open_until is not None for _, _, breaker in router.prober.broken()] == [True]


async def test_who_is_sent_ahead_of_a_crowd_is_nobodys_call(servers, tmp_path) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_first_token")
    silent = endpoint("a", first.base_url, first_token_timeout_s=3.0, total_timeout_s=20.0)
    async with kept(tmp_path, silent, endpoint("b", second.base_url, priority=1, **LONG)) as (router, ledger):
        answers = await asyncio.gather(*(answer(router, ask(namespace="ana")) for _ in range(CALLERS)))
        await asyncio.gather(*router.writing)
        assert await rows_of(ledger) == [(PROBES, "b", "gpt-test", 1), ("ana", "b", "gpt-test", len(answers))]
