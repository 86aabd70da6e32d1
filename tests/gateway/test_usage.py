"""What was used of the models, as GET /v1/llm/usage tells it: counted for the namespace of whoever caused it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.messages import Generate
from actors.llm.settings import EndpointSettings, LlmSettings
from tests.gateway.house import ALL, TEXT, House, house, user
from tests.model_server import SyncModelServer

ASK = {"model": "gpt-test", "messages": [user("Hello")]}


async def used(lattice: House, namespace: str) -> dict[str, int]:
    """Calls and tokens of a namespace."""
    rows = (await lattice.get(f"/v1/llm/usage?namespace={namespace}"))["rows"]
    assert {row["namespace"] for row in rows} <= {namespace}
    return {"calls": sum(row["calls"] for row in rows), "tokens": sum(row["completion_tokens"] for row in rows)}


@pytest.mark.parametrize(("effort", "calls"), [("none", 1), ("medium", 3)])
async def test_every_call_of_a_thought_counts_for_the_namespace_of_its_talk(lattice: House, effort: str, calls: int) -> None:
    answered = await lattice.post("/v1/chat/completions", {**ASK, "reasoning_effort": effort}, x_lattice_namespace="ana")
    await lattice.post("/v1/chat/completions", ASK, x_lattice_namespace="ben")

    assert await used(lattice, "ana") == {"calls": calls, "tokens": answered["usage"]["completion_tokens"]}
    assert (await used(lattice, "ben"))["calls"] == 1
    assert (await used(lattice, "default"))["calls"] == 0


async def test_embeddings_count_for_the_namespace_that_asked(short_dir: Path, model: SyncModelServer) -> None:
    async with house(short_dir, parts=tuple(part for part in ALL if part != "llm")) as lattice:
        await llm(lattice.host, lattice.data_dir, model, embedding_models=("embedder",))
        await lattice.post("/v1/embeddings", {"input": ["a dog", "a cat"]}, x_lattice_namespace="ana")

        assert (await used(lattice, "ana"))["calls"] == 1
        assert (await used(lattice, "default"))["calls"] == 0


async def test_what_a_forgotten_namespace_used_stays_counted_under_no_name(lattice: House) -> None:
    for namespace in ("ana", "ben", "ana"):
        await lattice.post("/v1/chat/completions", ASK, x_lattice_namespace=namespace)
    before = await used(lattice, "ana")
    assert before["calls"] == 2
    await lattice.call("DELETE", "/v1/namespaces/ana")

    async with asyncio.timeout(60):
        while await used(lattice, "ana") != {"calls": 0, "tokens": 0}:
            pass
    assert await used(lattice, "(forgotten)") == before
    assert (await used(lattice, "ben"))["calls"] == 1


async def test_a_call_that_was_under_way_when_its_namespace_was_forgotten_does_not_bring_the_name_back(
    lattice: House, model: SyncModelServer
) -> None:
    await lattice.post("/v1/chat/completions", ASK, x_lattice_namespace="ana")
    model.next({"fault": "hang", "text": TEXT})
    under_way = asyncio.create_task(lattice.post("/v1/chat/completions", ASK, x_lattice_namespace="ana"))
    await asyncio.to_thread(model.log, holding=1)
    await lattice.call("DELETE", "/v1/namespaces/ana")
    async with asyncio.timeout(60):
        while (await used(lattice, "ana"))["calls"]:
            pass

    model.release()
    assert (await under_way)["choices"][0]["message"]["content"] == TEXT
    assert (await used(lattice, "ana"))["calls"] == 0
    assert (await used(lattice, "(forgotten)"))["calls"] == 2
    await lattice.post("/v1/chat/completions", ASK, x_lattice_namespace="ana")
    assert (await used(lattice, "ana"))["calls"] == 1


async def test_a_namespace_that_was_forgotten_before_its_accounts_were_looked_through_stays_under_no_name(
    short_dir: Path, model: SyncModelServer
) -> None:
    async with house(short_dir, model=model.base_url, parts=("llm",)) as lattice:
        message = Generate(messages=({"role": "user", "content": "Hello"},), namespace="ana")
        await lattice.host.ref("llm").ask(message)
    async with house(short_dir, parts=("memory",)) as lattice:
        await lattice.call("DELETE", "/v1/namespaces/ana")

    async with house(short_dir, model=model.base_url, parts=("memory", "llm")) as lattice:
        async with asyncio.timeout(60):
            while (await used(lattice, "ana"))["calls"]:
                pass
        assert (await used(lattice, "(forgotten)"))["calls"] == 1


@pytest.mark.parametrize("streaming", [False, True])
async def test_with_every_endpoint_full_a_chat_is_told_so_at_once(short_dir: Path, model: SyncModelServer, streaming) -> None:
    async with house(short_dir, parts=tuple(part for part in ALL if part != "llm")) as lattice:
        await llm(lattice.host, lattice.data_dir, model, queue_limit=0, max_in_flight=1)
        model.next({"fault": "hang", "text": TEXT})
        first = asyncio.create_task(lattice.post("/v1/chat/completions", ASK))
        await asyncio.to_thread(model.log, holding=1)

        asked: dict[str, Any] = {**ASK, "stream": streaming}
        async with lattice.http.post(f"{lattice.url}/v1/chat/completions", json=asked) as response:
            # The first one holds its place until the test lets it go: nobody waits in line for it.
            body = await response.json()
            assert response.status == 429
            assert int(response.headers["Retry-After"]) >= 1

        assert body["error"]["code"] == "overloaded"
        model.release()
        assert (await first)["choices"][0]["message"]["content"] == TEXT


async def llm(host: Host, data_dir: Path, model: SyncModelServer, *, queue_limit: int = 256, **endpoint: Any) -> None:
    """The llm actor with an endpoint of a test's choice."""
    first = EndpointSettings(name="first", base_url=model.base_url, models=("gpt-test",), **endpoint)
    await host.start_actor(Llm, LlmSettings(endpoints=(first,), discover=False, queue_limit=queue_limit), data_dir)
