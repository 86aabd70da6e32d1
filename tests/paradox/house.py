"""Memory and paradox, real, in one host or with paradox in a process that can be killed; and what tests ask of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from actors.clock import Clock, system_clock
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.messages import GetStats, NewMemory, Remember
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.messages import GetProgress, List, ProgressTold
from actors.paradox.settings import ParadoxSettings
from tests import process
from transport.addresses import run_directory

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


@asynccontextmanager
async def house(
    home: Path, *, parts: tuple[str, ...] = ("memory", "paradox"), clock: Clock = system_clock, **settings
) -> AsyncIterator[Host]:
    """By rules alone unless told otherwise: what is tested is what becomes of a judgement."""
    async with Host(run_dir=run_directory(home)) as host:
        if "memory" in parts:
            await host.start_actor(Memory, MemorySettings(), data_dir=home / "data")
        if "paradox" in parts:
            await host.start_actor(
                Paradox,
                ParadoxSettings(**{"classifier": "none", "vectors_patience_s": 0, **settings}),
                data_dir=home / "data",
                clock=clock,
            )
        yield host


async def say(host: Host, *texts: str, namespace: str = "default", speaker: str = "user", **fields) -> list[str]:
    """Remember turns a day apart from each other; their ids."""
    days = fields.pop("day", 0)
    memories = tuple(
        NewMemory(text=text, speaker=speaker, time=START + timedelta(days=days + number), **fields)
        for number, text in enumerate(texts)
    )
    stored = await host.ref("memory").ask(Remember(namespace=namespace, memories=memories))
    return [one.id for one in stored.memories]


async def followed(host: Host) -> ProgressTold:
    """Wait until paradox has followed memory's feed to its end."""
    stats = await host.ref("memory").ask(GetStats())
    async with asyncio.timeout(120):
        while True:
            progress = await host.ref("paradox").ask(GetProgress(reached=stats.feed_cursor, wait_ms=20_000))
            if progress.cursor >= stats.feed_cursor:
                return progress


async def settled(host: Host) -> None:
    """Wait until memory was told all that paradox owes it."""
    async with asyncio.timeout(120):
        while (await host.ref("paradox").ask(GetProgress(reached=1 << 40, wait_ms=20))).owed:
            pass


async def found(host: Host, namespace: str = "default", **fields) -> list[tuple[str, str, str]]:
    """The paradoxes of a namespace: verdict, earlier and later text; in any order."""
    listed = await host.ref("paradox").ask(List(namespace=namespace, limit=1000, **fields))
    return sorted((one.verdict, one.earlier.text, one.later.text) for one in listed.paradoxes)


class Process(process.Process):
    """Paradox in a process of its own. With `dies`, it kills itself with -9 at that write, just "before" or just "after" it."""

    def __init__(self, home: Path, *, dies: int = 0, when: str = "before", **settings) -> None:
        kept = ParadoxSettings(**{"classifier": "none", "vectors_patience_s": 0, "page": 3, **settings})
        super().__init__("tests.paradox.part", str(home), str(dies), when, kept.model_dump_json())
