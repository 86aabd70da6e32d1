"""Items of a response that come back by their ids alone, as Vercel's AI package sends them."""

from __future__ import annotations

import pytest

from tests.gateway.house import TEXT, House, house
from tests.model_server import SyncModelServer

UNKNOWN = f"msg_{'0' * 24}_0"
TOOLS = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}]
CALL = {"id": "c1", "name": "look", "arguments": "{}"}


def ask(*items: dict, **fields: object) -> dict:
    return {"model": "gpt-test", "input": [{"role": "user", "content": "Hello"}, *items], **fields}


def by_id(item: dict) -> dict:
    return {"type": "item_reference", "id": item["id"]}


def turns(model: SyncModelServer) -> list[tuple[str, object]]:
    sent = model.log(finished=2)[1]["body"]
    return [(turn["role"], turn["content"]) for turn in sent["messages"] if turn["role"] != "system"]


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_that_is_referred_to_stands_in_its_place(
    lattice: House, model: SyncModelServer, streaming: bool
) -> None:
    gpt = lattice.openai()
    if streaming:
        async with gpt.responses.stream(**ask()) as stream:
            first = (await stream.get_final_response()).output[0].to_dict()
    else:
        first = (await gpt.responses.create(**ask())).output[0].to_dict()

    await lattice.post("/v1/responses", ask(by_id(first), {"role": "user", "content": "And then?"}))

    assert turns(model) == [("user", "Hello"), ("assistant", TEXT), ("user", "And then?")]


async def test_words_beside_a_tool_call_are_its_turns_own_and_reasoning_stays_private(
    lattice: House, model: SyncModelServer
) -> None:
    model.next({"text": "Let me look.", "reasoning": "where to look", "tool_calls": [CALL]})
    reasoned = await lattice.post("/v1/responses", ask(tools=TOOLS, reasoning={"summary": "auto"}))
    call = next(item for item in reasoned["output"] if item["type"] == "function_call")
    references = [by_id(item) for item in reasoned["output"] if item["type"] != "function_call"]

    output = {"type": "function_call_output", "call_id": "c1", "output": "a door"}
    await lattice.post("/v1/responses", ask(*references, call, output, tools=TOOLS))

    said = "Let me look." if any(item["type"] == "message" for item in reasoned["output"]) else None
    assert turns(model) == [("user", "Hello"), ("assistant", said), ("tool", "a door")]


async def test_an_answer_that_was_forgotten_is_left_out(lattice: House, model: SyncModelServer) -> None:
    first = await lattice.post("/v1/responses", ask())
    session = first["lattice"]["session"]
    status, _ = await lattice.call("DELETE", f"/v1/sessions/{session}")
    assert status == 200

    await lattice.post("/v1/responses", ask(by_id(first["output"][0]), {"role": "user", "content": "And then?"}))

    assert ("assistant", TEXT) not in turns(model)


async def test_a_notice_that_no_model_could_be_reached_is_left_out(short_dir) -> None:
    async with house(short_dir) as lattice:
        first = await lattice.post("/v1/responses", ask())
        assert first["lattice"]["degraded"]
        second = await lattice.post("/v1/responses", ask(by_id(first["output"][0]), {"role": "user", "content": "And now?"}))
        assert second["status"] == "completed"


async def test_what_nobody_knows_of_is_refused_with_what_to_do(lattice: House) -> None:
    for reference in ({"type": "item_reference", "id": UNKNOWN}, {"id": UNKNOWN}, {"type": "item_reference", "id": "msg_1"}):
        status, error = await lattice.refused("/v1/responses", ask(reference))
        assert (status, error["code"], error["param"]) == (404, "not_found", "input[1].id")
        assert "store: false" in error["message"]


async def test_an_answer_is_another_namespaces_nothing(lattice: House) -> None:
    first = await lattice.post("/v1/responses", ask())
    status, _ = await lattice.refused("/v1/responses", ask(by_id(first["output"][0])), x_lattice_namespace="other")
    assert status == 404


async def test_an_answer_that_was_kept_out_of_memory_is_refused_by_its_id(lattice: House) -> None:
    first = await lattice.post("/v1/responses", ask(), x_lattice_memory="off")
    status, error = await lattice.refused("/v1/responses", ask(by_id(first["output"][0])), x_lattice_memory="off")
    assert (status, error["param"]) == (400, "input[1].id")
