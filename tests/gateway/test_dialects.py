"""/v1/responses and /v1/messages with the vendors' own packages: whole, streamed, with tools, refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import anthropic
import openai
import pytest
from pydantic import BaseModel

from actors.llm.messages import Model
from gateway.models import in_anthropics_form
from tests.gateway.house import TEXT, House, house
from tests.model_server import SyncModelServer

CALLS = [
    {"id": "c1", "name": "look", "arguments": '{"where": "here", "deep": {"n": 3}}'},
    {"id": "c2", "name": "look", "arguments": '{"where": "there"}'},
]
SCHEMA = {"type": "object", "properties": {"where": {"type": "string"}}}
IMAGE = "data:image/png;base64,iVBO"


@pytest.fixture
async def claude(lattice: House) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=lattice.url, api_key="not needed", max_retries=0) as client:
        yield client


@pytest.fixture
def gpt(lattice: House) -> openai.AsyncOpenAI:
    return lattice.openai()


def said(messages: list) -> dict:
    return {"model": "gpt-test", "max_tokens": 512, "messages": messages}


def block(*blocks: dict, role: str = "user") -> dict:
    return {"messages": [{"role": role, "content": list(blocks)}]}


HELLO = said([{"role": "user", "content": "Hello"}])


async def test_the_anthropic_package_reads_a_whole_message(claude, model: SyncModelServer) -> None:
    told = await claude.messages.create(**HELLO, system="Be kind.", stop_sequences=["END"], extra_body={"top_k": 7})

    assert (told.type, told.role, told.stop_reason) == ("message", "assistant", "end_turn")
    assert [block.text for block in told.content] == [TEXT]
    assert told.usage.output_tokens == 9
    assert told.id.startswith("msg_")
    assert told.model_extra["lattice"]["endpoint"] == "first"
    sent = model.log(finished=1)[0]["body"]
    assert sent["messages"][0]["content"].startswith("Be kind.") or "Be kind." in json.dumps(sent["messages"])
    assert (sent["max_tokens"], sent["stop"], sent["top_k"]) == (512, ["END"], 7)


async def test_the_anthropic_package_reads_a_streamed_message(claude) -> None:
    async with claude.messages.stream(**HELLO) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        told = await stream.get_final_message()

    assert text == TEXT == told.content[0].text
    assert (told.stop_reason, told.usage.output_tokens) == ("end_turn", 9)


@pytest.mark.parametrize("streaming", [False, True])
async def test_tool_calls_arrive_whole_in_anthropics_form_and_their_results_go_back(claude, model, streaming) -> None:
    model.next({"text": "", "tool_calls": CALLS})
    tools = [{"name": "look", "description": "Look.", "input_schema": SCHEMA}]
    asked = {**HELLO, "tools": tools, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}
    if streaming:
        async with claude.messages.stream(**asked) as stream:
            told = await stream.get_final_message()
    else:
        told = await claude.messages.create(**asked)

    assert told.stop_reason == "tool_use"
    assert [(block.id, block.input) for block in told.content] == [(c["id"], json.loads(c["arguments"])) for c in CALLS]
    sent = model.log(finished=1)[0]["body"]
    assert sent["tools"][0]["function"] == {"name": "look", "description": "Look.", "parameters": SCHEMA}
    assert (sent["tool_choice"], sent["parallel_tool_calls"]) == ("required", False)

    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": f"saw {call['id']}"} for call in CALLS]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
    asked = said(
        [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": told.content},
            {"role": "user", "content": [*results, {"type": "text", "text": "And this?"}, image]},
        ]
    )
    await claude.messages.create(**asked, tools=tools)
    turns = [turn for turn in model.log(finished=2)[1]["body"]["messages"] if turn["role"] != "system"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "tool", "user"]
    assert [call["id"] for call in turns[1]["tool_calls"]] == ["c1", "c2"]
    assert turns[2] == {"role": "tool", "tool_call_id": "c1", "content": "saw c1"}
    assert turns[4]["content"][-1] == {"type": "image_url", "image_url": {"url": IMAGE}}


async def test_what_cannot_be_taken_is_refused_in_anthropics_form_by_its_field(claude) -> None:
    with pytest.raises(anthropic.BadRequestError) as error:
        await claude.messages.create(**said([{"role": "user", "content": [{"type": "video"}]}]))
    assert error.value.body["type"] == "error"
    assert error.value.body["error"]["type"] == "invalid_request_error"
    assert error.value.body["error"]["param"] == "messages[0].content[0].type"
    with pytest.raises(anthropic.BadRequestError, match="tools"):
        await claude.messages.create(**HELLO, tools=[{"type": "web_search_20250305", "name": "web_search"}])
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        await claude.messages.create(**{**HELLO, "max_tokens": 0})


@pytest.mark.parametrize("dialect", ["messages", "responses"])
async def test_a_stream_that_breaks_ends_with_the_dialects_error_event(short_dir, model, dialect) -> None:
    model.always(text=TEXT, fault="cut")
    async with house(short_dir, model=model.base_url) as lattice:
        if dialect == "messages":
            async with anthropic.AsyncAnthropic(base_url=lattice.url, api_key="none", max_retries=0) as client:
                with pytest.raises(anthropic.APIStatusError) as error:
                    async with client.messages.stream(**HELLO) as stream:
                        _ = [piece async for piece in stream.text_stream]
            assert "broke" in str(error.value)
        else:
            told = await lattice.openai().responses.create(input="Hello", model="gpt-test", stream=True)
            events = [event async for event in told]
            assert events[-1].type == "error"
            assert "broke" in events[-1].message
            assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_the_openai_package_reads_a_whole_response(gpt, model) -> None:
    told = await gpt.responses.create(
        model="gpt-test", input="Hello", instructions="Be kind.", max_output_tokens=99, temperature=0.5, metadata={"a": "b"}
    )

    assert (told.status, told.output_text, told.object) == ("completed", TEXT, "response")
    assert told.usage.output_tokens == 9
    assert (told.instructions, told.max_output_tokens, told.metadata) == ("Be kind.", 99, {"a": "b"})
    assert told.model_extra["lattice"]["endpoint"] == "first"
    sent = model.log(finished=1)[0]["body"]
    assert (sent["max_completion_tokens"], sent["temperature"]) == (99, 0.5)


async def test_the_openai_package_reads_a_streamed_response(gpt) -> None:
    async with gpt.responses.stream(model="gpt-test", input=[{"role": "user", "content": "Hello"}]) as stream:
        events = [event async for event in stream]
        told = await stream.get_final_response()

    assert told.output_text == TEXT
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(numbers)
    assert events[-1].type == "response.completed"


async def test_a_response_that_was_cut_says_so(gpt) -> None:
    told = await gpt.responses.create(model="gpt-test", input="Hello", max_output_tokens=3)
    assert (told.status, told.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize("streaming", [False, True])
async def test_function_calls_arrive_whole_in_a_response_and_their_outputs_go_back(gpt, model, streaming) -> None:
    model.next({"text": "", "tool_calls": CALLS})
    tools = [{"type": "function", "name": "look", "description": "Look.", "parameters": SCHEMA, "strict": False}]
    asked = {"model": "gpt-test", "input": "Hello", "tools": tools, "tool_choice": "required"}
    if streaming:
        async with gpt.responses.stream(**asked) as stream:
            async for _ in stream:
                pass
            told = await stream.get_final_response()
    else:
        told = await gpt.responses.create(**asked)

    assert [(item.call_id, item.arguments) for item in told.output] == [(c["id"], c["arguments"]) for c in CALLS]
    outputs = [{"type": "function_call_output", "call_id": call["id"], "output": f"saw {call['id']}"} for call in CALLS]
    image = {"role": "user", "content": [{"type": "input_text", "text": "This?"}, {"type": "input_image", "image_url": IMAGE}]}
    await gpt.responses.create(
        model="gpt-test", input=[{"role": "user", "content": "Hello"}, *told.output, *outputs, image], tools=tools
    )
    sent = model.log(finished=2)[1]["body"]
    turns = [turn for turn in sent["messages"] if turn["role"] != "system"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "tool", "user"]
    assert sent["tools"][0]["function"]["name"] == "look"
    assert turns[4]["content"][-1] == {"type": "image_url", "image_url": {"url": IMAGE}}


async def test_structured_output_is_asked_for_in_the_chat_form_and_parsed_by_the_package(gpt, model) -> None:
    class Mood(BaseModel):
        mood: str

    model.next({"text": '{"mood": "fine"}'})
    told = await gpt.responses.parse(model="gpt-test", input="How?", text_format=Mood)

    assert told.output_parsed == Mood(mood="fine")
    form = model.log(finished=1)[0]["body"]["response_format"]
    assert (form["type"], form["json_schema"]["name"]) == ("json_schema", "Mood")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].type"),
        ({"input": []}, "input"),
        ({"input": [{"type": "function_call", "call_id": "c1"}]}, "input[0].name"),
        ({"input": [{"type": "function_call", "name": "look"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"tools": [{"type": "function", "parameters": SCHEMA}]}, "tools[0].name"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
    ],
)
async def test_what_a_response_cannot_be_made_of_is_refused_by_its_field(lattice, fields, param) -> None:
    status, told = await lattice.call("POST", "/v1/responses", {"model": "gpt-test", "input": "Hello", **fields})
    assert (status, told["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        (block({"type": "text"}), "messages[0].content[0].text"),
        (block({"type": "tool_result", "tool_use_id": "t", "content": "x"}, {"type": "text"}), "messages[0].content[1].text"),
        (block({"type": "thinking"}, {"type": "text"}, role="assistant"), "messages[0].content[1].text"),
        (block({"type": "image"}), "messages[0].content[0].source"),
        (block({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[0].content[0].source.type"),
        (block({"type": "image", "source": {"type": "url"}}), "messages[0].content[0].source.url"),
        (block({"type": "document", "source": {"type": "base64", "data": "aGk="}}), "messages[0].content[0].source.media_type"),
        (block({"type": "tool_result", "content": "x"}), "messages[0].content[0].tool_use_id"),
        (block({"type": "tool_use", "id": "c1"}, role="assistant"), "messages[0].content[0].name"),
        (block({"type": "tool_use", "name": "look"}, role="assistant"), "messages[0].content[0].id"),
        ({"tools": [{"input_schema": SCHEMA}]}, "tools[0].name"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"mcp_servers": [{"type": "url", "url": "https://x.example", "name": "x"}]}, "mcp_servers"),
        ({"container": "c_1"}, "container"),
    ],
)
async def test_a_message_that_lacks_something_is_refused_by_its_field(lattice, fields, param) -> None:
    status, told = await lattice.call("POST", "/v1/messages", {**HELLO, **fields})
    assert (status, told["error"]["param"]) == (400, param)


async def test_reasoning_is_shown_in_each_dialects_form_to_those_who_asked_for_it(claude, gpt, model) -> None:
    model.always(text=TEXT, reasoning="let me think")
    thinking = {"type": "enabled", "budget_tokens": 1024}
    async with claude.messages.stream(**{**HELLO, "max_tokens": 2048}, thinking=thinking) as stream:
        told = await stream.get_final_message()
    assert [block.type for block in told.content] == ["thinking", "text"]
    assert told.content[0].thinking == "let me think"
    assert [block.type for block in (await claude.messages.create(**HELLO)).content] == ["text"]

    async with gpt.responses.stream(model="gpt-test", input="Hello?", reasoning={"summary": "auto"}) as stream:
        async for _ in stream:
            pass
        response = await stream.get_final_response()
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.output[0].summary[0].text == "let me think"
    plain = await gpt.responses.create(model="gpt-test", input="Hello!")
    assert [item.type for item in plain.output] == ["message"]


class Mood(BaseModel):
    mood: str


async def test_structured_output_that_anthropics_package_asks_for_reaches_any_endpoint(claude, model) -> None:
    model.next({"text": '{"mood": "fine"}'})
    told = await claude.messages.parse(**HELLO, output_format=Mood)

    assert told.parsed_output == Mood(mood="fine")
    sent = model.log(finished=1)[0]["body"]
    assert sent["response_format"]["json_schema"]["schema"]["properties"]["mood"]["type"] == "string"
    assert "output_config" not in sent


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "disabled"}},
        {"output_config": {"effort": "low"}},
        {"cache_control": {"type": "ephemeral"}},
        {"service_tier": "standard_only"},
        {"context_management": {"edits": []}},
    ],
    ids=["adaptive", "disabled", "effort", "cache", "tier", "context"],
)
async def test_what_only_anthropic_understands_stays_out_of_openais_dialects(lattice, model, fields) -> None:
    await lattice.post("/v1/messages", {**HELLO, **fields})
    assert model.log(finished=1)[0]["body"].keys().isdisjoint({*fields, "thinking_disabled"})


async def test_thinking_that_is_to_be_omitted_is_not_shown(lattice, model) -> None:
    model.next({"text": TEXT, "reasoning": "let me think"})
    told = await lattice.post("/v1/messages", {**HELLO, "thinking": {"type": "adaptive", "display": "omitted"}})
    assert [block["type"] for block in told["content"]] == ["text"]


async def test_thinking_that_is_switched_off_is_so_at_anthropics_endpoints(lattice, model) -> None:
    theirs = {"name": "theirs", "dialect": "anthropic", "base_url": model.base_url, "models": ["claude-test"]}
    await lattice.post("/v1/llm/endpoints", theirs)
    await lattice.post("/v1/messages", {**HELLO, "model": "claude-test", "thinking": {"type": "disabled"}})
    assert model.log(finished=1)[0]["body"]["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(("theirs", "ours"), [("low", "low"), ("xhigh", "xhigh"), ("max", "xhigh")])
async def test_an_effort_in_anthropics_words_is_the_efforts(lattice, model, theirs, ours) -> None:
    await lattice.post("/v1/messages", {**HELLO, "output_config": {"effort": theirs}})
    assert ours in [seen["body"].get("reasoning_effort") for seen in model.log(finished=1)]


async def test_an_effort_in_openais_words_reaches_anthropics_endpoints(lattice, model) -> None:
    theirs = {"name": "theirs", "dialect": "anthropic", "base_url": model.base_url, "models": ["claude-opus-4-7"]}
    await lattice.post("/v1/llm/endpoints", theirs)
    asked = {"model": "claude-opus-4-7", "messages": [{"role": "user", "content": "Hello"}], "reasoning_effort": "max"}
    await lattice.post("/v1/chat/completions", asked)
    assert {"effort": "max"} in [seen["body"].get("output_config") for seen in model.log(finished=1)]


async def test_what_is_given_as_null_is_not_given(lattice, model) -> None:
    await lattice.post("/v1/messages", {**HELLO, "temperature": None, "cache_control": None, "mcp_servers": None})
    assert model.log(finished=1)[0]["body"].keys().isdisjoint({"temperature", "cache_control", "mcp_servers"})


async def test_anthropics_package_counts_tokens_ahead_without_a_model(claude, model) -> None:
    asked = {"model": "claude", "messages": [{"role": "user", "content": "word " * 800}]}
    plain = await claude.messages.count_tokens(**asked)
    assert 950 <= plain.input_tokens <= 1050
    assert plain.model_extra["lattice"] == {"estimated": True}

    tools = [{"name": "look", "description": "Look somewhere. " * 40, "input_schema": SCHEMA}]
    with_tools = await claude.messages.count_tokens(**asked, system=[{"type": "text", "text": "Be kind. " * 40}], tools=tools)
    assert with_tools.input_tokens > plain.input_tokens + 200

    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    seen = {"role": "user", "content": [{"type": "image", "source": source}, {"type": "text", "text": "This?"}]}
    assert (await claude.messages.count_tokens(model="claude", messages=[seen])).input_tokens >= 1600
    assert model.log() == []


async def test_anthropics_tool_runner_goes_on_with_the_whole_talk(claude, model) -> None:
    @anthropic.beta_async_tool
    async def look(where: str) -> str:
        """Look somewhere."""
        return f"saw {where}"

    model.next({"text": "", "tool_calls": CALLS[1:]})
    told = await claude.beta.messages.tool_runner(**HELLO, tools=[look]).until_done()

    assert told.content[0].text == TEXT
    sent = model.log(finished=2)[1]["body"]
    assert [turn["role"] for turn in sent["messages"] if turn["role"] != "system"] == ["user", "assistant", "tool"]
    assert "thread" not in sent


async def test_a_message_thread_is_refused_as_anthropics_packages_expect(lattice) -> None:
    status, told = await lattice.call("POST", "/v1/messages", {**HELLO, "thread": {"type": "create"}})
    assert (status, told["error"]["param"]) == (400, "thread")
    assert told["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


async def test_a_text_block_has_no_citations_rather_than_null(lattice) -> None:
    """Vercel's AI package takes null for a broken answer."""
    told = await lattice.post("/v1/messages", HELLO)
    assert told["content"] == [{"type": "text", "text": TEXT}]


