from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.transport.echo_server import EchoServer
from transport.client import Client

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def echo(short_dir):
    echo = EchoServer()
    echo.address = echo.server.bind(f"ipc://{short_dir}/echo.sock")
    yield echo
    await echo.server.close(linger_ms=0)


@pytest.fixture
async def client(echo):
    client = Client(echo.address)
    yield client
    await client.close()


@pytest.fixture
async def start_process():
    """Starts echo servers as processes of their own, and ends those that are left."""
    processes = []

    async def start(address, incarnation):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.transport.echo_server", address, incarnation, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        processes.append(process)
        assert (await process.stdout.readline()).startswith(b"ipc://")
        return process

    yield start

    for process in processes:
        if process.returncode is None:
            process.kill()

        await process.wait()
        process._transport.close()
