"""Processes and gateways replaced in the middle of an answer."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.host import Host
from gateway.settings import GatewaySettings
from tests.fork_server import ROOT
from tests.gateway.house import TEXT, Kept, house, user
from tests.model_server import SyncModelServer
from tests.thinking.house import Process
from transport.addresses import run_directory

ASK = {"model": "gpt-test", "messages": [user("Hello")]}

DYING = """
import asyncio, os, signal, sys
from pathlib import Path
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings
from transport.addresses import run_directory

class Dying(Memory):
    async def remember(self, message):
        await super().remember(message)
        os.kill(os.getpid(), signal.SIGKILL)

    async def bring_in(self, message):
        await super().bring_in(message)
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    home = Path(sys.argv[1])
    async with Host(run_dir=run_directory(home)) as host:
        await host.start_actor(Dying, MemorySettings(), data_dir=home / "data")
        await asyncio.Event().wait()

asyncio.run(main())
"""
"""Memory that dies with a write on disk and not yet acknowledged."""


async def test_a_stream_is_whole_though_the_process_that_thinks_is_killed_in_its_middle(
    short_dir: Path, model: SyncModelServer
) -> None:
    model.next({"text": TEXT, "fault": "hang_mid", "after_tokens": 4})
    async with (
        house(short_dir, model=model.base_url, parts=("memory", "llm", "paradox")) as lattice,
        Process(short_dir, "thinking") as thinking,
    ):
        chunks = []
        async for chunk in await lattice.openai().chat.completions.create(**ASK, stream=True):
            chunks.append(chunk)
            if "".join(chunk.choices[0].delta.content or "" for chunk in chunks) and thinking.process:
                await thinking.kill()
                thinking.process = None
                await thinking.start()
                thinking.process, process = None, thinking.process
                model.release()
        thinking.process = process
        stored = await lattice.get("/v1/memories")

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1
    assert len(model.log()) == 1
    assert [memory["text"] for memory in stored["memories"]] == ["Hello", TEXT]


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/memories", {"json": {"text": "Once."}}), ("/v1/memories/import", {"data": b'{"text": "Once."}'})],
)
async def test_a_write_without_a_key_is_done_once_though_memory_is_killed_before_it_acknowledges(
    short_dir: Path, path: str, body: dict[str, Any]
) -> None:
    async with house(short_dir, parts=()) as lattice:
        dying = await asyncio.create_subprocess_exec(sys.executable, "-c", DYING, str(short_dir), cwd=ROOT)
        writing = asyncio.create_task(lattice.http.post(lattice.url + path, **body))
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        async with Process(short_dir, "memory"):
            assert (await writing).status < 300
            stored = await lattice.get("/v1/memories")

    assert [memory["text"] for memory in stored["memories"]] == ["Once."]


@pytest.mark.parametrize("said", [0, 30, -10], ids=["nothing", "half of the head", "half of the body"])
async def test_a_request_that_is_on_its_way_when_the_gateway_stops_is_answered(short_dir: Path, said: int) -> None:
    body = b'{"memories": [{"text": "Ana lives in Porto"}]}'
    request = b"POST /v1/memories HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with house(short_dir, parts=("memory",), drain_s=10.0) as lattice:
        address = lattice.gateway.address
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request[:said])
        await lattice.get("/healthz")

        stopping = asyncio.create_task(lattice.host.stop_actor("gateway"))
        with pytest.raises(ConnectionRefusedError):
            await connect_on(address)
        writer.write(request[said:])

        assert (await reader.readline()) == b"HTTP/1.1 201 Created\r\n"
        await asyncio.wait_for(stopping, 5)
        writer.close()


async def connect_on(address: tuple[str, int]) -> None:
    """Connect again and again, until nobody listens any more."""
    while True:
        _, writer = await asyncio.open_connection(*address)
        writer.close()


async def test_connections_wait_while_one_gateway_takes_anothers_place(short_dir: Path) -> None:
    (short_dir / "data").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with Host(run_dir=run_directory(short_dir)) as host:
            for _ in range(2):
                await host.start_actor(Kept, GatewaySettings(), listener=listener, data_dir=short_dir / "data")
                assert Kept.latest.address == listener.getsockname()
                await host.stop_actor("gateway")

            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await host.start_actor(Kept, GatewaySettings(), listener=listener, data_dir=short_dir / "data")
            assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
            writer.close()
