"""A house of real parts: memory, llm, paradox and thinking in one host, or some of them as processes that can be killed."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
from tests import process
from transport.addresses import run_directory

ONCE = RetrySettings(rounds=0)
"""A fault that a test scripts for one call is to be that call's end."""

ALL = ("memory", "llm", "paradox", "daemon", "thinking")
TEXT = "Well then, the quick brown fox jumps over the lazy dog, and sleeps."

RESERVED = 0.4
"""Of a short call's time, for its end: of two seconds the usual tenth is less than a busy machine may take for it."""


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
async def house(home: Path, *, url: str | None = None, parts: tuple[str, ...] = ALL, **thinking) -> AsyncIterator[Host]:
    """One host with the real parts named. Without `url` there is no model to ask.

    Where every part is there, none is left out of a thought's context since a busy machine had it answer late.
    """
    if parts == ALL:
        thinking = {"context_deadline_s": 5.0, **thinking}
    async with Host(run_dir=run_directory(home)) as host:
        for name in parts:
            await start(host, name, home / "data", url=url, **thinking)

        yield host


class Process(process.Process):
    """One part in a process of its own, which can be killed, halted and started again."""

    says_ready = True

    def __init__(self, home: Path, name: str, url: str | None = None) -> None:
        super().__init__("tests.thinking.part", str(home), name, url or "")

    def halt(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)
