"""Responses that are kept, and talks that go on from them by `previous_response_id`, with OpenAI's own package."""

from __future__ import annotations

import asyncio

import openai
import pytest

from actors.memory.messages import Forget
from tests.gateway.house import TEXT, House, house, start
from tests.gateway.test_dialects import CALLS, IMAGE, SCHEMA
from tests.model_server import SyncModelServer

TOOLS = [{"type": "function", "name": "look", "description": "Look.", "parameters": SCHEMA, "strict": False}]
SECRET = "zanzibar"


@pytest.fixture
def gpt(lattice: House) -> openai.AsyncOpenAI:
    return lattice.openai()


def turns(model: SyncModelServer, call: int) -> list[tuple[str, object]]:
    sent = model.log(finished=call)[call - 1]["body"]
    return [(turn["role"], turn["content"]) for turn in sent["messages"] if turn["role"] != "system"]


def in_files(lattice: House) -> list[str]:
    return [path.name for path in lattice.data_dir.glob("thinking.db*") if SECRET.encode() in path.read_bytes()]


async def answered(gpt: openai.AsyncOpenAI, text: object, *, streaming: bool = False, **fields):
    asked = {"model": "gpt-test", "input": text, **fields}
    if not streaming:
        return await gpt.responses.create(**asked)
    events = [event async for event in await gpt.responses.create(**asked, stream=True)]
    assert events[-1].type == "response.completed"
    return events[-1].response


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_talk_goes_on_from_a_responses_id(gpt, model, streaming) -> None:
    model.next({"text": "Porto."}, {"text": "In May."})
    first = await answered(gpt, "Where does Ana live?", streaming=streaming, instructions="Be kind.")
    second = await answered(gpt, "Since when?", streaming=streaming, previous_response_id=first.id)
    third = await answered(gpt, "Why?", streaming=streaming, previous_response_id=second.id)

    assert (first.store, first.previous_response_id) == (True, None)
    assert third.previous_response_id == second.id
    said = [("user", "Where does Ana live?"), ("assistant", "Porto."), ("user", "Since when?"), ("assistant", "In May.")]
    assert turns(model, 3) == [*said, ("user", "Why?")]
    assert "Be kind." not in str(model.log(finished=3)[1]["body"]["messages"])


async def test_a_talk_keeps_its_session_and_may_branch(gpt, model) -> None:
    model.next({"text": "Porto."}, {"text": "In May."}, {"text": "A sister."})
    first = await answered(gpt, "Where does Ana live?", extra_headers={"X-Lattice-Session": "monday"})
    second = await answered(gpt, "Since when?", previous_response_id=first.id)
    other = await answered(gpt, "Who is she?", previous_response_id=first.id)

    assert second.model_extra["lattice"]["session"] == other.model_extra["lattice"]["session"] == "monday"
    assert turns(model, 3) == [("user", "Where does Ana live?"), ("assistant", "Porto."), ("user", "Who is she?")]


@pytest.mark.parametrize("streaming", [False, True])
async def test_tools_outputs_go_back_by_the_responses_id_alone(gpt, model, streaming) -> None:
    model.next({"text": "Let me look.", "tool_calls": CALLS})
    first = await answered(gpt, "What is there?", streaming=streaming, tools=TOOLS)
    outputs = [{"type": "function_call_output", "call_id": call["id"], "output": f"saw {call['id']}"} for call in CALLS]
    second = await answered(gpt, outputs, streaming=streaming, tools=TOOLS, previous_response_id=first.id)
    assert second.output_text == TEXT

    sent = [turn for turn in model.log(finished=2)[1]["body"]["messages"] if turn["role"] != "system"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in sent[1]["tool_calls"]] == [turn["tool_call_id"] for turn in sent[2:]]


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_kept_response_is_read_as_it_was_answered(gpt, model, streaming) -> None:
    model.next({"text": TEXT, "tool_calls": CALLS[:1]})
    first = await answered(gpt, "Hello", streaming=streaming, tools=TOOLS, instructions="Be kind.", metadata={"a": "b"})
    read = await gpt.responses.retrieve(first.id)

    assert read.to_dict() == first.to_dict()


