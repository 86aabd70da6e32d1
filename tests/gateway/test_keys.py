"""Idempotency keys on what changes the house: the effect once, whatever was done since; another body is refused."""

from __future__ import annotations

from typing import Any

import pytest

from actors.daemon.messages import PauseCycle, RunCycle
from tests.gateway.house import House
from transport.errors import Invalid

ENDPOINT = {"name": "second", "base_url": "http://127.0.0.1:9/v1", "models": ["gpt-test"]}


async def refused(lattice: House, method: str, path: str, body: Any, key: str) -> None:
    status, told = await lattice.call(method, path, body, headers={"Idempotency-Key": key})
    assert (status, told["error"]["code"], told["error"]["param"]) == (422, "invalid", "Idempotency-Key")


async def endpoint(lattice: House) -> dict[str, Any]:
    found: dict[str, Any] = {one["name"]: one for one in (await lattice.get("/v1/llm/endpoints"))["endpoints"]}
    return dict(found.get("second", {}))


async def test_a_change_of_an_endpoint_that_is_repeated_undoes_nothing_that_came_after_it(lattice: House) -> None:
    await lattice.post("/v1/llm/endpoints", ENDPOINT, idempotency_key="add")
    await lattice.post("/v1/llm/endpoints", {**ENDPOINT, "priority": 7})
    assert (await lattice.post("/v1/llm/endpoints", ENDPOINT, idempotency_key="add"))["priority"] == 7

    await refused(lattice, "POST", "/v1/llm/endpoints", {**ENDPOINT, "weight": 2}, "add")
    assert (await endpoint(lattice))["priority"] == 7

    drain = "/v1/llm/endpoints/second/drain"
    assert (await lattice.post(drain, idempotency_key="drain"))["state"] == "draining"
    await lattice.post("/v1/llm/endpoints", ENDPOINT)
    assert (await lattice.post(drain, idempotency_key="drain"))["state"] == "in_use"

    remove = {"headers": {"Idempotency-Key": "remove"}}
    assert (await lattice.call("DELETE", "/v1/llm/endpoints/second", **remove))[0] == 200
    assert (await lattice.call("DELETE", "/v1/llm/endpoints/second", **remove))[0] == 200
    await lattice.post("/v1/llm/endpoints", ENDPOINT)
    assert (await lattice.call("DELETE", "/v1/llm/endpoints/second", **remove))[0] == 200
    assert await endpoint(lattice)


async def test_a_cycle_that_was_resumed_is_not_paused_again_by_a_repeated_pause(lattice: House) -> None:
    await lattice.post("/v1/daemon/cycles/decay/pause", idempotency_key="k")
    await lattice.post("/v1/daemon/cycles/decay/resume", idempotency_key="k")

    assert (await lattice.post("/v1/daemon/cycles/decay/pause", idempotency_key="k"))["paused"] is False


@pytest.mark.parametrize("message", [RunCycle, PauseCycle])
async def test_a_key_of_one_cycle_is_refused_for_another_on_the_wire(lattice: House, message: Any) -> None:
    daemon = lattice.host.ref("daemon")
    await daemon.ask(message(name="decay"), key="k")

    with pytest.raises(Invalid, match=r"^key: ") as told:
        await daemon.ask(message(name="dream"), key="k")
    assert told.value.detail is not None
    assert told.value.detail["reused"] is True


async def test_every_part_of_a_correction_belongs_to_its_key(lattice: House) -> None:
    stored = await lattice.post("/v1/memories", {"text": "Ana lives in Lisbon."})
    path = f"/v1/memories/{stored['memories'][0]['id']}"
    ended = {"valid_to": "2090-01-01T00:00:00Z"}
    status, first = await lattice.call("PATCH", path, ended, headers={"Idempotency-Key": "k"})
    assert (status, first["valid_to"][:10]) == (200, "2090-01-01")
    history = await lattice.get(f"{path}/history")
    assert await lattice.call("PATCH", path, ended, headers={"Idempotency-Key": "k"}) == (200, first)

    for other in ({"valid_to": "2091-01-01T00:00:00Z"}, {"text": "Ana lives in Porto."}, {**ended, "importance": 0.9}):
        await refused(lattice, "PATCH", path, other, "k")
    assert await lattice.get(f"{path}/history") == history


async def test_a_correction_of_which_a_part_is_wrong_changes_nothing(lattice: House) -> None:
    stored = await lattice.post("/v1/memories", {"text": "Ana lives in Lisbon."})
    path = f"/v1/memories/{stored['memories'][0]['id']}"
    before = await lattice.get(f"{path}/history")

    status, told = await lattice.call("PATCH", path, {"text": "Ana lives in Porto.", "superseded_by": "mem_none"})
    assert (status, told["error"]["param"]) == (404, "superseded_by")
    assert await lattice.get(f"{path}/history") == before
