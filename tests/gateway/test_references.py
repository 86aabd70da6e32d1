"""Items of a response that come back by their ids alone, as Vercel's AI package sends them."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.house import TEXT, House, house, start
from tests.model_server import SyncModelServer

UNKNOWN = f"msg_{'0' * 24}_0"
TOOLS = [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}]
CALL = {"id": "c1", "name": "look", "arguments": "{}"}


def ask(*items: dict, **fields: object) -> dict:
    return {"model": "gpt-test", "input": [{"role": "user", "content": "Hello"}, *items], **fields}


def by_id(item: dict) -> dict:
    return {"type": "item_reference", "id": item["id"]}


def turns(model: SyncModelServer, call: int = 2) -> list[tuple[str, object]]:
    sent = model.log(finished=call)[call - 1]["body"]
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


async def test_an_answer_that_was_given_before_in_the_same_words_is_put_back(lattice: House, model: SyncModelServer) -> None:
    for _ in range(2):
        told = await lattice.post("/v1/responses", ask(), x_lattice_session="s")

    await lattice.post("/v1/responses", ask(by_id(told["output"][0]), {"role": "user", "content": "And then?"}))

    assert turns(model, 3) == [("user", "Hello"), ("assistant", TEXT), ("user", "And then?")]


async def test_words_of_one_answer_stand_once_however_many_items_it_had(lattice: House, model: SyncModelServer) -> None:
    first = (await lattice.post("/v1/responses", ask()))["output"][0]
    later = {**first, "id": first["id"].removesuffix("_0") + "_2"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "a door"}
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}

    await lattice.post("/v1/responses", ask(by_id(first), call, by_id(later), output, tools=TOOLS))

    assert turns(model) == [("user", "Hello"), ("assistant", TEXT), ("tool", "a door")]


async def test_what_memory_is_told_late_is_waited_for_and_left_out_once_it_is_forgotten(
    short_dir, model: SyncModelServer
) -> None:
    async with house(short_dir, model=model.base_url, parts=("encoder", "llm", "thinking")) as lattice:
        first = (await lattice.post("/v1/responses", ask(), x_lattice_session="s"))["output"][0]
        goes_on = ask(by_id(first), {"role": "user", "content": "And then?"})
        await start(lattice.host, "memory", lattice.data_dir, None)

        async with asyncio.timeout(30):
            while (await lattice.call("POST", "/v1/responses", goes_on))[0] == 503:
                pass
        assert ("assistant", TEXT) in turns(model)

        status, _ = await lattice.call("DELETE", "/v1/sessions/s")
        assert status == 200
        await lattice.post("/v1/responses", goes_on)
        assert ("assistant", TEXT) not in turns(model, 3)


@pytest.mark.parametrize(
    ("item", "param"),
    [({}, "input[1].role"), ({"type": "item_reference"}, "input[1].id"), ({"id": 5}, "input[1].id")],
    ids=["nothing", "no id", "a number"],
)
async def test_what_is_no_reference_is_refused_by_its_field(lattice: House, item: dict, param: str) -> None:
    status, error = await lattice.refused("/v1/responses", ask(item))
    assert (status, error["param"]) == (400, param)


async def test_more_answers_than_a_talk_may_have_are_refused_before_memory_is_asked(lattice: House) -> None:
    references = [{"type": "item_reference", "id": f"msg_{number:024x}_0"} for number in range(4096)]
    status, error = await lattice.refused("/v1/responses", ask(*references))
    assert (status, error["param"]) == (400, "input")


async def test_answers_that_are_larger_together_than_a_body_may_be_are_refused(short_dir, model: SyncModelServer) -> None:
    async with house(short_dir, model=model.base_url, max_body_bytes=4096) as lattice:
        model.next({"text": " ".join(map(str, range(1000, 2000)))})
        first = (await lattice.post("/v1/responses", ask()))["output"][0]
        status, _ = await lattice.refused("/v1/responses", ask(by_id(first)))
        assert status == 413