async def test_the_input_of_a_talk_is_listed_in_pages(gpt, model) -> None:
    model.next({"text": "", "tool_calls": CALLS[:1]})
    image = {"role": "user", "content": [{"type": "input_text", "text": "This?"}, {"type": "input_image", "image_url": IMAGE}]}
    first = await answered(gpt, [image], tools=TOOLS)
    output = {"type": "function_call_output", "call_id": CALLS[0]["id"], "output": "a door"}
    second = await answered(gpt, [output], tools=TOOLS, previous_response_id=first.id)

    items = [item async for item in gpt.responses.input_items.list(second.id, limit=1, order="asc")]
    assert [item.type for item in items] == ["message", "function_call", "function_call_output"]
    assert [part.type for part in items[0].content] == ["input_text", "input_image"]
    latest = await gpt.responses.input_items.list(second.id)
    assert [item.id for item in latest.data] == [item.id for item in reversed(items)]


async def test_a_deleted_response_is_gone_from_the_files_and_nothing_goes_on_from_it(lattice, gpt) -> None:
    first = await answered(gpt, f"The word is {SECRET}.", store=True, extra_headers={"X-Lattice-Memory": "off"})
    second = await answered(gpt, "And?", previous_response_id=first.id, store=True, extra_headers={"X-Lattice-Memory": "off"})
    assert in_files(lattice)

    await gpt.responses.delete(first.id)

    assert in_files(lattice) == []
    for gone in (gpt.responses.retrieve(first.id), gpt.responses.delete(first.id)):
        with pytest.raises(openai.NotFoundError):
            await gone
    for previous in (first.id, second.id):
        with pytest.raises(openai.BadRequestError) as error:
            await answered(gpt, "And now?", previous_response_id=previous)
        assert (error.value.code, error.value.param) == ("previous_response_not_found", "previous_response_id")
    assert (await gpt.responses.retrieve(second.id)).output_text == TEXT


async def test_what_is_not_to_be_kept_is_not(gpt) -> None:
    for how in (
        {"store": False},
        {"extra_headers": {"X-Lattice-Memory": "off"}},
        {"extra_headers": {"X-Lattice-Memory": "read"}},
    ):
        told = await answered(gpt, f"The word is {SECRET}.", **how)
        assert told.store is False
        with pytest.raises(openai.NotFoundError):
            await gpt.responses.retrieve(told.id)


async def test_a_response_is_another_namespaces_nothing(gpt) -> None:
    first = await answered(gpt, "Hello")
    other = gpt.with_options(default_headers={"X-Lattice-Namespace": "other"})
    kept = other.responses
    for asked in (kept.retrieve(first.id), kept.delete(first.id), kept.input_items.list(first.id)):
        with pytest.raises(openai.NotFoundError):
            await asked
    with pytest.raises(openai.BadRequestError):
        await answered(other, "And?", previous_response_id=first.id)
    assert (await gpt.responses.retrieve(first.id)).id == first.id


@pytest.mark.parametrize("previous", ["resp_1", f"resp_{'0' * 24}", "x" * 1000])
async def test_a_response_that_never_was_is_refused_in_openais_words(gpt, previous) -> None:
    with pytest.raises(openai.BadRequestError) as error:
        await answered(gpt, "And?", previous_response_id=previous)
    assert error.value.code == "previous_response_not_found"


async def test_a_forgotten_talk_takes_its_responses_along_at_once(lattice, gpt) -> None:
    first = await answered(gpt, f"The word is {SECRET}.", extra_headers={"X-Lattice-Session": "s"})
    second = await answered(gpt, "And?", previous_response_id=first.id)
    elsewhere = await answered(gpt, "Hello")
    status, _ = await lattice.call("DELETE", "/v1/sessions/s")
    assert status == 200

    for told in (first, second):
        with pytest.raises(openai.NotFoundError):
            await gpt.responses.retrieve(told.id)
    assert in_files(lattice) == []
    assert (await gpt.responses.retrieve(elsewhere.id)).id == elsewhere.id


async def test_a_forgotten_turn_takes_along_its_response_and_those_after_it(lattice, gpt, model) -> None:
    before = await answered(gpt, "Hello", extra_headers={"X-Lattice-Session": "s"})
    first = await answered(gpt, f"The word is {SECRET}.", previous_response_id=before.id)
    second = await answered(gpt, "And?", previous_response_id=first.id)
    found = await lattice.get("/v1/sessions/s")
    turn = next(turn["id"] for turn in found["turns"] if SECRET in turn["text"])
    await lattice.host.ref("memory").ask(Forget(ids=(turn,)))

    for told in (first, second):
        with pytest.raises(openai.NotFoundError):
            await gpt.responses.retrieve(told.id)
    assert in_files(lattice) == []
    await answered(gpt, "Another word, then.", previous_response_id=before.id)
    assert turns(model, 4) == [("user", "Hello"), ("assistant", TEXT), ("user", "Another word, then.")]


