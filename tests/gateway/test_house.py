"""The rest of the house over HTTP: models, embeddings, paradoxes, cycles, thoughts, actors, health, metrics, descriptions."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from base64 import b64decode
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors.llm.messages import Usage, Vectors
from gateway.embeddings import write
from gateway.openapi import Description
from gateway.service import ROUTES
from tests.gateway.house import House, user
from transport.errors import Overloaded


async def test_models_are_listed_and_found(lattice: House) -> None:
    client = lattice.openai()
    assert [(model.id, model.owned_by) for model in (await client.models.list()).data] == [("gpt-test", "first")]
    assert (await client.models.retrieve("gpt-test")).id == "gpt-test"


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_embeddings_come_in_both_forms(lattice: House, form: str) -> None:
    status, told = await lattice.call(
        "POST", "/v1/embeddings", {"model": "gpt-test", "input": ["a dog", "a cat"], "encoding_format": form}
    )
    assert status == 200, told
    vectors = [item["embedding"] for item in told["data"]]
    if form == "base64":
        vectors = [struct.unpack("<64f", b64decode(vector)) for vector in vectors]

    assert [len(vector) for vector in vectors] == [64, 64]
    assert [item["index"] for item in told["data"]] == [0, 1]
    parsed = await lattice.openai().embeddings.create(model="gpt-test", input="a dog")
    assert parsed.data[0].embedding == pytest.approx(vectors[0], abs=1e-6)


async def test_many_vectors_are_written_while_others_are_served():
    vectors = Vectors(vectors=(tuple(i / 1536 for i in range(1536)),) * 512, model="m", usage=Usage(), endpoint="e")
    writing = asyncio.create_task(asyncio.to_thread(write, [vectors], packed=False))
    turns = 0
    while not writing.done():
        turns += 1
        await asyncio.sleep(0)

    # In one call that keeps the interpreter there would be one or two.
    assert turns > 10
    told = json.loads(await writing)
    assert [item["index"] for item in told["data"]] == list(range(512))
    assert told["data"][511]["embedding"] == list(vectors.vectors[0])


async def test_a_check_for_contradictions_keeps_nothing(lattice: House) -> None:
    told = await lattice.post(
        "/v1/paradoxes/check",
        {"statements": [{"text": "I have a dog.", "speaker": "a"}], "new": {"text": "I have no dog.", "speaker": "a"}},
    )

    assert told["verdict"] == "contradiction"
    assert told["conflicts"][0]["index"] == 0
    assert (await lattice.get("/v1/paradoxes"))["paradoxes"] == []
    assert (await lattice.call("GET", "/v1/paradoxes/px_none"))[0] == 404
    assert (await lattice.call("POST", "/v1/paradoxes/px_none/resolve", {"reason": "x"}))[0] == 404


async def test_cycles_are_listed_paused_resumed_and_run(lattice: House) -> None:
    name = (await lattice.get("/v1/daemon/cycles"))["cycles"][0]["name"]
    assert (await lattice.post(f"/v1/daemon/cycles/{name}/pause"))["paused"] is True
    assert (await lattice.post(f"/v1/daemon/cycles/{name}/resume"))["paused"] is False

    # A cycle with an interval is due at once in a new house: that run may be under way.
    async with asyncio.timeout(20):
        while (await lattice.call("POST", f"/v1/daemon/cycles/{name}/run", headers={"Idempotency-Key": "now"}))[0] == 409:
            pass
    run = await lattice.post(f"/v1/daemon/cycles/{name}/run", idempotency_key="now")
    assert (await lattice.post(f"/v1/daemon/cycles/{name}/run", idempotency_key="now"))["id"] == run["id"]
    assert run["id"] in [known["id"] for known in (await lattice.get(f"/v1/daemon/runs?cycle={name}"))["runs"]]
    assert (await lattice.call("POST", "/v1/daemon/cycles/none/run"))[0] == 404


async def test_a_thought_can_be_looked_at_in_its_own_namespace(lattice: House) -> None:
    answer = await lattice.post("/v1/chat/completions", {"messages": [user("Hello")]}, x_lattice_namespace="hers")
    path = f"/v1/thoughts/{answer['lattice']['thought_id']}"

    assert (await lattice.get(path, x_lattice_namespace="hers"))["endpoint"] == "first"
    assert (await lattice.call("GET", path))[0] == 404
    (latest,) = (await lattice.get("/v1/thoughts?limit=1", x_lattice_namespace="hers"))["thoughts"]
    assert latest["thought_id"] == answer["lattice"]["thought_id"]
    assert (await lattice.get("/v1/thoughts"))["thoughts"] == []
    told = await lattice.post("/v1/thinking/analyze", {"text": "What time is it?"})
    assert told["intent"] in told["scores"]


@pytest.mark.parametrize(("priority", "waits"), [("u=7", False), ("u=7, i", False), ("u=0", True), (None, True)])
async def test_who_says_that_nobody_waits_does_not_hold_the_background_life_back(
    bare: House, priority: str | None, waits: bool
) -> None:
    headers = {} if priority is None else {"Priority": priority}
    await bare.call("GET", "/v1/memories/stats", headers={**headers, "X-Lattice-Timeout": "0.1"})

    assert bare.gateway.service.foreground._said is waits


async def test_no_request_fails_since_the_background_life_cannot_be_told_of_it(
    bare: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Overloaded

    monkeypatch.setattr(bare.gateway, "tell", refuse)
    status, _ = await bare.call("GET", "/v1/memories/stats", headers={"X-Lattice-Timeout": "0.1"})

    assert status == 503
    assert bare.gateway.service.foreground._said


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"base_url": "http://127.0.0.1:1/v1", "api_key": "sk-1"}, "api_key: there is no such field"),
        ({}, "base_url: Field required"),
    ],
)
async def test_a_wrong_endpoint_is_told_by_its_field_alone(lattice: House, fields: dict[str, str], message: str) -> None:
    status, told = await lattice.call("POST", "/v1/llm/endpoints", {"name": "second", **fields})

    assert (status, told["error"]["message"], told["error"]["param"]) == (400, message, message.partition(":")[0])


async def test_endpoints_show_their_state(lattice: House) -> None:
    told = await lattice.get("/v1/llm/endpoints")
    assert [(endpoint["name"], endpoint["breaker"]) for endpoint in told["endpoints"]] == [("first", "closed")]


async def test_ready_only_when_every_actor_is(lattice: House) -> None:
    assert (await lattice.get("/readyz"))["ready"] is True
    await lattice.host.stop_actor("paradox")
    status, told = await lattice.call("GET", "/readyz")

    assert status == 503
    assert told["ready"] is False
    assert [name for name, state in told["actors"].items() if state != "ready"] == ["paradox"]


async def test_metrics_are_prometheus_text_with_every_actor(lattice: House) -> None:
    await lattice.post("/v1/chat/completions", {"messages": [user("Hello")]})
    async with lattice.http.get(f"{lattice.url}/metrics") as response:
        text = await response.text()
    families = {family.name: family for family in text_string_to_metric_families(text)}

    up = {sample.labels["actor"]: sample.value for sample in families["lattice_up"].samples}
    assert up == {"encoder": 1, "memory": 1, "llm": 1, "thinking": 1, "paradox": 1, "daemon": 1, "gateway": 1, "supervisor": 0}
    handled = {sample.labels["actor"] for sample in families["lattice_handled"].samples}
    assert {"memory", "llm", "thinking"} <= handled
    requests = families["lattice_http_requests"].samples
    assert any(sample.labels["route"] == "/v1/chat/completions" and sample.labels["status"] == "200" for sample in requests)


async def test_the_description_has_every_route_and_only_what_is_there(lattice: House) -> None:
    told = await lattice.get("/openapi.json")
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}

    assert described == {(route.method, route.path.replace(":.+", "")) for route in ROUTES}
    check_references(told, told)

    operations = [operation for methods in told["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    chat = told["paths"]["/v1/chat/completions"]["post"]
    assert {"X-Lattice-Session", "X-Lattice-Memory", "X-Lattice-Reasoning"} <= {one["name"] for one in chat["parameters"]}
    assert set(chat["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert set(told["paths"]["/mcp"]["post"]["responses"]) == {"200", "202", "default"}
    assert "application/jsonl" in told["paths"]["/v1/memories/import"]["post"]["requestBody"]["content"]


async def test_the_description_is_made_once_while_others_are_answered(bare: House, monkeypatch: pytest.MonkeyPatch) -> None:
    answered, times = threading.Event(), []

    def describe(routes: Any) -> dict[str, Any]:
        times.append(answered.wait(10))
        return {"routes": len(routes)}

    monkeypatch.setattr("gateway.openapi.describe", describe)
    asking = [asyncio.create_task(bare.get("/openapi.json")) for _ in range(3)]
    while not times:
        assert await bare.get("/healthz") == {"status": "ok"}
        answered.set()
    assert await asyncio.gather(*asking) == [{"routes": len(ROUTES)}] * 3
    assert times == [True]


@pytest.mark.parametrize(
    ("method", "path", "described", "body"),
    [
        ("GET", "/dashboard/main.js", "/dashboard/{name}", None),
        ("GET", "/dashboard/nothing.js", "/dashboard/{name}", None),
        ("POST", "/mcp", "/mcp", {}),
        ("POST", "/mcp", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "none"}),
        ("POST", "/v1/messages", "/v1/messages", {}),
        ("POST", "/v1/memories", "/v1/memories", {"text": "Ana lives in Porto."}),
        ("GET", "/v1/memories/mem_none", "/v1/memories/{id}", None),
    ],
)
async def test_what_is_answered_has_the_type_and_the_form_that_the_description_gives(
    lattice: House, method: str, path: str, described: str, body: Any
) -> None:
    told = await lattice.get("/openapi.json")
    async with lattice.http.request(method, lattice.url + path, json=body) as response:
        status, media, answer = str(response.status), response.content_type, await response.read()

    responses = told["paths"][described][method.lower()]["responses"]
    content = responses.get(status, responses["default"])["content"]
    schema = content.get(media, content.get("*/*"))
    assert schema is not None, (media, set(content))
    if media == "application/json":
        jsonschema.validate(json.loads(answer), {**schema.get("schema", {}), "components": told["components"]})


async def test_the_page_needs_nothing_from_elsewhere(lattice: House) -> None:
    async with lattice.http.get(f"{lattice.url}/docs") as response:
        page = await response.text()

    assert "/v1/memories/search" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def check_references(node: object, whole: dict) -> None:
    """Every $ref leads somewhere."""
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            found = whole
            for step in reference.removeprefix("#/").split("/"):
                found = found[step]
        for child in node.values():
            check_references(child, whole)
    elif isinstance(node, list):
        for child in node:
            check_references(child, whole)


def test_every_route_is_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "http.md").read_text()
    groups = {"/v1/daemon/cycles/{name}/pause": "…/pause", "/v1/daemon/cycles/{name}/resume": "…/resume"}

    for route in ROUTES:
        assert groups.get(route.path, route.path.replace(":.+", "")) in page, route.path


def test_every_object_of_the_description_has_its_fields() -> None:
    schemas = json.loads(Description(ROUTES).json())["components"]["schemas"]

    assert [name for name, schema in schemas.items() if schema.get("type") == "object" and "properties" not in schema] == []
    assert {"text", "score", "nearness", "passage", "explain"} <= schemas["Hit"]["properties"].keys()
