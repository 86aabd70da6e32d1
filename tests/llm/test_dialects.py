"""What goes in comes out, in both dialects; the vendors' own types are the judges."""

import json

import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.responses import ResponseInputParam
from pydantic import TypeAdapter

from actors.llm.dialects import DIALECTS
from actors.llm.failure import Blame, Failure
from actors.llm.form import Asked
from actors.llm.messages import Embed, Generate
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Invalid, Unavailable

CALL = {"id": "call_7", "name": "weather", "arguments": '{"city": "Bern", "days": 3}'}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}},
    },
]


def anthropic_body(messages, **options) -> dict:
    return DIALECTS["anthropic"].generate(Asked("claude", messages, options)).body


@pytest.mark.parametrize("streams", [True, False], ids=["sse", "json"])
@pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "ollama"])
async def test_tool_calls_reasoning_finish_and_usage_come_through(servers, dialect, streams) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url, dialect=dialect, streams=streams)) as router:
        first.next({"tool_calls": [CALL, {**CALL, "id": "call_8"}], "reasoning": "let me think"})
        _, reply = await answer(router, ask(stream=True, options={"tools": TOOLS, "tool_choice": "required"}))
        choice = reply.choices[0]
        message = ChatCompletionMessage.model_validate(choice.message)
        assert [call.id for call in message.tool_calls] == ["call_7", "call_8"]
        assert json.loads(message.tool_calls[1].function.arguments) == {"city": "Bern", "days": 3}
        assert choice.message["reasoning_content"] == "let me think"
        assert choice.finish_reason == "tool_calls"

        first.next({"text": "one two three four"})
        text, reply = await answer(router, ask("five words are asked here", options={"max_tokens": 3}))
        assert (text, reply.choices[0].finish_reason) == ("one two three ", "length")
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (5, 3, 8)
        completion = {"id": "x", "object": "chat.completion", "created": 1, "model": reply.model}
        ChatCompletion.model_validate({**completion, "choices": [c.model_dump() for c in reply.choices]})


@pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "ollama"])
@pytest.mark.parametrize("fault", ["cut", "cut_clean", "hang_mid", "garbage", "error_inside"])
async def test_an_answer_that_breaks_in_any_dialect_is_taken_up_in_any_other(servers, dialect, fault) -> None:
    first, second = servers
    first.always(text=TEXT, fault=fault)
    for other in ("openai", "ollama") if dialect == "anthropic" else ("anthropic",):
        pair = endpoint("a", first.base_url, dialect=dialect), endpoint("b", second.base_url, dialect=other, priority=1)
        async with routing(*pair) as router:
            text, reply = await answer(router, ask(stream=True))
            assert (text, reply.endpoint, reply.attempts) == (TEXT, "b", 2)


def test_responses_gets_a_whole_talk_in_its_own_form() -> None:
    talk = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image("https://example.org/x.jpg")]},
        {"role": "assistant", "content": "Hm.", "tool_calls": [called("a")]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
    ]
    form = {"type": "json_schema", "json_schema": {"name": "m", "schema": {}, "strict": True}}
    options = {"tools": TOOLS, "tool_choice": "auto", "max_tokens": 5, "stop": "x", "response_format": form, "a_new_one": 1}
    body = DIALECTS["responses"].generate(Asked("gpt", talk, options)).body
    TypeAdapter(ResponseInputParam).validate_python(body["input"])
    assert [item.get("role") or item["type"] for item in body["input"]] == [
        "system",
        "user",
        "assistant",
        "function_call",
        "function_call_output",
    ]
    assert body["input"][1]["content"][1] == {
        "type": "input_image",
        "image_url": "https://example.org/x.jpg",
        "detail": "auto",
    }
    assert (body["max_output_tokens"], body["a_new_one"], body["store"]) == (5, 1, False)
    assert body["tools"][0]["name"] == "weather"
    assert body["text"]["format"] == {"type": "json_schema", "name": "m", "schema": {}, "strict": True}
    assert not {"stop", "max_tokens", "response_format"} & set(body)


def test_ollama_gets_a_whole_talk_in_its_own_form() -> None:
    talk = [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image("data:image/png;base64,iVBO")]},
        {"role": "assistant", "content": None, "tool_calls": [called("a")]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
    ]
    form = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    options = {"temperature": 0.5, "max_tokens": 5, "stop": "x", "tools": TOOLS, "response_format": form}
    body = DIALECTS["ollama"].generate(Asked("llama", talk, options)).body
    assert body["messages"][0] == {"role": "user", "content": "What is this?", "images": ["iVBO"]}
    assert body["messages"][1]["tool_calls"] == [{"function": {"name": "weather", "arguments": {"city": "Bern"}}}]
    assert body["messages"][2] == {"role": "tool", "content": "rain", "tool_name": "weather"}
    assert body["options"] == {"temperature": 0.5, "num_predict": 5, "stop": ["x"]}
    assert body["format"] == {"type": "object"}
    with pytest.raises(Failure) as failure:
        DIALECTS["ollama"].generate(Asked("llama", [{"role": "user", "content": [image("https://example.org/x.jpg")]}], {}))
    assert failure.value.blame is Blame.REQUEST


