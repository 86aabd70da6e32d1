"""A telling that is begun again: nothing twice, nothing missing, nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.said import Differs, Said


@given(st.text(max_size=60), st.lists(st.integers(0, 60)), st.lists(st.integers(0, 60)), st.integers(0, 60))
def test_whatever_the_pieces_a_text_arrives_once(text: str, cuts: list[int], other_cuts: list[int], heard: int) -> None:
    said, arrived = Said(), ""
    for piece in pieces(text[:heard], cuts):
        arrived += said.take(0, {"content": piece}).get("content", "")
    said.again()
    for piece in pieces(text, other_cuts):
        arrived += said.take(0, {"content": piece}).get("content", "")
    said.check_whole()

    assert arrived == text


def test_an_answer_that_begins_otherwise_is_noticed() -> None:
    said = Said()
    said.take(0, {"content": "The quick "})
    said.again()
    with pytest.raises(Differs):
        said.take(0, {"content": "The slow "})


def test_an_answer_that_ends_before_what_was_said_is_noticed() -> None:
    said = Said()
    said.take(0, {"content": "The quick "})
    said.again()
    said.take(0, {"content": "The "})
    with pytest.raises(Differs):
        said.check_whole()


def test_choices_and_channels_are_kept_apart() -> None:
    said = Said()
    assert said.take(0, {"content": "a"}) == {"content": "a"}
    assert said.take(1, {"content": "b", "reasoning_content": "r"}) == {"content": "b", "reasoning_content": "r"}
    said.again()
    assert said.take(1, {"content": "bc"}) == {"content": "c"}
    assert said.take(0, {"content": "ab"}) == {"content": "b"}


def test_a_tool_call_goes_on_where_it_was() -> None:
    first: list[dict[str, Any]] = [
        {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a'}},
    ]
    said = Said()
    assert [said.take(0, {"tool_calls": [call]}) for call in first] == [{"tool_calls": [call]} for call in first]

    said.again()
    assert said.take(0, {"tool_calls": [first[0]]}) == {}
    assert said.take(0, {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": 1}'}}]}) == {
        "tool_calls": [{"index": 0, "function": {"arguments": '": 1}'}}]
    }


def pieces(text: str, cuts: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(ends)]
