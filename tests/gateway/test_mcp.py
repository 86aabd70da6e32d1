"""/mcp, as the Model Context Protocol's own client speaks to it, and as one that errs does."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from mcp.client.client import Client

from tests.gateway.house import House
from tests.paradox.house import followed

VERSION = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {}}
LIST = {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"_meta": META}}
HEADERS = {"MCP-Protocol-Version": VERSION, "Mcp-Method": "tools/list"}


async def say(house: House, message: Any, **headers: str) -> tuple[int, Any]:
    """Status and JSON of one message."""
    data = io.BytesIO(message if isinstance(message, bytes) else json.dumps(message).encode())
    options = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with house.http.post(f"{house.url}/mcp", data=data, headers=options) as response:
        body = await response.read()
        return response.status, json.loads(body) if body else None


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_remembers_recalls_corrects_and_forgets(lattice: House, mode: str) -> None:
    async with Client(f"{lattice.url}/mcp", mode=mode) as agent:
        stored = await agent.call_tool("remember", {"text": "Ana lives in Porto.", "speaker": "ana", "importance": 0.7})
        (found,) = (await agent.call_tool("recall", {"query": "Where does Ana live?"})).structured_content["memories"]
        assert (found["id"], found["text"]) == (stored.structured_content["id"], "Ana lives in Porto.")

        await agent.call_tool("correct", {"id": found["id"], "text": "Ana lives in Braga."})
        assert (await lattice.get(f"/v1/memories/{found['id']}"))["text"] == "Ana lives in Braga."

        assert not (await agent.call_tool("forget", {"id": found["id"]})).is_error
        assert (await agent.call_tool("recall", {"query": "Ana"})).structured_content == {"memories": []}


async def test_every_tool_says_what_it_takes(lattice: House) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:
        tools = {tool.name: tool for tool in (await agent.list_tools()).tools}

    assert list(tools) == ["remember", "recall", "correct", "forget", "contradictions", "settle", "profile"]
    assert tools["recall"].annotations.read_only_hint
    assert tools["forget"].annotations.destructive_hint
    for tool in tools.values():
        assert tool.description
        assert all("description" in field for field in tool.input_schema["properties"].values()), tool.name


async def test_a_contradiction_is_seen_and_settled(lattice: House) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:
        for text in ("I live in Lisbon.", "I live in Oslo."):
            await agent.call_tool("remember", {"text": text, "speaker": "ana", "kind": "turn"})
        await followed(lattice.host)

        (one,) = (await agent.call_tool("contradictions", {})).structured_content["contradictions"]
        assert (one["earlier"]["text"], one["later"]["text"]) == ("I live in Lisbon.", "I live in Oslo.")
        assert one["advice"]

        settled = await agent.call_tool("settle", {"id": one["id"], "keep": "later", "reason": "She has moved, she says."})
        assert settled.structured_content == {"id": one["id"], "state": "integrated"}
        assert (await agent.call_tool("contradictions", {})).structured_content == {"contradictions": []}


async def test_what_is_wrong_with_a_call_is_said_in_its_result(lattice: House) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:
        wrong = await agent.call_tool("recall", {"query": "x", "k": "many"})
        assert (wrong.is_error, wrong.content[0].text) == (True, "k: a whole number is wanted")
        unknown = await agent.call_tool("recall", {"question": "x"})
        assert unknown.content[0].text == "query: Field required"
        gone = await agent.call_tool("forget", {"id": "nobody's"})
        assert gone.is_error


async def test_an_agent_sees_its_own_namespace_alone(lattice: House) -> None:
    await lattice.post("/v1/memories", {"text": "Ana lives in Porto."}, x_lattice_namespace="hers")
    query = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "recall", "arguments": {"query": "Ana"}}}

    _, told = await say(lattice, query)
    assert told["result"]["structuredContent"] == {"memories": []}
    _, told = await say(lattice, query, X_Lattice_Namespace="hers")
    assert len(told["result"]["structuredContent"]["memories"]) == 1


async def test_a_key_with_the_same_call_remembers_once(lattice: House) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "remember", "arguments": {"text": "once"}}}
    first, second = [await say(lattice, call, Idempotency_Key="k") for _ in range(2)]
    assert first == second
    assert (await lattice.get("/v1/memories/stats"))["count"] == 1


async def test_a_client_of_an_unknown_revision_is_offered_the_newest_handshake(bare: House) -> None:
    begin = {"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": {"protocolVersion": "1999-01-01"}}
    status, told = await say(bare, begin)
    assert (status, told["id"], told["result"]["protocolVersion"]) == (200, "a", "2025-11-25")
    assert await say(bare, {"jsonrpc": "2.0", "method": "notifications/initialized"}) == (202, None)
    assert await say(bare, {"jsonrpc": "2.0", "id": 2, "method": "ping"}) == (200, {"jsonrpc": "2.0", "id": 2, "result": {}})


@pytest.mark.parametrize(
    ("message", "headers", "status", "code"),
    [
        (b"{", {}, 400, -32700),
        (b"", {}, 400, -32700),
        ([LIST], {}, 400, -32600),
        ({"id": 1, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": ["ping"]}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, {}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, {}, 200, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm"}}, {}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "recall", "arguments": []}}, {}, 200, -32602),
        ({**LIST, "params": {}}, HEADERS, 400, -32602),
        (LIST, {"MCP-Protocol-Version": VERSION}, 400, -32020),
        (LIST, {**HEADERS, "Mcp-Method": "tools/call"}, 400, -32020),
        (LIST, {**HEADERS, "MCP-Protocol-Version": "2027-01-01"}, 400, -32020),
        ({**LIST, "method": "ping"}, {**HEADERS, "Mcp-Method": "ping"}, 404, -32601),
        ({"jsonrpc": "2.0", "method": "notifications/cancelled"}, {"MCP-Protocol-Version": "2027-01-01"}, 400, -32022),
    ],
)
async def test_a_message_that_is_wrong_is_told_so(
    bare: House, message: Any, headers: dict[str, str], status: int, code: int
) -> None:
    answered, told = await say(bare, message, **headers)
    assert (answered, told["error"]["code"], told["jsonrpc"]) == (status, code, "2.0")
    assert told["error"]["message"]


@pytest.mark.parametrize(
    "wrong", [{"params": []}, {"method": 5}, {"method": "nothing"}, {"params": {"name": "rm"}}], ids=range(4)
)
async def test_an_error_has_the_id_of_the_message_that_is_wrong(bare: House, wrong: dict[str, Any]) -> None:
    _, told = await say(bare, {"jsonrpc": "2.0", "id": "mine", "method": "tools/call", **wrong})
    assert (told["id"], "error" in told) == ("mine", True)


async def test_a_number_of_more_than_64_bits_is_said_in_the_calls_result(lattice: House) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:
        assert (await agent.call_tool("recall", {"query": "x", "k": 1 << 70})).is_error
        assert (await agent.call_tool("remember", {"text": "x", "metadata": {"a": 1 << 70}})).is_error


async def test_an_unsupported_revision_is_answered_with_those_that_are(bare: House) -> None:
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "2027-01-01"}
    headers = {**HEADERS, "MCP-Protocol-Version": "2027-01-01"}
    status, told = await say(bare, {**LIST, "params": {"_meta": meta}}, **headers)
    assert (status, told["error"]["code"]) == (400, -32022)
    assert told["error"]["data"] == {"supported": [VERSION], "requested": "2027-01-01"}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_there_are_no_streams_and_no_sessions(bare: House, method: str) -> None:
    async with bare.http.request(method, f"{bare.url}/mcp") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")


async def test_a_message_that_is_too_large_is_refused(bare: House) -> None:
    status, told = await say(bare, b'{"jsonrpc": "2.0", "id": 1, "method": "' + b"x" * (1 << 20) + b'"}')
    assert (status, told["error"]["code"]) == (413, "too_large")


async def test_a_client_that_takes_no_json_is_refused(bare: House) -> None:
    status, _ = await say(bare, LIST, Accept="text/html")
    assert status == 406


async def test_what_somebody_told_in_confidence_is_for_them_alone(lattice: House) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:

        async def recalled(**asker: str) -> set[str]:
            told = await agent.call_tool("recall", {"query": "What about the boat?", **asker})
            return {one["text"] for one in told.structured_content["memories"]}

        secret = "I bought a boat with blue sails. Don't tell Ada."
        turn = await agent.call_tool("remember", {"text": secret, "speaker": "Bert", "kind": "turn"})
        link = {"relation": "derives_from", "target": turn.structured_content["id"]}
        drawn = {"text": "I bought a boat with blue sails.", "speaker": "Bert", "kind": "fact", "links": [link]}
        await lattice.post("/v1/memories", drawn)
        await agent.call_tool("remember", {"text": "The boat race is in May.", "speaker": "Ada", "kind": "turn"})

        assert await recalled() == await recalled(asker="Ada") == {"The boat race is in May."}
        assert await recalled(asker="Bert") == {secret, drawn["text"], "The boat race is in May."}
        # Whoever owns the memory sees all of it.
        found = await lattice.post("/v1/memories/search", {"query": "What about the boat?"})
        assert len(found["memories"]) == 3


async def test_a_contradiction_with_a_confidence_is_shown_to_who_told_it(lattice: House) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:
        for text in ("I live in Lisbon.", "I live in Oslo. Please don't tell ben."):
            await agent.call_tool("remember", {"text": text, "speaker": "ana", "kind": "turn"})
        await followed(lattice.host)
        shown = [
            len((await agent.call_tool("contradictions", asker)).structured_content["contradictions"])
            for asker in ({}, {"asker": "ben"}, {"asker": "ana"})
        ]
    assert shown == [0, 0, 1]


async def test_a_contradiction_in_the_words_of_a_confidence_is_shown_to_nobody_else_though_its_record_was_corrected(
    lattice: House,
) -> None:
    async with Client(f"{lattice.url}/mcp") as agent:
        for text in ("I live in Lisbon.", "I live in Oslo. Please don't tell ben."):
            stored = await agent.call_tool("remember", {"text": text, "speaker": "ana", "kind": "turn"})
        await followed(lattice.host)
        await agent.call_tool("correct", {"id": stored.structured_content["id"], "text": "I live in Oslo."})
        shown = [str((await agent.call_tool("contradictions", {"asker": name})).structured_content) for name in ("ben", "ana")]
    assert "don't tell" not in shown[0]
    assert "Lisbon" in shown[1]
