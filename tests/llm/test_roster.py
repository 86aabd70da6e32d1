"""Endpoints that come and go while the actor runs, what was used, budgets, aliases and tags; all of it over the contract."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from actors.clock import ManualClock
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.catalogue import Catalogue
from actors.llm.dialects import Listed
from actors.llm.endpoint import Endpoint
from actors.llm.messages import (
    AddEndpoint,
    DrainEndpoint,
    Generate,
    GetUsage,
    ListEndpoints,
    ListModels,
    RemoveEndpoint,
)
from actors.llm.settings import EndpointSettings, LlmSettings
from tests.llm.conftest import QUICK, TEXT, ask, endpoint
from transport.errors import Internal, Invalid, NotFound, Overloaded, Unavailable


async def start(host, directory, *endpoints, **settings):
    await host.start_actor(Llm, LlmSettings(endpoints=endpoints, discover=False, **settings), directory)
    return host.ref("llm")


def as_given(name, server, **settings) -> dict:
    return {"name": name, "base_url": server.base_url, "models": ["gpt-test"], **QUICK, **settings}


async def test_an_endpoint_is_added_changed_drained_and_removed_and_that_is_kept(short_dir, tmp_path, servers) -> None:
    first, second = servers
    configured = endpoint("a", first.base_url)
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, configured)
        await llm.ask(AddEndpoint(endpoint=as_given("b", second, priority=-1)))
        assert (await llm.ask(ask())).endpoint == "b"
        assert (await llm.ask(DrainEndpoint(name="b"))).endpoint.state == "draining"
        assert (await llm.ask(ask())).endpoint == "a"
        await llm.ask(AddEndpoint(endpoint=as_given("b", second, priority=5)))
        await llm.ask(RemoveEndpoint(name="a"))
        assert (await llm.ask(ask())).endpoint == "b"
        with pytest.raises(NotFound):
            await llm.ask(RemoveEndpoint(name="a"))
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, configured)
        told = (await llm.ask(ListEndpoints())).endpoints
        assert [(one.name, one.priority) for one in told] == [("b", 5)]


async def test_what_is_drained_stays_drained_over_restarts_until_it_is_added_anew(short_dir, tmp_path, servers) -> None:
    first, second = servers
    pair = endpoint("a", first.base_url), endpoint("b", second.base_url, priority=1)
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        await llm.ask(DrainEndpoint(name="a"))
        with pytest.raises(NotFound):
            await llm.ask(DrainEndpoint(name="nobody"))
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        told = {one.name: one.state for one in (await llm.ask(ListEndpoints())).endpoints}
        assert told == {"a": "draining", "b": "in_use"}
        assert (await llm.ask(ask())).endpoint == "b"
        await llm.ask(AddEndpoint(endpoint=as_given("a", first)))
        assert (await llm.ask(ask())).endpoint == "a"
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        assert (await llm.ask(ask())).endpoint == "a"


async def test_a_call_in_flight_is_finished_at_an_endpoint_that_was_removed(short_dir, tmp_path, servers) -> None:
    first, second = servers
    async with Host(run_dir=short_dir) as host:
        slow = endpoint("a", first.base_url, first_token_timeout_s=20)
        llm = await start(host, tmp_path, slow, endpoint("b", second.base_url, priority=1))
        first.next({"text": TEXT, "fault": "hang_first_token"})
        asking = asyncio.create_task(llm.ask(ask()))
        await asyncio.to_thread(first.log, holding=1)
        await llm.ask(RemoveEndpoint(name="a"))
        assert (await llm.ask(ask())).endpoint == "b"
        await asyncio.to_thread(first.release)
        assert (await asking).endpoint == "a"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"dialect": "klingon"}, "endpoint: dialect|dialect: there is no dialect"),
        ({"base_url": "nope"}, "no URL"),
        ({"connect_timeout_s": -1}, "more than 0 seconds"),
        ({"api_key_file": "/nowhere/key"}, "cannot be read"),
        ({"api_key": "sk-1"}, "api_key"),
        ({"cost_per_day": 3}, "price"),
    ],
)
async def test_an_endpoint_that_cannot_work_is_refused_by_the_name_of_its_field(
    short_dir, tmp_path, servers, changed, problem
) -> None:
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path)
        with pytest.raises(Invalid, match=problem):
            await llm.ask(AddEndpoint(endpoint={**as_given("a", servers[0]), **changed}))
        assert (await llm.ask(ListEndpoints())).endpoints == ()


async def test_usage_is_on_disk_by_namespace_and_model_and_counts_what_broke_off(short_dir, tmp_path, servers) -> None:
    first, second = servers
    prices = {"price_in": 1.0, "price_out": 10.0}
    pair = endpoint("a", first.base_url, **prices), endpoint("b", second.base_url, priority=1, **prices)
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        first.next({"text": TEXT, "fault": "cut"})
        reply = await llm.ask(ask("one two", namespace="ana", stream=True))
        assert reply.attempts == 2
        await llm.ask(ask("one two", namespace="ben"))
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        rows = (await llm.ask(GetUsage())).rows
        assert {(row.namespace, row.endpoint, row.model, row.calls) for row in rows} == {
            ("ana", "a", "gpt-test", 1),
            ("ana", "b", "gpt-test", 1),
            ("ben", "a", "gpt-test", 1),
        }
        ana = (await llm.ask(GetUsage(namespace="ana"))).rows
        assert sum(row.cost for row in ana) == pytest.approx(reply.cost)
        assert all(row.prompt_tokens and row.completion_tokens for row in ana)


async def test_an_endpoint_that_has_spent_its_day_is_left_to_others_also_after_a_restart(short_dir, tmp_path, servers) -> None:
    first, second = servers
    pair = endpoint("a", first.base_url, tokens_per_day=5), endpoint("b", second.base_url, priority=1)
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        assert [(await llm.ask(ask())).endpoint for _ in range(3)] == ["a", "b", "b"]
        await llm.ask(RemoveEndpoint(name="b"))
        with pytest.raises(Unavailable, match="5 tokens for today are used up"):
            await llm.ask(ask())
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        assert (await llm.ask(ListEndpoints())).endpoints[0].budget.tokens > 5


async def test_aliases_name_models_in_their_order_and_tags_say_who_is_asked_first(short_dir, tmp_path, servers) -> None:
    first, second = servers
    pair = (
        endpoint("a", first.base_url, models=["large"]),
        endpoint("b", second.base_url, models=["small"], tags=["cheap", "vision"], priority=1),
    )
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair, aliases={"fast": ["none", "small", "large"], "gone": ["none"]})
        assert [model.id for model in (await llm.ask(ListModels())).models] == ["large", "small", "fast"]
        assert (await llm.ask(ask(model="fast"))).model == "small"
        second.always(fault="status", status=500)
        assert (await llm.ask(ask(model="fast"))).model == "large"
        second.always(text=TEXT)
        talk = ({"role": "user", "content": "hi"},)
        assert (await llm.ask(Generate(messages=talk))).endpoint == "a"
        assert (await llm.ask(Generate(messages=talk, tags=("cheap",)))).endpoint == "b"
        assert (await llm.ask(Generate(messages=talk, tags=("unheard-of",)))).endpoint == "a"
        with pytest.raises(NotFound, match="'gone'"):
            await llm.ask(ask(model="gone"))


async def test_at_midnight_a_day_s_budget_is_whole_again_also_of_an_endpoint_that_is_changed_then(
    short_dir, tmp_path, servers
) -> None:
    first, second = servers
    clock = ManualClock(datetime(2030, 1, 1, 23, 59, tzinfo=UTC))
    pair = endpoint("a", first.base_url, tokens_per_day=5), endpoint("b", second.base_url, priority=1)
    for _ in range(2):
        async with Host(run_dir=short_dir) as host:
            await host.start_actor(Llm, LlmSettings(endpoints=pair, discover=False), tmp_path, clock)
            llm = host.ref("llm")
            told = [(await llm.ask(ask())).endpoint for _ in range(2)]
            clock.advance(120)
            told += [(await llm.ask(ask())).endpoint for _ in range(2)]
            await llm.ask(AddEndpoint(endpoint=as_given("a", first, tokens_per_day=5)))
            told.append((await llm.ask(ask())).endpoint)
            clock.advance(86_400)
            await llm.ask(AddEndpoint(endpoint=as_given("a", first, tokens_per_day=5)))
            assert (await llm.ask(ListEndpoints())).endpoints[0].budget.tokens == 0
            told += [(await llm.ask(ask())).endpoint for _ in range(2)]
            assert told == ["a", "b", "a", "b", "b", "a", "b"]
            clock.advance(2 * 86_400 - 120)


async def test_what_is_in_flight_while_an_endpoint_is_changed_counts_for_its_day(short_dir, tmp_path, servers) -> None:
    first, second = servers
    pair = endpoint("a", first.base_url, tokens_per_day=5), endpoint("b", second.base_url, priority=1)
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, *pair)
        first.next({"text": TEXT, "fault": "hang_first_token"})
        asking = asyncio.create_task(llm.ask(ask()))
        await asyncio.to_thread(first.log, holding=1)
        await llm.ask(AddEndpoint(endpoint=as_given("a", first, tokens_per_day=5)))
        await asyncio.to_thread(first.release)
        assert (await asking).endpoint == "a"
        assert (await llm.ask(ask())).endpoint == "b"


async def test_a_restart_does_not_fill_the_bucket_of_the_background_and_time_does(short_dir, tmp_path, servers) -> None:
    first, _ = servers
    clock = ManualClock(datetime(2030, 1, 1, tzinfo=UTC))
    background = {"tokens_per_minute": 60, "burst_tokens": 10}
    told = []
    for restart in range(3):
        async with Host(run_dir=short_dir) as host:
            settings = LlmSettings(endpoints=[endpoint("a", first.base_url)], discover=False, background=background)
            await host.start_actor(Llm, settings, tmp_path, clock)
            llm = host.ref("llm")
            for _ in range(2):
                try:
                    await llm.ask(ask("one two three four five six seven"), lane="bg")
                    told.append("answered")
                except Overloaded:
                    told.append("spent")
        clock.advance(60 * restart)

    assert told == ["answered", "spent", "spent", "spent", "answered", "spent"]


async def test_a_key_file_that_changes_is_read_again_and_one_that_vanishes_costs_no_key(short_dir, tmp_path, servers) -> None:
    first, _ = servers
    kept = tmp_path / "key"
    kept.write_text("sk-one\n")
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, endpoint("a", first.base_url, api_key_file=kept))
        for change in (lambda: kept.write_text("sk-two-and-longer\n"), kept.unlink, lambda: kept.write_text("sk-three")):
            await llm.ask(ask())
            change()
        await llm.ask(ask())

    told = [seen["headers"]["authorization"].removeprefix("Bearer ") for seen in first.log()]
    assert told == ["sk-one", "sk-two-and-longer", "sk-two-and-longer", "sk-three"]


async def test_calls_that_change_one_endpoint_at_once_leave_what_is_on_disk(short_dir, tmp_path, servers) -> None:
    first, second = servers
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path, endpoint("a", first.base_url), endpoint("b", second.base_url))
        told = await asyncio.gather(*(llm.ask(RemoveEndpoint(name="a")) for _ in range(3)), return_exceptions=True)
        assert not any(isinstance(one, Internal) for one in told)
        assert [one.name for one in (await llm.ask(ListEndpoints())).endpoints] == ["b"]

        await asyncio.gather(llm.ask(AddEndpoint(endpoint=as_given("b", second))), llm.ask(DrainEndpoint(name="b")))
        now = [one.state for one in (await llm.ask(ListEndpoints())).endpoints]
    async with Host(run_dir=short_dir) as host:
        llm = await start(host, tmp_path)
        assert [one.state for one in (await llm.ask(ListEndpoints())).endpoints] == now


async def test_what_an_endpoint_lists_after_it_was_changed_is_not_taken_for_what_stands_in_its_place(servers) -> None:
    reached, may = asyncio.Event(), asyncio.Event()
    before, after = (
        Endpoint(EndpointSettings(name="a", base_url=servers[0].base_url), max_bytes=1 << 20, now=time.monotonic)
        for _ in range(2)
    )

    async def list_late(timeout_s):
        del timeout_s
        reached.set()
        await may.wait()
        return [Listed("of-the-one-before")]

    before.list_models = list_late
    there = [before]
    catalogue = Catalogue(there, timeout_s=5, cache_s=60, now=time.monotonic)
    asking = asyncio.create_task(catalogue.models())
    await reached.wait()
    there[:] = [after]
    catalogue.forget(before)
    may.set()
    await asking
    assert catalogue.known(after) is None
