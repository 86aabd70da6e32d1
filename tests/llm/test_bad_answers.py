"""Whatever an endpoint sends, it is a failure of the endpoint and of nothing else: sizes, depths, counts and forms."""

import asyncio
import json
import random

import pytest

from actors.llm.dialects import DIALECTS
from actors.llm.dialects.dialect import parsed
from actors.llm.endpoint import read
from actors.llm.failure import Failure
from actors.llm.form import MAX_TOOL_CALLS, Answer
from actors.llm.messages import Delta
from actors.llm.sse import Events, Lines
from tests.llm.conftest import TEXT, answer, ask, endpoint, routing
from transport.errors import Unavailable

DEEP = "[" * 100_000 + "]" * 100_000
SEEDS = {
    "openai": [
        {
            "choices": [
                {"index": 0, "delta": {"content": "a", "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}
            ]
        },
        {"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}},
        {"error": {"message": "m", "type": "t"}},
    ],
    "responses": [
        {"type": "response.created", "response": {"model": "m", "usage": None}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "function_call", "call_id": "c", "name": "f"},
        },
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{"},
        {"object": "response", "status": "completed", "output": [{"type": "message", "content": [{"text": "a"}]}]},
    ],
    "anthropic": [
        {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "c", "name": "f"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{"}},
        {"type": "message", "content": [{"type": "text", "text": "a"}], "stop_reason": "end_turn"},
    ],
    "ollama": [
        {
            "model": "m",
            "message": {"content": "a", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
            "done": False,
        },
        {"model": "m", "message": {}, "done": True, "done_reason": "stop", "eval_count": 1},
        {"error": "no"},
    ],
}
JUNK = (None, True, -1, 1 << 70, 1.5, "", "x", [], [[]], [None], {}, {"index": []}, {"function": 3})


def spoilt(value, chance: random.Random):
    """A copy in which some things are others."""
    if chance.random() < 0.2:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        return {name: spoilt(inner, chance) for name, inner in value.items() if chance.random() > 0.05}
    if isinstance(value, list):
        return [spoilt(inner, chance) for inner in value]
    return value


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_spoilt_answers_are_failures_or_something_that_can_be_told(dialect) -> None:
    chance = random.Random(7)
    for _ in range(3000):
        reader, answer = DIALECTS[dialect].reader(), Answer()
        try:
            for seed in chance.choices(SEEDS[dialect], k=3):
                body = spoilt(seed, chance)
                parse, data = (reader.event, json.dumps(body)) if chance.random() < 0.7 else (reader.whole, body)
                for event in read(parse, data):
                    answer.add(event)
                    if hasattr(event, "delta"):
                        Delta(index=event.index, delta=event.delta, logprobs=event.logprobs)
            answer.whole()
        except Failure:
            continue


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize("data", [DEEP, '{"choices": NaN}', "\x00", '{"a": 1e999}', "[]", "3", '"x"', "null"])
def test_what_is_no_answer_at_all_is_a_failure_or_says_nothing(dialect, data) -> None:
    reader = DIALECTS[dialect].reader()
    try:
        assert read(reader.event, data) == []
    except Failure:
        return


@pytest.mark.parametrize("delta", [{"content": 3}, {"refusal": {}}, {"reasoning_content": [1]}, {"tool_calls": {"a": 1}}])
def test_texts_that_are_no_texts_never_reach_a_client(delta) -> None:
    with pytest.raises(Failure):
        read(DIALECTS["openai"].reader().event, json.dumps({"choices": [{"index": 0, "delta": delta}]}))


BLOCK = {"type": "content_block_start", "index": 0}
NO_TEXTS = [
    ("anthropic", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 42}}),
    ("anthropic", {**BLOCK, "content_block": {"type": "text", "text": {"a": 1}}}),
    ("anthropic", {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": [42]}}),
    ("anthropic", {**BLOCK, "content_block": {"type": "tool_use", "id": "c", "name": 42}}),
    ("ollama", {"message": {"content": {"a": 1}}, "done": False}),
    ("ollama", {"message": {"thinking": 42}, "done": False}),
    ("responses", {"type": "response.output_text.delta", "output_index": 0, "delta": {"a": 1}}),
    ("responses", {"type": "response.completed", "response": {"output": [{"type": "message", "content": [{"text": 42}]}]}}),
]


@pytest.mark.parametrize(("dialect", "event"), NO_TEXTS)
def test_what_is_no_text_in_any_dialect_never_reaches_a_client(dialect, event) -> None:
    with pytest.raises(Failure):
        read(DIALECTS[dialect].reader().event, json.dumps(event))


def test_a_whole_response_whose_text_is_a_number_never_reaches_a_client() -> None:
    with pytest.raises(Failure):
        read(DIALECTS["responses"].reader().whole, response({"type": "message", "content": [{"text": 42}]}))


def test_more_tool_calls_than_anybody_makes_are_refused() -> None:
    reader, answer = DIALECTS["openai"].reader(), Answer()
    calls = [{"index": n, "id": str(n), "function": {"name": "f", "arguments": "{}"}} for n in range(MAX_TOOL_CALLS + 1)]
    [event] = read(reader.event, json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}))
    with pytest.raises(Failure, match="tool calls"):
        answer.add(event)


@pytest.mark.parametrize("kind", [Events, Lines])
def test_an_event_without_end_is_refused_before_it_fills_the_memory(kind) -> None:
    parts = kind(max_event_bytes=10_000)
    for _ in range(9):
        assert not list(parts.feed(b"x" * 1000))
    with pytest.raises(Failure, match="too long"):
        list(parts.feed(b"x" * 1001))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_streams_are_split_alike_however_their_bytes_come(size) -> None:
    stream = 'data: {"a": "ü"}\r\n\r\n: comment\n\ndata: one\ndata: two\n\ndata: rest'.encode()
    parts = Events(max_event_bytes=10_000)
    told = [data for start in range(0, len(stream), size) for data in parts.feed(stream[start : start + size])]
    assert [*told, *parts.close()] == ['{"a": "ü"}', "one\ntwo", "rest"]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_every_kind_of_line_end_and_a_byte_order_mark_before_the_first_word_lose_nothing(size, end) -> None:
    stream = f"\ufeffdata: first{end}{end}data: ü\ufeff{end}data: two{end}{end}data: rest".encode()
    parts = Events(max_event_bytes=10_000)
    told = [data for start in range(0, len(stream), size) for data in parts.feed(stream[start : start + size])]
    assert [*told, *parts.close()] == ["first", "ü\ufeff\ntwo", "rest"]


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_byte_order_mark_before_lines_of_json_or_before_a_whole_answer_is_no_part_of_it(size) -> None:
    stream = '\ufeff{"a": 1}\r\n\r\n{"a": "ü"}'.encode()
    parts = Lines(max_event_bytes=10_000)
    told = [data for start in range(0, len(stream), size) for data in parts.feed(stream[start : start + size])]
    assert [parsed(data) for data in [*told, *parts.close()]] == [{"a": 1}, {"a": "ü"}]
    assert parsed('\ufeff{"a": 1}'.encode()) == {"a": 1}


@pytest.mark.parametrize(
    "bound",
    [
        {"first": {"total_timeout_s": 1.0}},
        {"max_response_bytes": 100_000},
        {"first": {"total_timeout_s": 1.0}, "stream": False},
    ],
    ids=["time", "size", "time, plain"],
)
async def test_an_answer_without_end_that_never_repeats_itself_ends_by_its_bounds_and_the_next_endpoint_answers(
    servers, bound
) -> None:
    first, second = servers
    bound = dict(bound)
    stream = bound.pop("stream", True)
    first.always(text=TEXT, fault="endless", counting=True, delay_between_s=0.001)
    pair = endpoint("a", first.base_url, **bound.pop("first", {})), endpoint("b", second.base_url, priority=1)
    async with routing(*pair, **bound) as router:
        text, reply = await answer(router, ask(stream=stream))
        assert reply.endpoint == "b"
        assert reply.choices[0].finish_reason == "stop"
        # What a stream had said stays said; who did not see it gets the sound answer alone.
        assert text.endswith(TEXT) if stream else text == TEXT


async def test_an_answer_without_end_and_nobody_else_ends_with_an_error(servers) -> None:
    first, _ = servers
    first.always(text=TEXT, fault="endless", counting=True, delay_between_s=0.001)
    async with routing(endpoint("a", first.base_url, total_timeout_s=1.0)) as router:
        for stream in (True, False):
            with pytest.raises(Unavailable, match="not finished within 1 s"):
                await answer(router, ask(stream=stream))


async def test_an_answer_that_goes_on_after_its_finish_has_not_finished(servers) -> None:
    _, second = servers

    def chunk(content: str, finish: str | None = None) -> bytes:
        event = json.dumps({"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]})
        return f"data: {event}\n\n".encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + chunk("Well then. ", "stop"))
        try:
            while True:
                writer.write(chunk("again "))
                await writer.drain()
                await asyncio.sleep(0.001)
        except ConnectionError:
            writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        first = endpoint("a", f"http://127.0.0.1:{port}/v1")
        async with routing(first, endpoint("b", second.base_url, priority=1)) as router:
            assert (await answer(router, ask()))[0] == TEXT
            assert router.endpoints[0].last_error == "it repeats itself without end"


async def test_an_answer_of_no_words_that_has_its_finish_is_whole_and_no_failure_though_its_end_mark_is_missing() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        event = json.dumps({"choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": "stop"}]})
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {event}\n\n".encode())
        await reader.read()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with routing(endpoint("a", f"http://127.0.0.1:{port}/v1", between_tokens_timeout_s=0.2)) as router:
            text, reply = await answer(router, ask(stream=True))
            one = router.endpoints[0]
            assert (text, reply.attempts, one.failures, one.evidence.listened_to) == ("", 1, 0, 0)
            assert one.breakers.state() == "closed"


CALLED = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"days": 3}', "status": "completed"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Two words"}]}


def response(*output, status: str = "completed") -> dict:
    return {"object": "response", "model": "m", "status": status, "output": list(output), "error": None}


def completed(*output) -> dict:
    return {"type": "response.completed", "response": response(*output)}


def delta(text: str) -> dict:
    return {"type": "response.output_text.delta", "output_index": 0, "delta": text}


def answered(dialect: str, *events: dict) -> Answer:
    reader, told = DIALECTS[dialect].reader(), Answer()
    for event in events:
        for one in read(reader.event, json.dumps(event)):
            told.add(one)

    return told


@pytest.mark.parametrize(
    "events",
    [
        [completed(SAID)],
        [delta("Two "), delta("words"), completed(SAID)],
        [delta("Two "), delta("words"), completed({"type": "reasoning", "summary": [{"text": "late"}]}, SAID)],
    ],
    ids=["the end alone", "in pieces", "reasoning at the end alone"],
)
def test_an_answer_of_which_a_stream_tells_the_end_alone_is_not_lost_and_none_is_told_twice(events) -> None:
    [choice] = answered("responses", *events).whole()
    assert (choice.message["content"], choice.finish_reason) == ("Two words", "stop")
    assert "late" not in str(choice.message)


ADDED = {"type": "response.output_item.added", "output_index": 4, "item": {**CALLED, "arguments": ""}}
PIECES = [{"type": "response.function_call_arguments.delta", "output_index": 4, "delta": one} for one in CALLED["arguments"]]
ARGUED = {"type": "response.function_call_arguments.done", "output_index": 4, "arguments": CALLED["arguments"]}
DONE = {"type": "response.output_item.done", "output_index": 4, "item": CALLED}


@pytest.mark.parametrize(
    "events",
    [[], [ADDED], [ADDED, *PIECES], [ADDED, *PIECES, ARGUED, DONE], [ADDED, ARGUED], [ADDED, DONE], [ADDED, ARGUED, DONE]],
    ids=["the end alone", "its name first", "pieces", "pieces and whole", "whole", "with the item", "whole and with the item"],
)
def test_a_tool_calls_arguments_come_once_however_a_response_tells_them(events) -> None:
    [choice] = answered("responses", *events, completed(CALLED)).whole()
    [call] = choice.message["tool_calls"]
    assert (call["function"], choice.finish_reason) == ({"name": "f", "arguments": CALLED["arguments"]}, "tool_calls")


def test_a_tool_call_of_which_a_stream_tells_at_its_end_alone_is_not_lost_behind_another() -> None:
    [choice] = answered("responses", ADDED, *PIECES, completed(CALLED, {**CALLED, "call_id": "d", "name": "g"})).whole()
    assert [(call["id"], call["function"]["name"]) for call in choice.message["tool_calls"]] == [("c", "f"), ("d", "g")]
    assert all(call["function"]["arguments"] == CALLED["arguments"] for call in choice.message["tool_calls"])


@pytest.mark.parametrize("status", ["failed", "cancelled", "queued", "in_progress"])
def test_a_response_that_is_not_complete_is_no_answer(status) -> None:
    with pytest.raises(Failure, match="not complete"):
        read(DIALECTS["responses"].reader().whole, response(SAID, status=status))


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_its_server_broke_off_has_not_finished(reason) -> None:
    with pytest.raises(Failure, match=f"broke off: {reason}"):
        answered("openai", {"choices": [{"index": 0, "delta": {"content": "Two"}, "finish_reason": reason}]})
