"""DELETE /v1/namespaces/{id}: all that belongs to a namespace is forgotten, and nothing of another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.auth import KeyFile
from tests.gateway.house import House, house
from tests.gateway.test_shedding import client_of

HERS = "hers / & co"
PATH = "/v1/namespaces/hers%20%2F%20%26%20co"


async def test_it_is_forgotten_whole_and_says_how_much_there_was(lattice: House) -> None:
    records = [{"text": "Ana lives in Porto."}, {"text": "Porto is old.", "kind": "fact"}]
    await lattice.post("/v1/memories", {"memories": records, "session": "s"}, x_lattice_namespace=HERS)
    await lattice.post("/v1/memories", {"text": "Ana lives here."})

    told = {"memories": 2, "sessions": 1, "by_kind": {"turn": 1, "fact": 1}}
    for _ in range(2):
        assert await lattice.call("DELETE", PATH) == (200, told)
    assert (await lattice.get("/v1/memories", x_lattice_namespace=HERS))["memories"] == []
    assert (await lattice.get("/v1/sessions", x_lattice_namespace=HERS))["sessions"] == []
    assert [record["text"] for record in (await lattice.get("/v1/memories"))["memories"]] == ["Ana lives here."]

    assert (await lattice.call("DELETE", "/v1/namespaces/never"))[1] == {"memories": 0, "sessions": 0, "by_kind": {}}


@pytest.mark.parametrize(
    ("path", "options", "param"),
    [
        (PATH, {"headers": {"X-Lattice-Namespace": "his"}}, "namespace"),
        (f"{PATH}?namespace=his", {}, "namespace"),
        (f"{PATH}?session=s", {}, "session"),
        (f"/v1/namespaces/{'n' * 129}", {}, "namespace"),
        ("/v1/namespaces/%00", {}, "namespace"),
    ],
)
async def test_a_request_that_means_something_else_forgets_nothing(lattice: House, path, options, param) -> None:
    await lattice.post("/v1/memories", {"text": "Ana"}, x_lattice_namespace=HERS)
    status, told = await lattice.call("DELETE", path, **options)
    assert (status, told["error"]["param"]) == (400, param)
    assert (await lattice.get("/v1/memories/stats", x_lattice_namespace=HERS))["count"] == 1


async def test_a_body_that_would_narrow_it_is_refused(lattice: House) -> None:
    await lattice.post("/v1/memories", {"text": "Ana"}, x_lattice_namespace=HERS)
    assert (await lattice.call("DELETE", PATH, {"session": "s"}))[0] == 400
    assert (await lattice.call("DELETE", "/v1/namespaces/"))[0] == 404
    assert (await lattice.get("/v1/memories/stats", x_lattice_namespace=HERS))["count"] == 1


@pytest.mark.parametrize(
    ("rest", "status", "left"), [(b"0\r\n\r\n", 200, 0), (b"2\r\n{}\r\n0\r\n\r\n", 400, 1)], ids=["empty", "some"]
)
async def test_a_body_that_comes_later_is_one_where_it_has_a_byte(lattice: House, rest: bytes, status: int, left: int) -> None:
    await lattice.post("/v1/memories", {"text": "Ana"}, x_lattice_namespace=HERS)
    async with client_of(lattice) as client:
        client.writer.write(f"DELETE {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        answer = asyncio.create_task(client.answer())
        async with asyncio.timeout(10):
            while not lattice.gateway.admission.bodies.readers and not answer.done():
                await lattice.get("/healthz")
        client.writer.write(rest)
        assert (await answer)[0] == status
    assert (await lattice.get("/v1/memories/stats", x_lattice_namespace=HERS))["count"] == left
    assert lattice.gateway.admission.requests == 0


async def test_the_same_request_sent_again_forgets_nothing_that_came_in_meanwhile(lattice: House) -> None:
    await lattice.post("/v1/memories", {"text": "old"}, x_lattice_namespace=HERS)
    again = {"headers": {"Idempotency-Key": "once"}}
    first = await lattice.call("DELETE", PATH, **again)
    await lattice.post("/v1/memories", {"text": "new"}, x_lattice_namespace=HERS)
    assert await lattice.call("DELETE", PATH, **again) == first
    assert (await lattice.get("/v1/memories/stats", x_lattice_namespace=HERS))["count"] == 1


async def test_a_key_of_one_namespace_forgets_that_one_alone(short_dir: Path) -> None:
    keys = KeyFile(short_dir / "data")
    shown = {"x-api-key": keys.create("tenant", namespace="hers")}
    async with house(short_dir, parts=("memory",), require_keys=True) as lattice:
        await lattice.post("/v1/memories", {"text": "mine"}, **shown)
        assert (await lattice.call("DELETE", "/v1/namespaces/his", headers=shown))[0] == 403
        assert (await lattice.call("DELETE", "/v1/namespaces/hers", headers=shown))[1]["memories"] == 1


async def test_who_has_little_time_is_answered_where_little_is_to_be_erased(lattice: House) -> None:
    await lattice.post("/v1/memories", {"text": "Ana"}, x_lattice_namespace=HERS)
    async with asyncio.timeout(10):
        while (told := await lattice.call("DELETE", PATH, headers={"X-Lattice-Timeout": "0.5"}))[0] == 503:
            pass
    assert told[1]["memories"] == 1
