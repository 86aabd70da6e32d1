"""The scripted server itself, looked at with the vendors' own packages."""

import json
from collections.abc import AsyncIterator

import anthropic
import openai
import pytest

from tests.model_server import ModelServer, SyncModelServer


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


async def test_openais_package_reads_plain_and_streaming_answers(server: ModelServer) -> None:
    await server.always(mode="echo", reasoning="let me see")
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="sk-test", max_retries=0) as client:
        asked = {"model": "gpt-test", "messages": [{"role": "user", "content": "one two three"}]}
        plain = await client.chat.completions.create(**asked)
        assert plain.choices[0].message.content == "one two three"
        assert plain.usage.completion_tokens == 3
        stream = await client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in stream]
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "one two three"
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].usage.completion_tokens == 3
        assert [model.id async for model in client.models.list()] == ["gpt-test"]
        vectors = await client.embeddings.create(model="embed", input=["a red fox", "a red fox"])
        assert vectors.data[0].embedding == vectors.data[1].embedding

    log = await server.log(finished=3)
    assert log[0]["headers"]["authorization"] == "Bearer sk-test"
    assert log[0]["body"]["messages"] == asked["messages"]


async def test_anthropics_package_reads_plain_and_streaming_answers_and_tools(server: ModelServer) -> None:
    call = {"id": "toolu_1", "name": "weather", "arguments": '{"city": "Bern"}'}
    await server.next({"text": "Hello you."}, {"text": "Hello you.", "reasoning": "hm"}, {"tool_calls": [call]})
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key="sk-test", max_retries=0) as client:
        asked = {"model": "claude", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}
        assert (await client.messages.create(**asked)).content[0].text == "Hello you."
        async with client.messages.stream(**asked) as stream:
            assert "".join([text async for text in stream.text_stream]) == "Hello you."
            assert (await stream.get_final_message()).stop_reason == "end_turn"
        async with client.messages.stream(**asked) as stream:
            message = await stream.get_final_message()
            assert message.content[0].input == {"city": "Bern"}
            assert message.stop_reason == "tool_use"


async def test_it_finds_in_the_prompt_what_was_said(server: ModelServer) -> None:
    await server.always(mode="find", words=["parrot"], text="I do not know.")
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client:
        known = "Known: Ada has a dog. Ada's parrot is called Kiwi. It rains."
        messages = [{"role": "system", "content": known}, {"role": "user", "content": "What is the parrot called?"}]
        answer = await client.chat.completions.create(model="m", messages=messages)
        assert answer.choices[0].message.content == "Ada's parrot is called Kiwi."
        answer = await client.chat.completions.create(model="m", messages=messages[1:])
        assert answer.choices[0].message.content == "I do not know."


@pytest.mark.parametrize("word", [[], [{"role": "user", "content": "Go on from there."}]])
async def test_it_goes_on_from_what_was_already_said(server: ModelServer, word) -> None:
    await server.always(text="one two three four")
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client:
        messages = [{"role": "user", "content": "count"}, {"role": "assistant", "content": "one two"}, *word]
        answer = await client.chat.completions.create(model="m", messages=messages)
        assert answer.choices[0].message.content == " three four"


async def test_a_client_that_leaves_is_seen_and_what_hangs_can_be_let_go(server: ModelServer) -> None:
    await server.next({"fault": "hang_mid"}, {"fault": "hang"})
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client:
        asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        stream = await client.chat.completions.create(**asked, stream=True)
        await anext(aiter(stream))
        await server.log(holding=1)
        await stream.close()
        await server.log(hung_up=1)
        with pytest.raises(openai.APITimeoutError):
            await client.with_options(timeout=0.6).chat.completions.create(**asked)
        await server.log(hung_up=2)


def test_refused_and_paused_and_back_on_the_same_port() -> None:
    with SyncModelServer() as server:
        port = server.port
        server.always(text="x")
        assert server.log() == []
        server.stop()
        with pytest.raises(OSError, match="refused"):
            server.log()
        server.start()
        assert server.port == port
        assert json.dumps(server.log()) == "[]"
