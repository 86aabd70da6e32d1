"""Tool calls of servers that number them in their own way."""

from __future__ import annotations

from typing import Any

import pytest

from actors.llm.dialects.tool_calls import ToolCalls
from actors.llm.failure import Failure
from actors.llm.form import Said


def piece(arguments: str = "", **fields: Any) -> dict[str, Any]:
    """`name` stands in the function, all else beside it."""
    named = {"name": fields.pop("name")} if "name" in fields else {}
    return {**fields, "function": {**named, "arguments": arguments}}


def joined(*pieces: dict[str, Any]) -> list[tuple[str, str, str]]:
    calls, said = ToolCalls(), Said()
    for one in pieces:
        said.add_calls(list(calls.numbered([one])))

    told = said.message()["tool_calls"]
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in told]


@pytest.mark.parametrize("numbered", [{"index": 0}, {}, {"index": None}], ids=["all 0", "none", "null"])
def test_whole_calls_under_one_number_are_calls_of_their_own(numbered: dict[str, Any]) -> None:
    first, second = (piece(f'{{"n": {n}}}', id=f"c{n}", name="look", **numbered) for n in (1, 2))
    assert joined(first, second) == [("c1", "look", '{"n": 1}'), ("c2", "look", '{"n": 2}')]


def test_calls_without_arguments_are_told_apart_by_their_names() -> None:
    assert joined(piece(id="c1", name="look", index=0), piece(id="c2", name="go", index=0)) == [
        ("c1", "look", ""),
        ("c2", "go", ""),
    ]


def test_a_call_whose_every_piece_has_a_new_id_and_the_name_again_is_one() -> None:
    pieces = [piece(part, id=f"c{n}", name="look", index=0) for n, part in enumerate(['{"a', '": "}', '{"}'])]
    assert joined(*pieces) == [("c0", "look", '{"a": "}{"}')]


def test_what_openai_sends_stays_as_it_is() -> None:
    pieces = [
        piece(id="c1", name="look", index=0, type="function"),
        piece('{"n"', index=0),
        piece(id="c2", name="look", index=1, type="function"),
        piece(": 1}", index=0),
        piece("{}", index=1),
    ]
    assert list(ToolCalls().numbered(pieces[:1])) == pieces[:1]
    assert joined(*pieces) == [("c1", "look", '{"n": 1}'), ("c2", "look", "{}")]


@pytest.mark.parametrize("identity", ["", "c1"], ids=["no ids", "one id"])
def test_whole_calls_under_one_number_and_no_id_of_their_own_are_two(identity: str) -> None:
    pieces = [piece(f'{{"n": {n}}}', id=identity, name="look", index=0) for n in (1, 2)]
    assert joined(*pieces) == [(identity, "look", '{"n": 1}'), (identity, "look", '{"n": 2}')]


def test_calls_beside_each_other_are_two_whatever_they_bring() -> None:
    told = list(ToolCalls().numbered([piece(id="c1", name="look"), piece(id="c2", name="look")]))
    assert [call["index"] for call in told] == [0, 1]


def test_a_piece_without_a_number_goes_on_with_the_call_that_had_one() -> None:
    assert joined(piece(id="c1", name="look", index=0), piece("{}")) == [("c1", "look", "{}")]


def test_a_name_that_comes_late_is_told() -> None:
    assert joined(piece(id="c1", index=0), piece("{}", name="look", index=0)) == [("c1", "look", "{}")]


def test_in_a_whole_completion_each_is_a_call() -> None:
    told = ToolCalls(whole=True).numbered([piece("{}", id="c1", name="look"), piece("{}", id="c1", name="look", index=0)])
    assert [call["index"] for call in told] == [0, 1]


@pytest.mark.parametrize("pieces", ["look", [piece(index="0")], [piece(index=True)]], ids=["text", "text number", "true"])
def test_a_call_of_an_unknown_form_is_the_endpoints_failure(pieces: Any) -> None:
    with pytest.raises(Failure, match="unknown form"):
        list(ToolCalls().numbered(pieces))
