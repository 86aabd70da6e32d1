"""The actor over its contracts, in a host of its own, with a scripted server behind it."""

import asyncio

import pytest

from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.messages import Delta, Embed, Generate, ListEndpoints, ListModels
from actors.llm.settings import LlmSettings
from tests.llm.conftest import TEXT, ask, endpoint
from transport.errors import DeadlineExceeded, Unavailable


@pytest.fixture
async def host(short_dir):
    async with Host(run_dir=short_dir) as host:
        yield host


async def start(host, *endpoints, **settings):
    await host.start_actor(Llm, LlmSettings(endpoints=endpoints, **settings), host.run_dir)
    return host.ref("llm")


async def test_plain_and_streaming_answers_over_the_contract(host, servers) -> None:
    llm = await start(host, endpoint("a", servers[0].base_url))
    reply = await llm.ask(ask())
    assert reply.choices[0].message == {"role": "assistant", "content": TEXT}
    async with llm.stream(ask(stream=True)) as stream:
        parts = [part async for part in stream]
    assert all(isinstance(part, Delta) for part in parts)
    assert parts[0].delta["role"] == "assistant"
    assert "".join(part.delta["content"] for part in parts) == TEXT
    assert stream.reply.choices == reply.choices
    assert stream.reply.attempts == 1


async def test_a_look_around_that_takes_too_long_is_no_fault_of_ours(host, monkeypatch) -> None:
    async def slow():
        await asyncio.Event().wait()

    monkeypatch.setattr("actors.llm.actor.local_ollama", slow)
    monkeypatch.setattr("actors.llm.actor.OLLAMA_ANSWERS_WITHIN_S", 0.01)
    monkeypatch.setattr("actors.llm.actor.os.environ", {})
    llm = await start(host)
    with pytest.raises(Unavailable, match="no model endpoint is configured"):
        await llm.ask(ask())


async def test_a_stream_that_the_caller_leaves_ends_upstream(host, servers) -> None:
    slow = {"first_token_timeout_s": 20, "between_tokens_timeout_s": 20, "total_timeout_s": 30}
    llm = await start(host, endpoint("a", servers[0].base_url, **slow))
    servers[0].always(fault="hang_mid")
    async with llm.stream(ask(stream=True)) as stream:
        await anext(aiter(stream))
    await asyncio.to_thread(servers[0].log, hung_up=1)


async def test_a_plain_call_that_is_cancelled_or_late_ends_upstream(host, servers) -> None:
    llm = await start(host, endpoint("a", servers[0].base_url, first_token_timeout_s=20, total_timeout_s=30))
    servers[0].always(fault="hang")
    task = asyncio.create_task(llm.ask(ask()))
    await asyncio.to_thread(servers[0].log, holding=1)
    task.cancel()
    await asyncio.to_thread(servers[0].log, hung_up=1)
    with pytest.raises(DeadlineExceeded):
        await llm.ask(ask(), timeout=0.6)
    await asyncio.to_thread(servers[0].log, hung_up=2)


async def test_models_of_all_endpoints_are_listed_once_and_a_hanging_one_is_not_waited_for(host, servers) -> None:
    first, second = servers
    first.models("x", "y")
    second.always(on="models", fault="hang")
    hanging = endpoint("b", second.base_url, models=())
    llm = await start(
        host,
        endpoint("a", first.base_url, models=()),
        hanging,
        endpoint("c", second.base_url, models=["y", "z"]),
        models_timeout_s=1.0,
    )
    listed = await llm.ask(ListModels())
    assert [(model.id, model.endpoint) for model in listed.models] == [("x", "a"), ("y", "a"), ("z", "c")]
    await llm.ask(ListModels())
    # Nor asked again while what was learnt of it is kept: its allowance is paid once.
    assert [len(server.log(listings=True)) for server in servers] == [1, 1]


async def test_endpoints_show_what_they_have_done(host, servers) -> None:
    first, second = servers
    first.always(fault="status", status=500)
    left_alone = {"open_s": 15.0}
    llm = await start(host, endpoint("a", first.base_url, breaker=left_alone), endpoint("b", second.base_url, priority=1))
    for _ in range(4):
        await llm.ask(ask())
    a, b = (await llm.ask(ListEndpoints())).endpoints
    assert (a.breaker, a.calls, a.failures, a.last_error) == ("open", 3, 3, "status 500")
    assert (b.breaker, b.calls, b.failures, b.in_flight) == ("closed", 4, 0, 0)
    assert b.models == ("gpt-test",)


async def test_without_endpoints_it_says_how_to_get_one(host) -> None:
    llm = await start(host, discover=False)
    for message in (ask(), Embed(texts=("x",))):
        with pytest.raises(Unavailable, match="OPENAI_API_KEY"):
            await llm.ask(message)
    assert (await llm.ask(ListModels())).models == ()


async def test_endpoints_come_from_the_environment_where_none_is_configured(host, servers, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", servers[0].base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    llm = await start(host)
    reply = await llm.ask(Generate(messages=({"role": "user", "content": "hi"},)))
    assert reply.model == "gpt-test"
    assert servers[0].log()[-1]["headers"]["authorization"] == "Bearer sk-environment"


async def test_many_callers_at_once_are_all_answered(host, servers) -> None:
    llm = await start(host, endpoint("a", servers[0].base_url), endpoint("b", servers[1].base_url))
    replies = await asyncio.gather(*(llm.ask(ask(str(n))) for n in range(100)))
    assert {reply.choices[0].message["content"] for reply in replies} == {TEXT}
    assert {reply.endpoint for reply in replies} == {"a", "b"}
