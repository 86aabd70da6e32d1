"""Writes one subsystem's database by its own actors. Run by `make.py` in a checkout of the version that is to be frozen.

It says only what every version understands, and holds on to contracts, not to insides.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.clock import ManualClock
from actors.host import Host
from actors.memory import messages as memory
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400.0


async def write_memory(host: Host, home: Path, clock: ManualClock) -> None:
    """Records of several kinds, talks, links, a correction, recalls, what was forgotten."""
    await host.start_actor(Memory, MemorySettings(), home, clock)
    has_encoder = await encoder(host, home)
    said = host.ref("memory")
    lisbon = memory.NewMemory(
        text="Ana lives in Lisbon.", kind="fact", speaker="ana", session="monday", importance=0.8, metadata={"n": 1}, key="home"
    )
    (first,) = (await said.ask(memory.Remember(memories=(lisbon,)))).memories
    (second,) = (
        await said.ask(memory.Remember(memories=(memory.NewMemory(text="Ana moved to Porto.", kind="fact"),)))
    ).memories
    await said.ask(memory.Supersede(id=first.id, by=second.id, cause="moved"))
    turns = (memory.Turn(role="user", text="My lemon trees need water."),)
    talk = await said.ask(memory.Converse(session="garden", turns=turns, begin_as="garden"))
    await said.ask(memory.Answer(session="garden", after=talk.last, text="Water them in the evening.", key="answer"))
    link = memory.Link(relation="summarises", target=talk.last)
    summary = memory.NewMemory(
        text="Lemon trees were spoken of.", kind="summary", links=(link,), metadata={"cycle": "consolidate"}
    )
    await said.ask(memory.Remember(memories=(summary,)), key="once")
    (gone,) = (await said.ask(memory.Remember(memories=(memory.NewMemory(text="The secret word is xylophone."),)))).memories
    await said.ask(memory.Forget(ids=(gone.id,)))
    await said.ask(memory.Remember(namespace="other", memories=(memory.NewMemory(text="Ben plays the oboe."),)))
    clock.advance(DAY)
    await said.ask(memory.Recall(query="Where does Ana live?"))
    for namespace in ("default", "other") if has_encoder else ():
        stats = await said.ask(memory.GetStats(namespace=namespace, wait_embedded_ms=30_000), timeout=40)
        assert stats.pending == 0
    # What was recalled is noted a moment later, and at the latest when the actor stops.
    await asyncio.sleep(1)


async def encoder(host: Host, home: Path) -> bool:
    """Start the encoder's actor, in versions that have one."""
    try:
        from actors.encoder.actor import Encoder
        from actors.encoder.settings import EncoderSettings
    except ImportError:
        return False

    await host.start_actor(Encoder, EncoderSettings(), home)
    return True


async def write_paradox(host: Host, home: Path, clock: ManualClock) -> None:
    """A paradox that is open, and one that is resolved."""
    from actors.paradox.actor import Paradox
    from actors.paradox.messages import GetProgress, List, Resolve
    from actors.paradox.settings import ParadoxSettings

    await host.start_actor(Memory, MemorySettings(), home, clock)
    await host.start_actor(Paradox, ParadoxSettings(classifier="none"), home, clock)
    said, paradox = host.ref("memory"), host.ref("paradox")
    for speaker, texts in (
        ("ana", ("I live in Lisbon.", "I live in Oslo.")),
        ("ben", ("I was born in Graz.", "I was born in Linz.")),
    ):
        for text in texts:
            clock.advance(DAY)
            await said.ask(memory.Remember(memories=(memory.NewMemory(text=text, speaker=speaker),)))
    reached = (await said.ask(memory.GetStats())).feed_cursor
    await paradox.ask(GetProgress(reached=reached, wait_ms=20_000), timeout=30)
    found = (await paradox.ask(List())).paradoxes
    assert len(found) == 2, found
    ben = next(one for one in found if one.earlier.speaker == "ben")
    await paradox.ask(Resolve(id=ben.id, reason="he told me"))


async def write_daemon(host: Host, home: Path, clock: ManualClock) -> None:
    """Runs of what there is to consolidate, and a cycle that is paused."""
    from actors.daemon.actor import Daemon
    from actors.daemon.messages import ListRuns, PauseCycle, RunCycle
    from actors.daemon.settings import DaemonSettings

    await host.start_actor(Memory, MemorySettings(), home, clock)
    said = host.ref("memory")
    for number, text in enumerate(
        ("I live in Lisbon with my sister.", "My lemon trees need water every day.", "I am training for a marathon.")
    ):
        turn = memory.NewMemory(text=text, role="user", speaker="ana", session=f"talk {number % 2}")
        await said.ask(memory.Remember(memories=(turn,)))
    clock.advance(DAY)
    await host.start_actor(Daemon, DaemonSettings(), home, clock)
    daemon = host.ref("daemon")
    started: Any = (await daemon.ask(RunCycle(name="consolidate"))).run
    while next(run for run in (await daemon.ask(ListRuns())).runs if run.id == started.id).state == "running":
        await asyncio.sleep(0)
    await daemon.ask(PauseCycle(name="reflect"))
    while any(run.state == "running" for run in (await daemon.ask(ListRuns())).runs):
        await asyncio.sleep(0)


async def write_thinking(host: Host, home: Path, clock: ManualClock) -> None:
    """A thought without a model."""
    from actors.llm.actor import Llm
    from actors.llm.settings import LlmSettings
    from actors.thinking.actor import Thinking
    from actors.thinking.messages import Think
    from actors.thinking.settings import ThinkingSettings

    await host.start_actor(Memory, MemorySettings(), home, clock)
    try:
        await host.start_actor(Llm, LlmSettings(discover=False), home)
    except TypeError:
        await host.start_actor(Llm, LlmSettings(discover=False))
    await host.start_actor(Thinking, ThinkingSettings(), home, clock)
    message = {"role": "user", "content": "Where are my lemon trees?"}
    await host.ref("thinking").ask(Think(session="garden", messages=(message,)), key="frozen", timeout=20)


async def write_llm(host: Host, home: Path, clock: ManualClock) -> None:
    """An endpoint that was added and one that was removed; usage, as the ledger takes it."""
    from actors.llm.actor import Llm
    from actors.llm.ledger import Ledger, Used
    from actors.llm.messages import AddEndpoint, RemoveEndpoint
    from actors.llm.settings import LlmSettings

    del clock
    ledger = Ledger(home / "llm.db")
    await ledger.open()
    await ledger.record(Used("2026-01-01", "ana", "kept", "m", 3, 5, 0.25))
    await ledger.close()
    await host.start_actor(Llm, LlmSettings(discover=False), home)
    for name in ("kept", "gone"):
        await host.ref("llm").ask(AddEndpoint(endpoint={"name": name, "base_url": "http://127.0.0.1:9/v1", "models": ["m"]}))
    await host.ref("llm").ask(RemoveEndpoint(name="gone"))


WRITERS = {
    "memory": write_memory,
    "paradox": write_paradox,
    "daemon": write_daemon,
    "thinking": write_thinking,
    "llm": write_llm,
}


async def main(name: str, home: Path) -> None:
    """Write `<name>.db` into a directory."""
    async with asyncio.timeout(60), Host(run_dir=home / "run") as host:
        await WRITERS[name](host, home, ManualClock(NOW))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
