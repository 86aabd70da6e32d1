"""A house of real parts: memory, llm, paradox and thinking in one host, or some of them as processes that can be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from actors.daemon.actor import Daemon
from actors.daemon.settings import DaemonSettings
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.settings import EndpointSettings, LlmSettings, RetrySettings
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from actors.thinking.actor import Thinking
from actors.thinking.settings import ThinkingSettings
from transport.addresses import run_directory

ROOT = Path(__file__).resolve().parents[2]
ONCE = RetrySettings(rounds=0)
"""A fault that a test scripts for one call is to be that call's end."""

TEXT = "Well then, the quick brown fox jumps over the lazy dog, and sleeps."


async def start(host: Host, name: str, data_dir: Path, *, url: str | None = None, **thinking) -> None:
    """Start a part."""
    match name:
        case "memory":
            await host.start_actor(Memory, MemorySettings(), data_dir=data_dir)
        case "llm":
            endpoints = [] if url is None else [EndpointSettings(name="first", base_url=url, models=("gpt-test",))]
            await host.start_actor(Llm, LlmSettings(endpoints=tuple(endpoints), discover=False, retry=ONCE), data_dir)
        case "paradox":
            await host.start_actor(Paradox, ParadoxSettings(vectors_patience_s=0), data_dir=data_dir)
        case "daemon":
            await host.start_actor(Daemon, DaemonSettings(), data_dir=data_dir)
        case "thinking":
            await host.start_actor(Thinking, ThinkingSettings(**thinking), data_dir=data_dir)


@asynccontextmanager
async def house(
    home: Path, *, url: str | None = None, parts: tuple[str, ...] = ("memory", "llm", "paradox", "thinking"), **thinking
) -> AsyncIterator[Host]:
    """One host with the real parts named. Without `url` there is no model to ask."""
    async with Host(run_dir=run_directory(home)) as host:
        for name in parts:
            await start(host, name, home / "data", url=url, **thinking)

        yield host


class Process:
    """One part in a process of its own, which can be killed, halted and started again."""

    def __init__(self, home: Path, name: str, url: str | None = None) -> None:
        self.command = [sys.executable, "-m", "tests.thinking.part", str(home), name, url or ""]
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self.command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        assert line == b"ready\n", line

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def halt(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
