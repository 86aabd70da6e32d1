"""A house for the gateway's tests: every actor in one host, the gateway on a free port of loopback, one scripted model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai

from actors.daemon.actor import Daemon
from actors.daemon.settings import DaemonSettings
from actors.encoder.actor import Encoder
from actors.encoder.settings import EncoderSettings
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from actors.thinking.actor import Thinking
from actors.thinking.settings import ThinkingSettings
from gateway.actor import Gateway
from gateway.settings import GatewaySettings
from transport.addresses import run_directory

ALL = ("encoder", "memory", "llm", "paradox", "thinking", "daemon")
TEXT = "The quick brown fox jumps over the lazy dog."


class House:
    """What a test needs of a running house."""

    def __init__(self, host: Host, gateway: Gateway, http: aiohttp.ClientSession, data_dir: Path) -> None:
        self.host = host
        self.gateway = gateway
        self.http = http
        self.data_dir = data_dir
        self.url = "http://{}:{}".format(*gateway.address)
        self.clients: list[openai.AsyncOpenAI] = []

    def openai(self, **options: Any) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(base_url=f"{self.url}/v1", **{"api_key": "not needed", "max_retries": 0, **options})
        self.clients.append(client)
        return client

    async def call(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and JSON of one request."""
        if body is not None:
            options["json"] = body
        async with self.http.request(method, self.url + path, **options) as response:
            return response.status, await response.json()

    async def get(self, path: str, **headers: str) -> Any:
        """What a GET that succeeds answers; a keyword like `x_lattice_namespace` is a header."""
        status, body = await self.call("GET", path, headers=named(headers))
        assert status == 200, body
        return body

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """What a POST that succeeds answers."""
        status, body = await self.call("POST", path, body, headers=named(headers))
        assert status < 300, body
        return body

    async def refused(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and the error of a POST that fails."""
        status, body = await self.call("POST", path, body, headers=named(headers))
        assert status >= 400, body
        return status, body["error"]


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@asynccontextmanager
async def house(home: Path, *, model: str | None = None, parts: tuple[str, ...] = ALL, **settings: Any) -> AsyncIterator[House]:
    """The real actors named, and the gateway with these settings. Without `model` there is none to ask."""
    data_dir = home / "data"
    data_dir.mkdir(exist_ok=True)
    async with Host(run_dir=run_directory(home)) as host, aiohttp.ClientSession() as http:
        for name in parts:
            await start(host, name, data_dir, model)

        quick = {"port": 0, "drain_s": 0.5, "probe_timeout_s": 0.5}
        await host.start_actor(Kept, GatewaySettings(**{**quick, **settings}), data_dir=data_dir)
        running = House(host, Kept.latest, http, data_dir)
        try:
            yield running
        finally:
            for client in running.clients:
                await client.close()


class Kept(Gateway):
    """The gateway, which the test can find: an actor's ref does not lead to it."""

    latest: Gateway

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        Kept.latest = self


async def start(host: Host, name: str, data_dir: Path, model: str | None) -> None:
    match name:
        case "encoder":
            await host.start_actor(Encoder, EncoderSettings(model="none"), data_dir)
        case "memory":
            await host.start_actor(Memory, MemorySettings(), data_dir)
        case "llm":
            endpoints = () if model is None else (EndpointSettings(name="first", base_url=model, models=("gpt-test",)),)
            await host.start_actor(Llm, LlmSettings(endpoints=endpoints, discover=False), data_dir)
        case "paradox":
            await host.start_actor(Paradox, ParadoxSettings(vectors_patience_s=0), data_dir)
        case "thinking":
            await host.start_actor(Thinking, ThinkingSettings(), data_dir)
        case "daemon":
            await host.start_actor(Daemon, DaemonSettings(), data_dir)