async def test_models_are_listed_in_the_form_of_who_asks(lattice, claude) -> None:
    page = await claude.models.list()
    assert [(model.type, model.id, model.display_name) for model in page.data] == [("model", "gpt-test", "gpt-test")]
    assert not page.has_next_page()
    one = await claude.models.retrieve("gpt-test")
    assert (one.id, one.created_at.year) == ("gpt-test", 1970)
    listed = await lattice.get("/v1/models")
    assert [model["object"] for model in listed["data"]] == ["model"]


@pytest.mark.parametrize(
    ("created", "told"),
    [(1_700_000_000_000, "9999-12-31T23:59:59Z"), (-1, "1970-01-01T00:00:00Z")],
    ids=["milliseconds", "negative"],
)
def test_a_model_whose_date_makes_no_sense_is_listed_all_the_same(created, told) -> None:
    assert in_anthropics_form(Model(id="m", endpoint="e", created=created))["created_at"] == told


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/messages", "/v1/messages"),
        ("//v1/responses", "/v1/responses"),
        ("/v1/embeddings/", "/v1/embeddings"),
        ("/v1/completions", None),
    ],
)
async def test_a_base_url_that_is_not_quite_right_is_told_so(bare, path, meant) -> None:
    status, told = await bare.call("POST", path, {})
    assert (status, told["error"]["code"]) == (404, "not_found")
    assert (f"but at {meant}:" in told["error"]["message"]) == (meant is not None)