async def test_an_ollama_lists_its_models_and_embeds(servers) -> None:
    first, _ = servers
    first.models("llama")
    local = endpoint("a", f"{first.url}/v1", dialect="ollama", models=())
    async with routing(local) as router:
        assert [model.id for model in await router.catalogue.models()] == ["llama"]
        vectors = await router.embed(Embed(model="llama", texts=("red fox", "red fox", "blue whale")), None)
        assert vectors.vectors[0] == vectors.vectors[1] != vectors.vectors[2]


async def test_a_late_instruction_goes_into_the_users_turn_where_a_template_refuses_it(servers) -> None:
    first, _ = servers
    talk = (
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "It is noon."},
        {"role": "user", "content": "Now?"},
    )
    async with routing(endpoint("a", first.base_url)) as router:
        await answer(router, Generate(messages=talk))
        first.next({"fault": "status", "status": 400, "message": "System role must be at the beginning"})
        await answer(router, Generate(messages=talk))
        await answer(router, Generate(messages=talk))
    sent = [[turn["content"] for turn in seen["body"]["messages"]] for seen in first.log()]
    assert sent[0] == ["hi", "It is noon.", "Now?"]
    assert sent[2] == sent[3] == ["hi", "It is noon.\n\nNow?"]


def test_private_reasoning_is_told_apart_under_whatever_name_it_comes() -> None:
    for delta in (
        {"reasoning": "hm"},
        {"thinking": "hm"},
        {"reasoning_content": "hm"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ):
        [piece] = DIALECTS["openai"].reader().event(json.dumps({"choices": [{"index": 0, "delta": delta}]}))
        assert piece.delta == {"reasoning_content": "hm"}


async def test_openai_gets_every_option_and_several_choices(servers) -> None:
    first, _ = servers
    async with routing(endpoint("a", first.base_url)) as router:
        options = {"n": 2, "temperature": 0.5, "a_new_option": {"x": [1]}, "model": "sneaky", "stream": False}
        _, reply = await answer(router, ask(options=options))
        assert [choice.index for choice in reply.choices] == [0, 1]
        body = first.log()[0]["body"]
        assert body["a_new_option"] == {"x": [1]}
        assert body["model"] == "gpt-test"
        assert body["stream"] is True
        assert body["messages"] == [{"role": "user", "content": "hello"}]


async def test_a_server_that_does_not_know_stream_options_is_asked_without_from_then_on(servers) -> None:
    first, _ = servers
    first.next({"fault": "status", "status": 422, "message": "extra fields not permitted: stream_options"})
    async with routing(endpoint("a", first.base_url)) as router:
        assert [(await answer(router, ask()))[1].attempts for _ in range(2)] == [2, 1]
    assert ["stream_options" in seen["body"] for seen in first.log()] == [True, False, False]


async def test_usage_that_an_endpoint_does_not_tell_is_estimated(servers) -> None:
    first, _ = servers
    first.always(text="x" * 40, usage=False)
    async with routing(endpoint("a", first.base_url)) as router:
        _, reply = await answer(router, ask("y" * 80))
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (21, 10)


def test_anthropic_gets_a_whole_talk_in_its_own_form() -> None:
    talk = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, image("data:image/png;base64,iVBO")]},
        {"role": "user", "content": [image("https://example.org/x.jpg")]},
        {"role": "assistant", "content": "", "tool_calls": [called("a"), called("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "sun"}]},
        {"role": "user", "content": "So?"},
        {"role": "developer", "content": "Be brief."},
    ]
    body = anthropic_body(talk, stop="END", temperature=1.7, tools=TOOLS, parallel_tool_calls=False, user="u1")
    TypeAdapter(list[MessageParam]).validate_python(body["messages"])
    assert [block["text"] for block in body["system"]] == ["Be kind."]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    asked, calls, results = (turn["content"] for turn in body["messages"])
    assert asked[1]["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBO"}
    assert asked[2]["source"] == {"type": "url", "url": "https://example.org/x.jpg"}
    assert calls[0] == {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Bern"}}
    assert [block["type"] for block in results] == ["tool_result", "tool_result", "text", "text"]
    assert results[3]["text"] == "Be brief."
    assert results[1] == {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "sun"}]}
    assert body["stop_sequences"] == ["END"]
    assert body["temperature"] == 1
    assert body["max_tokens"] > 0
    assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {}}
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert body["metadata"] == {"user_id": "u1"}


