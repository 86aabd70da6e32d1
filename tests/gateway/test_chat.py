"""/v1/chat/completions with the real openai package: whole, streamed, repeated, broken off."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import aiohttp
import openai
import pytest

from tests.gateway.house import TEXT, House, house, user
from tests.model_server import SyncModelServer

ASK = {"model": "gpt-test", "messages": [user("Hello")]}


async def test_the_openai_package_reads_a_whole_answer(lattice: House) -> None:
    answer = await lattice.openai().chat.completions.create(**ASK)

    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.created > 1_700_000_000
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert answer.model_extra is not None
    told = answer.model_extra["lattice"]
    assert told["endpoint"] == "first"
    assert told["attempts"] == 1
    assert told["degraded"] is False
    assert answer.id.endswith(told["thought_id"].removeprefix("th_"))


async def test_the_openai_package_reads_a_streamed_answer(lattice: House) -> None:
    stream = await lattice.openai().chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]

    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert {chunk.created for chunk in chunks} == {chunks[0].created}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].model_extra is not None
    assert chunks[0].id == f"chatcmpl-{chunks[-1].model_extra['lattice']['thought_id'].removeprefix('th_')}"


async def test_a_stream_tells_its_usage_only_when_asked(lattice: House) -> None:
    chunks = [chunk async for chunk in await lattice.openai().chat.completions.create(**ASK, stream=True)]

    assert all(chunk.usage is None for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].model_extra is not None
    assert chunks[-1].model_extra["lattice"]["endpoint"] == "first"


async def test_fields_that_are_not_ours_reach_the_model(lattice: House, model: SyncModelServer) -> None:
    await lattice.openai().chat.completions.create(
        **ASK, temperature=0.25, stop=["never"], extra_body={"top_k": 7}, extra_headers={"X-Lattice-Session": "s"}
    )

    sent = model.log(finished=1)[0]["body"]
    assert (sent["temperature"], sent["stop"], sent["top_k"]) == (0.25, ["never"], 7)
    assert "session" not in sent
    assert "namespace" not in sent


@pytest.mark.parametrize("effort", ["minimal", "low", "xhigh", None])
async def test_the_effort_reaches_the_model_as_it_came(lattice: House, model: SyncModelServer, effort: str | None) -> None:
    await lattice.post("/v1/chat/completions", {**ASK, "reasoning_effort": effort})

    # A high effort takes several calls, of which some are not the answer's.
    assert effort in [seen["body"].get("reasoning_effort") for seen in model.log(finished=1)]


@pytest.mark.parametrize("streaming", [False, True])
async def test_tool_calls_arrive_whole(lattice: House, model: SyncModelServer, streaming: bool) -> None:
    model.next({"text": "", "tool_calls": [{"id": "c1", "name": "look", "arguments": '{"where": "here"}'}]})
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    client = lattice.openai()
    if streaming:
        async with client.chat.completions.stream(**ASK, tools=tools) as stream:
            async for _ in stream:
                pass
            answer = await stream.get_final_completion()
    else:
        answer = await client.chat.completions.create(**ASK, tools=tools)

    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.tool_calls is not None
    call = answer.choices[0].message.tool_calls[0]
    assert (call.id, call.function.name, call.function.arguments) == ("c1", "look", '{"where": "here"}')


async def test_an_answer_without_a_model_says_that_it_is_degraded(short_dir) -> None:
    async with house(short_dir) as lattice:
        client = lattice.openai()
        whole = await client.chat.completions.create(**ASK)
        chunks = [chunk async for chunk in await client.chat.completions.create(**ASK, stream=True)]

    assert whole.model_extra is not None
    assert whole.model_extra["lattice"]["degraded"] is True
    assert whole.choices[0].message.content
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[-1].model_extra is not None
    assert chunks[-1].model_extra["lattice"]["degraded"] is True


@pytest.mark.parametrize("streaming", [False, True], ids=["plain", "stream"])
async def test_a_degraded_answer_tells_how_many_calls_were_made_for_it(
    lattice: House, model: SyncModelServer, streaming: bool
) -> None:
    model.always(fault="status", status=500)
    chat = lattice.openai().chat.completions
    if streaming:
        told = [chunk async for chunk in await chat.create(**ASK, stream=True)][-1].model_extra
    else:
        told = (await chat.create(**ASK)).model_extra

    assert told is not None
    assert told["lattice"]["degraded"] is True
    # A second one, since such a failure may pass.
    assert told["lattice"]["attempts"] == len(model.log()) == 2
    thought = await lattice.get(f"/v1/thoughts/{told['lattice']['thought_id']}")
    assert thought["attempts"] == 2


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_client_that_hangs_up_cancels_the_model_call(lattice: House, model: SyncModelServer, streaming: bool) -> None:
    model.next({"fault": "hang_mid" if streaming else "hang"})
    asking = asyncio.create_task(lattice.http.post(f"{lattice.url}/v1/chat/completions", json={**ASK, "stream": streaming}))
    await asyncio.to_thread(model.log, holding=1)
    if streaming:
        (await asking).close()
    else:
        asking.cancel()

    assert (await asyncio.to_thread(model.log, hung_up=1))[0]["state"] == "hung_up"


async def test_a_time_limit_of_the_clients_own_is_kept(lattice: House, model: SyncModelServer) -> None:
    model.next({"fault": "hang"})
    status, body = await lattice.call(
        "POST", "/v1/chat/completions", ASK, headers={"X-Lattice-Timeout": "1", "X-Lattice-Memory": "off"}
    )

    # With the time up, thinking may still have had its answer from memory ready.
    assert status == 504 or body["lattice"]["degraded"]
    await asyncio.to_thread(model.log, hung_up=1)


async def test_a_repeated_request_is_joined_to_the_first(lattice: House, model: SyncModelServer) -> None:
    model.next({"fault": "hang"})
    first = asyncio.create_task(lattice.post("/v1/chat/completions", ASK))
    await asyncio.to_thread(model.log, holding=1)
    second = asyncio.create_task(lattice.post("/v1/chat/completions", ASK, x_stainless_retry_count="1"))
    await until_in_flight(lattice, 2)
    model.release()

    assert await first == await second
    assert len(model.log()) == 1


async def test_a_repeated_stream_has_the_same_id_and_text(lattice: House, model: SyncModelServer) -> None:
    model.next({"fault": "hang_mid", "text": TEXT})
    key = {"Idempotency-Key": "this question"}
    client = lattice.openai()
    first = await client.chat.completions.create(**ASK, stream=True, extra_headers=key)
    begun = await anext(first.__aiter__())
    second = await client.chat.completions.create(**ASK, stream=True, extra_headers=key)
    again = await anext(second.__aiter__())
    assert (begun.id, begun.created) == (again.id, again.created)

    model.release()
    for stream in (first, second):
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == TEXT
    assert len(model.log()) == 1


async def test_the_same_question_without_a_retry_header_is_asked_anew(lattice: House, model: SyncModelServer) -> None:
    one = await lattice.post("/v1/chat/completions", ASK)
    other = await lattice.post("/v1/chat/completions", ASK)

    assert one["id"] != other["id"]
    assert len(model.log(finished=2)) == 2


async def test_an_idempotency_key_is_of_its_namespace(lattice: House, model: SyncModelServer) -> None:
    answers = [
        await lattice.post("/v1/chat/completions", ASK, idempotency_key="k", x_lattice_namespace=namespace)
        for namespace in ("one", "one", "other")
    ]

    assert answers[0] == answers[1]
    assert answers[0]["id"] != answers[2]["id"]
    assert len(model.log(finished=2)) == 2


async def test_a_stream_repeated_as_a_plain_request_is_joined_and_the_other_way_round(
    lattice: House, model: SyncModelServer
) -> None:
    """As a client does whose stream broke: more pieces than one is let to have without asking for more."""
    text = " ".join(f"word{number}" for number in range(200))
    model.always(text=text)
    client = lattice.openai()
    for begins_as_a_stream in (True, False):
        key = {"Idempotency-Key": f"asked first as a stream: {begins_as_a_stream}"}
        said: dict[bool, str] = {}
        for stream in (begins_as_a_stream, not begins_as_a_stream):
            answer: Any = await client.chat.completions.create(**ASK, stream=stream, extra_headers=key)
            if stream:
                said[stream] = "".join([chunk.choices[0].delta.content or "" async for chunk in answer])
            else:
                said[stream] = answer.choices[0].message.content
        assert said == {True: text, False: text}

    assert len(model.log(finished=2)) == 2


async def test_an_idempotency_key_used_again_for_another_body_is_refused(lattice: House, model: SyncModelServer) -> None:
    answer = await lattice.post("/v1/chat/completions", ASK, idempotency_key="k")
    status, told = await lattice.refused("/v1/chat/completions", {**ASK, "temperature": 0.5}, idempotency_key="k")

    assert (status, told["code"], told["param"]) == (422, "invalid", "Idempotency-Key")
    assert await lattice.post("/v1/chat/completions", ASK, idempotency_key="k", cache_control="no-cache") == answer
    assert len(model.log()) == 1


async def test_a_stream_that_breaks_says_so_and_has_no_end(lattice: House, model: SyncModelServer) -> None:
    model.always(text=TEXT, fault="error_inside", after_tokens=3)
    text = await raw_stream(lattice, {**ASK, "n": 2})

    assert '"error"' in text
    assert "[DONE]" not in text


async def test_the_openai_package_raises_when_a_stream_breaks(lattice: House, model: SyncModelServer) -> None:
    model.always(text=TEXT, fault="error_inside", after_tokens=3)
    with pytest.raises(openai.APIError):
        async for _ in await lattice.openai().chat.completions.create(**ASK, n=2, stream=True):
            pass


async def test_a_silent_stream_sends_heartbeats(short_dir, model: SyncModelServer) -> None:
    model.next({"fault": "hang_first_token", "text": TEXT})
    async with (
        house(short_dir, model=model.base_url, heartbeat_s=0.05) as lattice,
        lattice.http.post(f"{lattice.url}/v1/chat/completions", json={**ASK, "stream": True}) as response,
    ):
        beats = [await response.content.readline() for _ in range(4)]
        model.release()
        rest = await response.text()

    assert beats == [b": heartbeat\n", b"\n"] * 2
    assert rest.endswith("data: [DONE]\n\n")


async def test_a_client_that_reads_nothing_is_cut_off(short_dir, model: SyncModelServer) -> None:
    model.next({"text": "word " * 1000, "fault": "endless"})
    body = json.dumps({**ASK, "stream": True}).encode()
    async with house(short_dir, model=model.base_url, write_timeout_s=0.1) as lattice:
        with socket.create_connection(lattice.gateway.address) as client:
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            await asyncio.to_thread(model.log, hung_up=1, wait_s=30)


async def test_history_is_remembered_once_and_memory_can_be_left_out(lattice: House) -> None:
    client = lattice.openai(default_headers={"X-Lattice-Session": "talk"})
    history = [user("My dog is called Rex.")]
    first = await client.chat.completions.create(model="gpt-test", messages=history)
    history += [{"role": "assistant", "content": first.choices[0].message.content}, user("And my cat Mia.")]
    await client.chat.completions.create(model="gpt-test", messages=history)
    for mode in ("off", "read"):
        await client.chat.completions.create(**ASK, extra_headers={"X-Lattice-Memory": mode})

    told = await lattice.get("/v1/sessions/talk")
    assert [turn["text"] for turn in told["turns"]] == ["My dog is called Rex.", TEXT, "And my cat Mia.", TEXT]


async def test_more_requests_than_are_let_in_are_told_when_to_come_back(short_dir, model: SyncModelServer) -> None:
    model.next({"fault": "hang"})
    async with house(short_dir, model=model.base_url, max_in_flight=1) as lattice:
        asking = asyncio.create_task(lattice.post("/v1/chat/completions", ASK))
        await asyncio.to_thread(model.log, holding=1)
        with pytest.raises(openai.RateLimitError) as refused:
            await lattice.openai().chat.completions.create(**ASK)
        assert (await lattice.call("GET", "/healthz"))[0] == 200
        model.release()
        await asking

    assert refused.value.response.headers["Retry-After"] == "1"


async def test_a_request_in_flight_is_finished_when_the_gateway_is_stopped(short_dir, model: SyncModelServer) -> None:
    model.next({"fault": "hang", "text": TEXT})
    async with house(short_dir, model=model.base_url, drain_s=20) as lattice:
        asking = asyncio.create_task(lattice.post("/v1/chat/completions", ASK))
        await asyncio.to_thread(model.log, holding=1)
        stopping = asyncio.create_task(lattice.host.stop_actor("gateway"))
        await until_refused(lattice)
        model.release()

        assert (await asking)["choices"][0]["message"]["content"] == TEXT
        await stopping


async def until_in_flight(lattice: House, count: int) -> None:
    """Until so many requests are being handled."""
    registry = lattice.gateway.http_metrics.registry
    while registry.get_sample_value("lattice_http_in_flight", {"actor": "gateway"}) != count:
        # Its own loop runs in between.
        await lattice.get("/healthz")


async def until_refused(lattice: House) -> None:
    """Until the gateway takes no more connections."""
    while True:
        try:
            _, writer = await asyncio.open_connection(*lattice.gateway.address)
        except OSError:
            return
        writer.close()


async def raw_stream(lattice: House, body: dict) -> str:
    async with lattice.http.post(f"{lattice.url}/v1/chat/completions", json={**body, "stream": True}) as response:
        try:
            return await response.text()
        except aiohttp.ClientPayloadError:
            pytest.fail("the stream was cut instead of ended with an error event")


async def test_calls_of_an_endpoint_that_does_not_stream_are_streamed_apart(lattice: House, model: SyncModelServer) -> None:
    first = {"name": "first", "base_url": model.base_url, "models": ["gpt-test"], "streams": False}
    await lattice.post("/v1/llm/endpoints", first)
    calls = [{"id": f"c{n}", "name": "look", "arguments": f'{{"n": {n}}}'} for n in range(2)]
    model.next({"text": "", "tool_calls": calls})

    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
    async with lattice.openai().chat.completions.stream(model="gpt-test", messages=[user("Look.")], tools=tools) as stream:
        told = await stream.get_final_completion()

    assert [(call.id, call.function.arguments) for call in told.choices[0].message.tool_calls] == [
        ("c0", '{"n": 0}'),
        ("c1", '{"n": 1}'),
    ]
