"""A talk of several sessions through the whole house, with the real openai package: what was said first is recalled last."""

from __future__ import annotations

import pytest

from tests.model_server.fixture import SyncModelServer
from tests.system.house import House

pytestmark = pytest.mark.system

SESSIONS = {
    "monday": [
        "Hi, I am Mirela. I repair old church organs for a living.",
        "The one in Hallein has a cracked wind chest, it will keep me busy until winter.",
    ],
    "wednesday": [
        "My neighbour's dog barked all night, I hardly slept.",
        "I think I will take up swimming again, the lake is still warm.",
    ],
    "friday": ["Which town has the organ with the cracked wind chest?"],
}


def test_what_was_said_in_the_first_session_is_recalled_in_the_last(house: House, script: SyncModelServer) -> None:
    client = house.openai(default_headers={"X-Lattice-Namespace": "mirela"})
    script.always(mode="say", text="Noted.")
    answer = ""

    for session, sayings in SESSIONS.items():
        history: list[dict[str, str]] = []
        if session == "friday":
            script.always(mode="find", words=["wind", "chest"], text="I do not know.")
        for saying in sayings:
            history.append({"role": "user", "content": saying})
            completion = client.chat.completions.create(
                model="gpt-test", messages=history, extra_headers={"X-Lattice-Session": session}
            )
            answer = completion.choices[0].message.content or ""
            history.append({"role": "assistant", "content": answer})

    assert "Hallein" in answer, "the model was not given what was said on monday"


def test_each_turn_is_remembered_once_though_the_whole_history_is_sent_each_time(house: House) -> None:
    listed = house.get("/v1/memories?limit=1000&kind=turn", x_lattice_namespace="mirela")["memories"]
    texts = [memory["text"] for memory in listed]

    for saying in [saying for sayings in SESSIONS.values() for saying in sayings]:
        assert texts.count(saying) == 1

    assert {session["name"] for session in house.get("/v1/sessions", x_lattice_namespace="mirela")["sessions"]} == set(SESSIONS)


def test_as_many_texts_as_openai_takes_are_embedded(house: House) -> None:
    texts = [f"text {number}" for number in range(2048)]
    told = house.openai(timeout=60).embeddings.create(model="gpt-test", input=texts, dimensions=1536)

    assert [item.index for item in told.data] == list(range(2048))
    assert {len(item.embedding) for item in told.data} == {1536}
    alone = house.openai().embeddings.create(model="gpt-test", input=texts[-1], dimensions=1536)
    assert told.data[-1].embedding == alone.data[0].embedding


def test_an_edited_turn_supersedes_the_old_one(house: House, script: SyncModelServer) -> None:
    script.always(mode="say", text="Fine.")
    client = house.openai(default_headers={"X-Lattice-Namespace": "editor", "X-Lattice-Session": "s"})
    first = [{"role": "user", "content": "My flight leaves at nine."}, {"role": "assistant", "content": "Fine."}]

    client.chat.completions.create(model="gpt-test", messages=first[:1])
    client.chat.completions.create(model="gpt-test", messages=[*first, {"role": "user", "content": "Wake me at six."}])
    client.chat.completions.create(model="gpt-test", messages=[*first, {"role": "user", "content": "Wake me at five."}])

    listed = house.get("/v1/memories?limit=100", x_lattice_namespace="editor")["memories"]
    by_text = {memory["text"]: memory for memory in listed}
    assert by_text["Wake me at six."]["valid_to"] is not None
    assert by_text["Wake me at five."]["valid_to"] is None
    assert by_text["My flight leaves at nine."]["valid_to"] is None


@pytest.mark.parametrize(("mode", "stored"), [("off", 0), ("read", 0)])
def test_a_talk_can_be_kept_out_of_memory(house: House, script: SyncModelServer, mode: str, stored: int) -> None:
    script.always(mode="say", text="As you wish.")
    namespace = f"secret-{mode}"
    house.openai(default_headers={"X-Lattice-Namespace": namespace, "X-Lattice-Memory": mode}).chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "Do not keep this."}]
    )

    assert house.get("/v1/memories/stats", x_lattice_namespace=namespace)["count"] == stored


def test_a_streamed_answer_is_the_plain_one(house: House, script: SyncModelServer) -> None:
    script.always(mode="say", text="Ten small words that are sent one after the other.")
    client = house.openai(default_headers={"X-Lattice-Namespace": "streams"})
    messages = [{"role": "user", "content": "Say them."}]
    plain = client.chat.completions.create(model="gpt-test", messages=messages)
    chunks = list(client.chat.completions.create(model="gpt-test", messages=messages, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert text == plain.choices[0].message.content
    assert chunks[-1].choices == [] or chunks[-1].choices[0].finish_reason == "stop"


def test_a_tool_whose_schema_is_deep_reaches_the_model(house: House, script: SyncModelServer) -> None:
    script.always(mode="say", text="Fine.")
    schema: dict = {"type": "string"}
    for level in range(10):
        schema = {"type": "object", "properties": {f"level_{level}": schema}}
    tool = {"type": "function", "function": {"name": "book", "parameters": schema}}
    house.openai(max_retries=0).chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "Book it."}], tools=[tool]
    )

    assert script.log()[-1]["body"]["tools"] == [tool]


def test_a_client_that_hangs_up_cancels_the_model_call(house: House, script: SyncModelServer) -> None:
    script.next({"fault": "hang_mid"})
    stream = house.openai(max_retries=0).chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "Talk without end."}], stream=True
    )
    next(iter(stream))
    stream.close()

    assert script.log(hung_up=1)[-1]["state"] == "hung_up"


def test_without_a_model_the_answer_comes_from_memory_and_says_so(house: House, script: SyncModelServer) -> None:
    client = house.openai(default_headers={"X-Lattice-Namespace": "mirela"}, max_retries=0)
    script.always(fault="status", status=500)
    completion = client.chat.completions.create(
        model="gpt-test", messages=[{"role": "user", "content": "Which organ has a cracked wind chest?"}]
    )

    assert completion.model_extra is not None
    assert completion.model_extra["lattice"]["degraded"] is True
    assert "Hallein" in (completion.choices[0].message.content or "")