def test_structured_output_is_asked_for_in_words_where_there_is_no_option() -> None:
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "m", "schema": schema}}
    body = anthropic_body([{"role": "user", "content": "hi"}], response_format=form)
    assert "mood" in body["system"][0]["text"]


@pytest.mark.parametrize("part", [{"type": "input_audio", "input_audio": {}}, {"type": "video"}, "text"])
def test_what_anthropic_cannot_take_is_the_requests_own_failure(part) -> None:
    with pytest.raises(Failure) as failure:
        anthropic_body([{"role": "user", "content": [part]}])
    assert failure.value.blame is Blame.REQUEST


async def test_several_choices_go_to_the_endpoint_that_can_give_them(servers) -> None:
    first, second = servers
    claude = endpoint("a", first.url, dialect="anthropic")
    async with routing(claude, endpoint("b", second.base_url, priority=1)) as router:
        assert len((await answer(router, ask(options={"n": 2})))[1].choices) == 2
    async with routing(claude) as router:
        with pytest.raises(Invalid, match="one choice only"):
            await answer(router, ask(options={"n": 2}))


async def test_keys_and_versions_go_into_each_dialects_headers(servers, monkeypatch) -> None:
    first, _ = servers
    monkeypatch.setenv("SECRET", "k")
    async with routing(endpoint("a", first.url, dialect="anthropic", api_key_env="SECRET")) as router:
        await answer(router, ask())
    headers = first.log()[0]["headers"]
    assert headers["x-api-key"] == "k"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers


async def test_texts_are_embedded_at_the_first_endpoint_that_can(servers) -> None:
    first, second = servers
    claude = endpoint("a", first.url, dialect="anthropic")
    able = endpoint("b", second.base_url, embedding_models=["embed-1"], priority=1)
    async with routing(claude, able) as router:
        vectors = await router.embed(Embed(texts=("red fox", "red fox", "blue whale")), None)
        assert vectors.vectors[0] == vectors.vectors[1] != vectors.vectors[2]
        assert (vectors.model, vectors.endpoint) == ("embed-1", "b")
        second.next({"on": "embeddings", "fault": "garbage"})
        with pytest.raises(Unavailable, match="not JSON"):
            await router.embed(Embed(texts=("x",)), None)
    async with routing(claude) as router:
        with pytest.raises(Unavailable, match="embedding_models"):
            await router.embed(Embed(texts=("x",)), None)


def test_openais_dialect_is_asked_to_go_on_by_a_turn_of_the_users() -> None:
    message = Generate(messages=({"role": "user", "content": "hi"},), options={"temperature": 1})
    body = DIALECTS["openai"].generate(Asked("m", message.messages, message.options, said="Well")).body
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]


def image(url: str) -> dict:
    return {"type": "image_url", "image_url": {"url": url}}


def called(call_id: str) -> dict:
    return {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


def test_ollama_is_offered_only_the_tool_that_is_to_be_called() -> None:
    other = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
    chosen = {"type": "function", "function": {"name": "clock"}}
    some = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [chosen]}}
    for choice, offered in ((chosen, [other]), (some, [other]), ("auto", [*TOOLS, other]), ("none", None)):
        options = {"tools": [*TOOLS, other], "tool_choice": choice}
        body = DIALECTS["ollama"].generate(Asked("m", [{"role": "user", "content": "x"}], options)).body
        assert body.get("tools") == offered


def test_anthropic_is_not_given_a_temperature_and_a_top_p_of_which_one_says_nothing() -> None:
    def sampling(**options) -> dict:
        body = anthropic_body([{"role": "user", "content": "x"}], **options)
        return {name: body[name] for name in ("temperature", "top_p") if name in body}

    assert sampling(temperature=0.7, top_p=1) == {"temperature": 0.7}
    assert sampling(temperature=1.0, top_p=0.9) == {"top_p": 0.9}
    assert sampling(temperature=0.7, top_p=0.9) == {"temperature": 0.7, "top_p": 0.9}
    assert sampling(temperature=1) == {"temperature": 1}
    assert sampling(temperature=1, top_p=1) == {}


def test_a_service_tier_of_openais_is_not_anthropics() -> None:
    turn = [{"role": "user", "content": "x"}]
    assert "service_tier" not in anthropic_body(turn, service_tier="flex")
    assert anthropic_body(turn, service_tier="auto")["service_tier"] == "auto"


