"""What is thought aloud over HTTP: private, unless the client asks for it."""

import json
from typing import Any

import pytest

from tests.gateway.house import TEXT, House, user
from tests.model_server import SyncModelServer

THOUGHT = "The user is a spy,\nI think."
ASK = {"model": "gpt-test", "messages": [user("Hello")]}


@pytest.fixture(autouse=True)
def thinking_aloud(model: SyncModelServer) -> None:
    model.always(text=f"<think>{THOUGHT}</think>{TEXT}")


async def stream_of(lattice: House, **headers: str) -> str:
    """The bytes of a streamed answer, as text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with lattice.http.post(f"{lattice.url}/v1/chat/completions", json={**ASK, "stream": True}, headers=named) as response:
        return await response.text()


def deltas(stream: str, field: str) -> str:
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get(field) or "" for event in events for choice in event["choices"])


async def test_it_is_in_no_byte_of_an_answer_by_itself(lattice: House) -> None:
    assert "spy" not in json.dumps(await lattice.post("/v1/chat/completions", ASK))
    stream = await stream_of(lattice)

    assert "spy" not in stream
    assert deltas(stream, "content") == TEXT


async def test_a_field_has_it_for_who_asks(lattice: House) -> None:
    whole = await lattice.post("/v1/chat/completions", ASK, x_lattice_reasoning="field")
    stream = await stream_of(lattice, x_lattice_reasoning="field")

    message = whole["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == (TEXT, THOUGHT)
    assert (deltas(stream, "content"), deltas(stream, "reasoning_content")) == (TEXT, THOUGHT)


async def test_comments_have_it_for_who_asks(lattice: House) -> None:
    stream = await stream_of(lattice, x_lattice_reasoning="comments")

    comments = " ".join(line.removeprefix(": ") for line in stream.splitlines() if line.startswith(": "))
    assert "spy," in comments
    assert (deltas(stream, "content"), deltas(stream, "reasoning_content")) == (TEXT, "")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", {"model": "gpt-test", "input": "Hello", "stream": True}),
        ("/v1/messages", {"model": "gpt-test", "max_tokens": 99, "messages": [user("Hello")], "stream": True}),
    ],
)
async def test_comments_have_it_in_every_dialect(lattice: House, path: str, body: dict[str, Any]) -> None:
    async with lattice.http.post(f"{lattice.url}{path}", json=body, headers={"X-Lattice-Reasoning": "comments"}) as response:
        lines = (await response.text()).splitlines()

    assert any("spy," in line for line in lines if line.startswith(": "))
    assert not any("spy" in line for line in lines if line.startswith("data: "))


async def test_another_wish_is_an_error_that_names_the_header(lattice: House) -> None:
    status, body = await lattice.call("POST", "/v1/chat/completions", ASK, headers={"X-Lattice-Reasoning": "loud"})

    assert status == 400
    assert body["error"]["param"] == "X-Lattice-Reasoning"


async def test_who_can_be_given_no_answer_hears_when_to_come_back(lattice: House, model: SyncModelServer) -> None:
    model.always(fault="status", status=500)
    body = {**ASK, "response_format": {"type": "json_object"}}
    async with lattice.http.post(f"{lattice.url}/v1/chat/completions", json=body) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1