async def test_a_turn_of_another_dialect_that_is_forgotten_is_in_no_response_after_it(lattice, gpt) -> None:
    said = {"role": "user", "content": f"The word is {SECRET}."}
    await lattice.post("/v1/chat/completions", {"messages": [said]}, x_lattice_session="s")
    history = [said, {"role": "assistant", "content": TEXT}, {"role": "user", "content": "And?"}]
    told = await answered(gpt, history, extra_headers={"X-Lattice-Session": "s"})
    turn = (await lattice.get("/v1/sessions/s"))["turns"][0]["id"]
    await lattice.host.ref("memory").ask(Forget(ids=(turn,)))

    with pytest.raises(openai.NotFoundError):
        await gpt.responses.retrieve(told.id)


async def test_a_forgotten_namespace_takes_its_responses_along(lattice, gpt) -> None:
    told = await answered(gpt, f"The word is {SECRET}.", extra_headers={"X-Lattice-Namespace": "anna"})
    status, _ = await lattice.call("DELETE", "/v1/namespaces/anna")
    assert status == 200
    with pytest.raises(openai.NotFoundError):
        await gpt.responses.retrieve(told.id, extra_headers={"X-Lattice-Namespace": "anna"})
    assert in_files(lattice) == []


async def test_a_repeated_request_goes_on_once(gpt, model) -> None:
    first = await answered(gpt, "Hello")
    again = {"extra_headers": {"Idempotency-Key": "once"}, "previous_response_id": first.id}
    told = [await answered(gpt, "And?", streaming=streaming, **again) for streaming in (False, False, True)]

    assert len({one.id for one in told}) == 1
    assert len(model.log(finished=2)) == 2


async def test_responses_and_what_they_go_on_from_outlive_a_restart_of_the_house(short_dir, model) -> None:
    async with house(short_dir, model=model.base_url) as lattice:
        first = await answered(lattice.openai(), "Hello")
    async with house(short_dir, model=model.base_url) as lattice:
        gpt = lattice.openai()
        assert (await gpt.responses.retrieve(first.id)).to_dict() == first.to_dict()
        await answered(gpt, "And?", previous_response_id=first.id)
    assert turns(model, 2) == [("user", "Hello"), ("assistant", TEXT), ("user", "And?")]


async def test_what_memory_was_told_of_late_takes_its_response_along_when_it_is_forgotten(short_dir, model) -> None:
    async with house(short_dir, model=model.base_url, parts=("encoder", "llm", "thinking")) as lattice:
        gpt = lattice.openai(max_retries=0)
        first = await answered(gpt, f"The word is {SECRET}.", extra_headers={"X-Lattice-Session": "s"})
        assert first.store
        await start(lattice.host, "memory", lattice.data_dir, None)
        async with asyncio.timeout(30):
            said: list[dict] = []
            while len(said) < 2:
                _, session = await lattice.call("GET", "/v1/sessions/s")
                said = session.get("turns", [])
        assert (await gpt.responses.retrieve(first.id)).id == first.id
        await lattice.host.ref("memory").ask(Forget(ids=(said[0]["id"],)))
        with pytest.raises(openai.NotFoundError):
            await gpt.responses.retrieve(first.id)


async def test_a_notice_that_no_model_could_be_reached_is_no_turn_of_the_talk(short_dir, model) -> None:
    async with house(short_dir) as lattice:
        first = await answered(lattice.openai(), "Hello")
        assert first.model_extra["lattice"]["degraded"]
    async with house(short_dir, model=model.base_url) as lattice:
        await answered(lattice.openai(), "And now?", previous_response_id=first.id)
    assert turns(model, 1) == [("user", "Hello"), ("user", "And now?")]


async def test_a_turn_that_memory_had_and_forgets_while_it_is_answered_again_is_in_no_response(lattice, gpt, model) -> None:
    said = {"role": "user", "content": f"The word is {SECRET}."}
    await lattice.post("/v1/chat/completions", {"messages": [said]}, x_lattice_session="s")
    turn = (await lattice.get("/v1/sessions/s"))["turns"][0]["id"]
    model.next({"text": TEXT, "fault": "hang"})
    asking = asyncio.create_task(answered(gpt, [said], extra_headers={"X-Lattice-Session": "s"}))
    await asyncio.to_thread(model.log, holding=1)
    await lattice.host.ref("memory").ask(Forget(ids=(turn,)))
    # Thinking has heard of it by then: it is asked to look before it answers this.
    await lattice.call("GET", f"/v1/responses/resp_{'0' * 24}")
    await asyncio.to_thread(model.release)

    assert (await asking).store is False
    assert in_files(lattice) == []