def test_a_form_that_anthropics_own_option_asks_for_is_not_asked_for_in_words() -> None:
    schema = {"type": "object", "properties": {}}
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    own = {"format": {"type": "json_schema", "schema": schema}}
    body = anthropic_body([{"role": "user", "content": "x"}], response_format=form, output_config=own)
    assert (body["output_config"], "system" in body) == (own, False)


def test_thinking_is_switched_off_in_each_dialects_words() -> None:
    def body(name: str) -> dict:
        options = {"thinking_disabled": True, "reasoning_effort": "low"}
        return DIALECTS[name].generate(Asked("m", [{"role": "user", "content": "x"}], options)).body

    assert body("anthropic")["thinking"] == {"type": "disabled"}
    assert body("ollama")["think"] is False
    assert all("thinking_disabled" not in body(name) for name in DIALECTS)


def test_openais_dialects_are_not_sent_what_only_anthropic_understands() -> None:
    options = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "cache_control": {"type": "ephemeral"}}
    for name in ("openai", "responses"):
        body = DIALECTS[name].generate(Asked("m", [{"role": "user", "content": "x"}], options)).body
        assert body.keys().isdisjoint(options)


@pytest.mark.parametrize(
    ("model", "said", "sent"),
    [
        ("claude-opus-4-7", "low", {"output_config": {"effort": "low"}}),
        ("claude-opus-4-7", "minimal", {"output_config": {"effort": "low"}}),
        ("claude-sonnet-5", "xhigh", {"output_config": {"effort": "xhigh"}}),
        ("anthropic.claude-opus-4-6-v1:0", "xhigh", {"output_config": {"effort": "high"}}),
        ("claude-opus-4-6", "max", {"output_config": {"effort": "max"}}),
        ("claude-opus-4-5-20251101", "max", {"output_config": {"effort": "high"}}),
        ("claude-opus-4-7", "none", {"thinking": {"type": "disabled"}}),
        ("claude-sonnet-4-5-20250929", "high", {}),
        ("claude-opus-4-20250514", "high", {}),
        ("claude-3-5-sonnet-20241022", "none", {}),
    ],
)
def test_an_effort_is_told_to_those_of_anthropics_models_that_know_the_word(model, said, sent) -> None:
    body = DIALECTS["anthropic"].generate(Asked(model, [{"role": "user", "content": "x"}], {"reasoning_effort": said})).body
    assert {name: body[name] for name in ("output_config", "thinking") if name in body} == sent


def test_what_is_said_in_anthropics_own_words_counts_before_an_effort() -> None:
    turn = [{"role": "user", "content": "x"}]
    for own in (
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        {"output_config": {"effort": "low"}},
        {"output_config": "low"},
        {"thinking_disabled": True},
    ):
        body = DIALECTS["anthropic"].generate(Asked("claude-opus-4-7", turn, {"reasoning_effort": "max", **own})).body
        expected = {"thinking": {"type": "disabled"}} if "thinking_disabled" in own else own
        assert {name: body[name] for name in ("output_config", "thinking") if name in body} == expected

    form = {"format": {"type": "json_schema", "schema": {}}}
    given = {"reasoning_effort": "max", "output_config": form}
    body = DIALECTS["anthropic"].generate(Asked("claude-opus-4-7", turn, given)).body
    assert body["output_config"] == {**form, "effort": "max"}


def test_anthropics_most_effort_is_the_most_of_every_other_dialect() -> None:
    asked = Asked("m", [{"role": "user", "content": "x"}], {"reasoning_effort": "max"})
    assert DIALECTS["openai"].generate(asked).body["reasoning_effort"] == "xhigh"
    assert DIALECTS["responses"].generate(asked).body["reasoning"]["effort"] == "xhigh"
    assert DIALECTS["ollama"].generate(asked).body["think"] is True


def test_marks_of_what_is_to_be_cached_reach_those_who_understand_them() -> None:
    part = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
    asked = [{"role": "user", "content": [part, {"type": "text", "text": "y"}]}]
    bare = [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]
    assert DIALECTS["openai"].generate(Asked("gpt", asked, {})).body["messages"][0]["content"] == bare
    for name, model in (("openai", "anthropic/claude-opus-4.7"), ("anthropic", "claude-opus-4-7")):
        assert DIALECTS[name].generate(Asked(model, asked, {})).body["messages"][0]["content"][0] == part
    for name in ("responses", "ollama"):
        assert "cache_control" not in str(DIALECTS[name].generate(Asked("gpt", asked, {})).body)
    assert asked[0]["content"][0] == part
