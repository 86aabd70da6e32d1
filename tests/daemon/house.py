"""Memory and daemon, real, in one host or with the daemon in a process that can be killed; and what tests ask of them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from actors.clock import ManualClock
from actors.daemon.actor import Daemon
from actors.daemon.messages import Cycle, ListCycles, ListRuns, Run, RunCycle
from actors.daemon.settings import DaemonSettings
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.settings import EndpointSettings, LlmSettings
from actors.memory.actor import Memory
from actors.memory.messages import List, NewMemory, Remember
from actors.memory.messages import Memory as Record
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from actors.thinking.actor import Thinking
from actors.thinking.settings import ThinkingSettings
from tests import process
from transport.addresses import run_directory

CYCLES = tuple(name for name, field in DaemonSettings.model_fields.items() if hasattr(field.default, "interval_s"))
USUAL = ("consolidate", "decay", "reflect")
"""Cycles that a house has unless a test asks for others."""

QUIET = {"interval_s": 365 * 86_400, "cron": None, "after_new": None, "idle_s": None, "budget_tokens": 0}
"""Nothing runs on its schedule after the run that is due at the first start, and no model is asked."""

TALK = (
    "I live in Lisbon with my sister.",
    "That sounds lovely. How is the garden?",
    "My garden has two lemon trees. The lemon trees need water every day.",
    "Lemon trees like the sun.",
    "I'm training for the marathon in May.",
    "A marathon takes patience.",
    "The marathon training is hard with the garden to water.",
    "One step after the other.",
)


def settings(**changes) -> DaemonSettings:
    wanted = changes.pop("cycles", USUAL)
    cycles = {
        name: {**QUIET, **changes.pop(name)} if name in changes else {**QUIET, "enabled": name in wanted} for name in CYCLES
    }
    return DaemonSettings.model_validate({"look_s": 0.01, "jitter": 0.0, **cycles, **changes})


@asynccontextmanager
async def house(
    home: Path,
    clock: ManualClock,
    *,
    parts: tuple[str, ...] = ("memory", "paradox", "daemon"),
    model: str | None = None,
    **changes,
) -> AsyncIterator[Host]:
    async with Host(run_dir=run_directory(home)) as host:
        if model is not None:
            endpoint = EndpointSettings(name="first", base_url=model, models=("gpt-test",))
            await host.start_actor(Llm, LlmSettings(endpoints=(endpoint,), discover=False), home / "data")
        if "memory" in parts:
            await host.start_actor(Memory, MemorySettings(), data_dir=home / "data", clock=clock)
        if "paradox" in parts:
            await host.start_actor(Paradox, ParadoxSettings(vectors_patience_s=0), data_dir=home / "data", clock=clock)
        if "thinking" in parts:
            await host.start_actor(Thinking, ThinkingSettings(), home / "data")
        if "daemon" in parts:
            await host.start_actor(Daemon, settings(**changes), data_dir=home / "data", clock=clock)
            await begun(host)
        yield host


async def said(host, clock, *texts: str, speaker: str = "ana", session: str = "one") -> list[str]:
    """What one person says, without answers; the turns' ids."""
    memories = tuple(NewMemory(text=text, role="user", speaker=speaker, session=session, time=clock.now()) for text in texts)
    stored = await host.ref("memory").ask(Remember(memories=memories))
    return [one.id for one in stored.memories]


async def talk(host: Host, clock: ManualClock, *, session: str = "one", namespace: str = "default", texts=TALK) -> list[str]:
    """Remember a talk of user and assistant in turns; the turns' ids."""
    memories = tuple(
        NewMemory(
            text=text,
            role="assistant" if number % 2 else "user",
            speaker="assistant" if number % 2 else "ana",
            session=session,
            time=clock.now() + timedelta(seconds=number),
        )
        for number, text in enumerate(texts)
    )
    stored = await host.ref("memory").ask(Remember(namespace=namespace, memories=memories))
    return [one.id for one in stored.memories]


async def records(host: Host, kind: str, namespace: str = "default") -> list[Record]:
    listed = await host.ref("memory").ask(List(namespace=namespace, kind=kind, limit=1000))
    return list(listed.memories)


async def ended(host: Host, cycle: str | None = None) -> list[Run]:
    """The runs, latest first, once none is in progress."""
    async with asyncio.timeout(90):
        while True:
            told = await host.ref("daemon").ask(ListRuns(cycle=cycle, wait_ms=20_000))
            if all(run.state != "running" for run in told.runs):
                return list(told.runs)


async def until_run(host: Host, name: str, count: int) -> list[Run]:
    """Wait until a cycle has been run so often."""
    async with asyncio.timeout(90):
        while len(runs := await ended(host, name)) < count:  # noqa: ASYNC110 (no event outside the actor tells)
            await asyncio.sleep(0)
    return runs


async def begun(host: Host) -> None:
    """Wait until what is due at the first start has run."""
    async with asyncio.timeout(90):
        while not all(  # noqa: ASYNC110 (no event outside the actor says that a schedule began)
            one.last_run for one in (await host.ref("daemon").ask(ListCycles())).cycles
        ):
            await asyncio.sleep(0)
    await ended(host)


async def run(host: Host, cycle: str) -> Run:
    """Run a cycle now, to its end."""
    started = await host.ref("daemon").ask(RunCycle(name=cycle))
    (done,) = [one for one in await ended(host, cycle) if one.id == started.run.id]
    return done


async def cycle(host: Host, name: str) -> Cycle:
    told = await host.ref("daemon").ask(ListCycles())
    (found,) = [one for one in told.cycles if one.name == name]
    return found


class Process(process.Process):
    """The daemon in a process of its own. With `dies`, it kills itself with -9 at that write, just "before" or just "after"."""

    def __init__(self, home: Path, at: str, *, dies: int = 0, when: str = "before", **changes) -> None:
        super().__init__("tests.daemon.part", str(home), at, str(dies), when, json.dumps(changes))
