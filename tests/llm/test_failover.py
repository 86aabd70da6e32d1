"""Every fault of an endpoint, with a second one beside it: nobody notices."""

import asyncio
import socket
import time

import pytest

from actors.llm.messages import Generate
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import DeadlineExceeded, Invalid, NotFound, Unavailable

WHOLE_S = 60.0
"""What an endpoint may take for a whole answer: who waits for that has not noticed that it is broken."""

FAULTS = [
    {"fault": "refuse"},
    {"fault": "hang"},
    {"fault": "hang_first_token"},
    {"fault": "hang_mid"},
    {"fault": "hang_mid", "after_tokens": 1},
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 401},
    {"fault": "status", "status": 404},
    {"fault": "status", "status": 400},
    {"fault": "status", "status": 429},
    {"fault": "status", "status": 429, "retry_after": "30"},
    {"fault": "html"},
    {"fault": "garbage"},
    {"fault": "garbage", "after_tokens": 0},
    {"fault": "error_inside"},
    {"fault": "error_inside", "after_tokens": 0},
    {"fault": "cut"},
    {"fault": "cut", "after_tokens": 0},
    {"fault": "cut_clean"},
    {"fault": "cut_clean", "after_tokens": 0},
    {"fault": "wrong_type"},
    {"fault": "drip", "delay_between_s": 0.05},
]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("streams", [True, False], ids=["sse", "json"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_a_fault_of_the_first_endpoint_is_not_seen(servers, fault, stream, streams) -> None:
    first, second = servers
    first.always(text=TEXT, **fault)
    broken = endpoint("a", first.base_url, streams=streams, total_timeout_s=WHOLE_S)
    async with routing(broken, endpoint("b", second.base_url, priority=1)) as router:
        started = time.monotonic()
        answers = await asyncio.gather(*(answer(router, ask(stream=stream)) for _ in range(4)))
        took = time.monotonic() - started

    for text, reply in answers:
        assert text == TEXT
        assert reply.endpoint == "b"
        assert reply.choices[0].finish_reason == "stop"
        assert reply.model == "gpt-test"

    # One for each endpoint; a busy machine may have had to connect once more.
    assert answers[0][1].attempts in {2, 3}
    assert took < WHOLE_S / 2


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_an_endpoint_that_nobody_listens_at_or_that_cannot_be_named_is_passed_over(servers, stream) -> None:
    _, second = servers
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"

    unnamed = endpoint("b", "http://nowhere.invalid/v1", priority=1)
    no_tls = endpoint("c", second.base_url.replace("http", "https"), priority=2)
    async with routing(endpoint("a", nobody), unnamed, no_tls, endpoint("d", second.base_url, priority=3)) as router:
        text, reply = await answer(router, ask(stream=stream))
        assert text == TEXT
        assert reply.attempts == 4
        assert [e.last_error for e in router.endpoints] == [
            "no connection: Connection refused",
            "its name cannot be resolved",
            "no TLS connection can be made",
            None,
        ]


async def test_a_process_that_stands_still_is_left_after_its_first_token_allowance(servers) -> None:
    first, second = servers
    first.pause()
    try:
        halted = endpoint("a", first.base_url, total_timeout_s=WHOLE_S)
        async with routing(halted, endpoint("b", second.base_url, priority=1)) as router:
            started = time.monotonic()
            assert (await answer(router, ask(stream=True)))[0] == TEXT
            assert time.monotonic() - started < WHOLE_S / 2
    finally:
        first.resume()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_an_answer_without_end_is_cut_off(servers, stream) -> None:
    first, second = servers
    first.always(fault="endless", text="la ")
    limits = {"max_response_bytes": 100_000}
    async with routing(endpoint("a", first.base_url), endpoint("b", second.base_url, priority=1), **limits) as router:
        text, reply = await answer(router, ask(stream=stream))
        assert text.endswith(TEXT)
        assert reply.attempts == 2


async def test_thirty_two_clients_at_once_see_nothing_of_a_hanging_endpoint(servers) -> None:
    first, second = servers
    first.always(text=TEXT, fault="hang_mid")
    async with routing(endpoint("a", first.base_url), endpoint("b", second.base_url, priority=1)) as router:
        answers = await asyncio.gather(*(answer(router, ask(stream=n % 2 == 0)) for n in range(32)))

    assert {text for text, _ in answers} == {TEXT}


async def test_a_stream_that_ends_without_its_finish_is_never_taken_for_whole(servers) -> None:
    first, _ = servers
    first.always(fault="cut_clean")
    async with routing(endpoint("a", first.base_url)) as router:
        with pytest.raises(Unavailable, match="without a finish"):
            await answer(router, ask())
        with pytest.raises(Unavailable, match="without a finish"):
            await answer(router, ask(stream=True))


async def test_all_down_says_why_of_each_and_when_to_come_back_without_secrets(servers, monkeypatch) -> None:
    first, second = servers
    monkeypatch.setenv("KEY", "sk-very-secret")
    first.always(fault="status", status=429, retry_after="7", message="sk-very-secret has had enough of 'hello'")
    second.always(fault="status", status=401, message="Incorrect API key provided: sk-very-secret")
    endpoints = [endpoint("a", first.base_url, api_key_env="KEY"), endpoint("b", second.base_url, api_key_env="KEY")]
    async with routing(*endpoints) as router:
        with pytest.raises(Unavailable) as error:
            await answer(router, ask())

        body = str(error.value.to_body())
        assert error.value.detail["endpoints"]["a"] == "status 429 (rate limit)"
        assert "status 401" in error.value.message
        assert "secret" not in body
        assert "hello" not in body
        assert first.log()[0]["headers"]["authorization"] == "Bearer sk-very-secret"

        for _ in range(2):
            with pytest.raises(Unavailable):
                await answer(router, ask())
        with pytest.raises(Unavailable) as error:
            await answer(router, ask())

        assert len(first.log()) == 1
        assert len(second.log()) == 3
        assert 0 < error.value.retry_after_ms <= 1000
        assert "left alone" in error.value.detail["endpoints"]["b"]


async def test_a_request_that_is_wrong_is_answered_as_such_after_a_second_opinion(servers) -> None:
    first, second = servers
    for server in servers:
        server.always(fault="status", status=400, message="temperature: must be below 3")
    third = endpoint("c", second.base_url, priority=2)
    async with routing(endpoint("a", first.base_url), endpoint("b", second.base_url, priority=1), third) as router:
        for _ in range(5):
            with pytest.raises(Invalid, match="temperature: must be below 3"):
                await answer(router, ask())

        assert [e.breakers.state() for e in router.endpoints] == ["closed"] * 3
        assert router.endpoints[2].calls == 0


async def test_a_model_that_nobody_has_is_not_found(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url)) as router:
        with pytest.raises(NotFound, match="'gpt-none'"):
            await answer(router, ask(model="gpt-none"))
    first.always(fault="status", status=404)
    async with routing(endpoint("a", first.base_url, models=())) as router:
        with pytest.raises(NotFound, match="'gpt-none'"):
            await answer(router, ask(model="gpt-none"))


async def test_another_model_answers_when_all_that_have_the_one_asked_for_are_down_unless_forbidden(servers) -> None:
    first, second = servers
    first.always(fault="refuse")
    pair = (endpoint("a", first.base_url), endpoint("b", second.base_url, models=["other"]))
    async with routing(*pair) as router:
        _, reply = await answer(router, ask())
        assert (reply.model, reply.endpoint) == ("other", "b")
    async with routing(*pair, other_models=False) as router:
        with pytest.raises(Unavailable):
            await answer(router, ask())


async def test_the_callers_deadline_is_kept_and_does_not_count_against_the_endpoint(servers) -> None:
    first, second = servers
    first.always(fault="hang")
    slow = {"first_token_timeout_s": 10, "total_timeout_s": 20}
    async with routing(endpoint("a", first.base_url, **slow), endpoint("b", second.base_url, priority=1)) as router:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await answer(router, ask(), deadline=asyncio.get_running_loop().time() + 0.6)

        assert 0.5 < time.monotonic() - started < slow["first_token_timeout_s"] / 2
        assert router.endpoints[0].failures == 0
    first.log(hung_up=1)


async def test_a_caller_that_leaves_closes_the_connection_upstream_at_once(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, fault="hang_mid")
    slow = {"first_token_timeout_s": 20, "between_tokens_timeout_s": 20, "total_timeout_s": 30}
    async with routing(endpoint("a", first.base_url, **slow)) as router:
        parts = router.generate(ask(stream=True), None)
        await anext(parts)
        await parts.aclose()
        await asyncio.to_thread(first.log, hung_up=1)
        task = asyncio.create_task(answer(router, ask()))
        await asyncio.to_thread(first.log, holding=1)
        task.cancel()
        await asyncio.to_thread(first.log, hung_up=2)
        assert router.endpoints[0].in_flight == 0
        assert router.endpoints[0].failures == 0


async def test_equal_endpoints_share_by_weight(servers) -> None:
    first, second = servers
    async with routing(endpoint("a", first.base_url, weight=3), endpoint("b", second.base_url, weight=1)) as router:
        replies = [(await answer(router, ask()))[1] for _ in range(60)]

    assert 35 <= sum(reply.endpoint == "a" for reply in replies) <= 55


async def test_a_full_endpoint_is_passed_over_and_one_that_is_alone_is_waited_for(servers) -> None:
    first, second = servers
    for server in servers:
        server.always(text=TEXT, delay_first_s=0.1)
    pair = [endpoint("a", first.base_url, max_in_flight=1), endpoint("b", second.base_url, priority=1, max_in_flight=1)]
    async with routing(*pair) as router:
        replies = await asyncio.gather(*(answer(router, ask()) for _ in range(2)))
        assert [reply.endpoint for _, reply in replies] == ["a", "b"]
        replies = await asyncio.gather(*(answer(router, ask()) for _ in range(6)))
        assert {text for text, _ in replies} == {TEXT}


async def test_with_no_endpoint_it_says_at_once_how_to_get_one() -> None:
    async with routing() as router:
        with pytest.raises(Unavailable, match="OPENAI_API_KEY"):
            await answer(router, ask())


async def test_connections_are_used_again_and_one_that_was_closed_meanwhile_is_made_anew(servers) -> None:
    first, _ = servers
    # Who is slow on a busy machine is asked for a sign of life, over a connection of its own, which may be the next call's.
    async with routing(endpoint("a", first.base_url, sign_of_life_s=0)) as router:
        for stream in (False, True, False):
            await answer(router, ask(stream=stream))

        assert len({seen["connection"] for seen in first.log()}) == 1
        first.next({"fault": "refuse"})
        text, reply = await answer(router, ask())
        assert text == TEXT
        assert reply.attempts == 2
        assert router.endpoints[0].failures == 0


async def test_no_model_named_means_the_first_endpoints_first(servers) -> None:
    first, _ = servers
    first.models("text-embedding-9", "gpt-newest")
    async with routing(endpoint("a", first.base_url, models=())) as router:
        _, reply = await answer(router, Generate(messages=({"role": "user", "content": "hi"},)))
        assert reply.model == "gpt-newest"
