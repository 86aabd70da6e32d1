"""Tool calls that a model says at the same time: each is opened once and told whole, however their pieces were mixed."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from actors.llm.messages import Choice, Usage
from actors.thinking.messages import Thought
from actors.whole_json import Wholeness
from gateway.anthropic_events import MessageVoice
from gateway.in_turn import InTurn
from gateway.response_events import RequestEcho, ResponseVoice

CALLS = {0: '{"city": "Porto", "days": {"from": 1}}', 1: '{"city": "Oslo"}', 2: "{}"}


def mixed(seed: int) -> list[dict[str, Any]]:
    """The deltas of three calls with words between them, in an order that only keeps to each call's own."""
    chance = random.Random(seed)
    left: dict[int, list[dict[str, Any]]] = {}
    for number, arguments in CALLS.items():
        function = {"name": "weather", "arguments": ""}
        pieces = [{"index": number, "id": f"call_{number}", "type": "function", "function": function}]
        at = 0
        while at < len(arguments):
            size = chance.randint(1, 9)
            pieces.append({"index": number, "function": {"arguments": arguments[at : at + size]}})
            at += size
        left[number] = pieces

    told: list[dict[str, Any]] = [{"content": "Let me look."}]
    while left:
        number = chance.choice(sorted(left))
        told.append({"tool_calls": [left[number].pop(0)]})
        if chance.random() < 0.1:
            told.append({"content": "Hm. "})
        if not left[number]:
            del left[number]

    return told


def thought() -> Thought:
    choice = Choice(message={"role": "assistant", "content": ""}, finish_reason="tool_calls")
    usage = Usage(prompt_tokens=1, completion_tokens=1, total_tokens=2)
    told: dict[str, Any] = {"thought_id": "th_1", "session": None, "endpoint": "a", "memories": (), "attempts": 1}
    return Thought(choices=(choice,), model="m", degraded=False, usage=usage, **told)


@pytest.mark.parametrize("seed", range(20))
def test_calls_that_grow_at_once_become_items_of_a_response_one_after_the_other(seed: int) -> None:
    voice = ResponseVoice(RequestEcho({}), "m")
    voice.name("th_1", 1)
    events = [event for delta in mixed(seed) for event in voice.piece(0, delta)]
    events += [event for batch in voice.ending(thought()) for event in batch]

    opened: list[str] = []
    for event in events:
        match event["type"]:
            case "response.output_item.added":
                opened.append(event["item"]["id"])
            case "response.output_item.done" | "response.function_call_arguments.delta":
                assert event["output_index"] == len(opened) - 1
    output = events[-1]["response"]["output"]
    assert [item["id"] for item in output] == opened
    calls = {item["call_id"]: item["arguments"] for item in output if item["type"] == "function_call"}
    assert calls == {f"call_{number}": arguments for number, arguments in CALLS.items()}
    assert len(calls) == sum(item["type"] == "function_call" for item in output)


@pytest.mark.parametrize("seed", range(20))
def test_calls_that_grow_at_once_become_blocks_of_a_message_one_after_the_other(seed: int) -> None:
    voice = MessageVoice("m")
    voice.name("th_1", 1)
    events = [event for delta in mixed(seed) for event in voice.piece(0, delta)]
    events += [event for batch in voice.ending(thought()) for event in batch]

    blocks: list[dict[str, Any]] = []
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(blocks)
                blocks.append({**event["content_block"], "json": ""})
            case "content_block_delta":
                assert event["index"] == len(blocks) - 1
                blocks[-1]["json"] += event["delta"].get("partial_json", "")
    calls = [block for block in blocks if block["type"] == "tool_use"]
    assert {call["id"]: call["json"] for call in calls} == {f"call_{n}": arguments for n, arguments in CALLS.items()}
    assert len(calls) == len(CALLS)


def test_a_single_call_waits_for_nothing() -> None:
    turns = InTurn()
    for piece in ('{"a"', ": 1}"):
        delta: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        assert [part for part, _ in turns.take(delta)] == [delta]
    assert turns.arguments.is_whole


@pytest.mark.parametrize("text", ["{}", '{"a": "}\\"]{"}', '{"a": [{"b": "\\\\"}, []]}', ' {"\u00e9": {"": 1}}'])
def test_an_object_is_whole_with_its_last_brace_wherever_it_is_cut(text: str) -> None:
    assert isinstance(json.loads(text), dict)
    for first in range(len(text)):
        for second in range(first, len(text)):
            read = Wholeness()
            for piece in (text[:first], text[first:second], text[second:-1]):
                read.feed(piece)
            assert not read.is_whole
            read.feed(text[-1])
            assert read.is_whole
            read.feed(" {")
            assert read.is_whole
