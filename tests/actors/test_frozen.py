"""Every migration, from a file that the version before it wrote: all that was in it is there, as it is asked for today.

The files are made by `python -m tests.frozen.make` from the repository's own history. Of memory's first version there is a file
and a test of its own (tests/memory/test_migrations.py).
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from actors.clock import ManualClock
from actors.daemon.actor import Daemon
from actors.daemon.messages import GetProfile, ListCycles, ListRuns
from actors.daemon.schema import MIGRATIONS as OF_DAEMON
from actors.daemon.settings import DaemonSettings
from actors.host import Host
from actors.llm.actor import Llm
from actors.llm.ledger import MIGRATIONS as OF_LLM
from actors.llm.messages import GetUsage, ListEndpoints
from actors.llm.settings import LlmSettings
from actors.memory.actor import Memory
from actors.memory.messages import Forget, Get, GetSession, NewMemory, Recall, Remember
from actors.memory.messages import List as ListRecords
from actors.memory.schema import MIGRATIONS as OF_MEMORY
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.messages import List as ListParadoxes
from actors.paradox.schema import MIGRATIONS as OF_PARADOX
from actors.paradox.settings import ParadoxSettings
from actors.sqlite.opening import build, open_to_write
from actors.thinking.actor import Thinking
from actors.thinking.course import thought_id_of
from actors.thinking.messages import GetThought
from actors.thinking.settings import ThinkingSettings
from actors.thinking.thoughts import MIGRATIONS as OF_THINKING
from transport.errors import NotFound

FROZEN = Path(__file__).resolve().parents[1] / "frozen"
MIGRATIONS = {"memory": OF_MEMORY, "paradox": OF_PARADOX, "daemon": OF_DAEMON, "thinking": OF_THINKING, "llm": OF_LLM}
FILES = sorted(FROZEN.glob("*.db.gz"))
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""Soon after they were written: what was done under a key is known for a day."""


def thaw(file: Path, directory: Path) -> Path:
    """The database as it was written."""
    path = directory / f"{subsystem(file)}.db"
    path.write_bytes(gzip.decompress(file.read_bytes()))
    return path


def subsystem(file: Path) -> str:
    return file.name.partition("-")[0]


def version(path: Path) -> int:
    with closing(apsw.Connection(str(path))) as connection:
        found: int = connection.pragma("user_version")
        return found


def schema(path: Path) -> dict[str, str]:
    """Every table, index, view and trigger, by name."""
    with closing(apsw.Connection(str(path))) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        return {str(name): str(sql) for name, sql in rows}


def test_a_file_of_every_version_before_the_present_one_is_frozen() -> None:
    kept = {file.name.removesuffix(".db.gz") for file in FILES} | {"memory-1"}
    assert kept >= {f"{name}-{number}" for name, scripts in MIGRATIONS.items() for number in range(1, len(scripts))}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".db.gz"))
def test_its_schema_becomes_that_of_a_new_file(tmp_path, file) -> None:
    name = subsystem(file)
    path = thaw(file, tmp_path)
    assert version(path) == int(file.name.partition("-")[2].partition(".")[0])
    with closing(open_to_write(path, MIGRATIONS[name], None)) as connection:
        assert connection.pragma("integrity_check") == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    build(tmp_path / "new.db", MIGRATIONS[name], None)
    assert schema(path) == schema(tmp_path / "new.db")
    assert version(path) == len(MIGRATIONS[name])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".db.gz"))
async def test_all_that_was_in_it_is_told_by_todays_contracts(short_dir, file) -> None:
    thaw(file, short_dir)
    async with Host(run_dir=short_dir / "run") as host:
        await CHECKS[subsystem(file)](host, short_dir)


async def of_memory(host: Host, home: Path) -> None:
    await host.start_actor(Memory, MemorySettings(embedder="none"), home, ManualClock(NOW))
    memory = host.ref("memory")
    listed = (await memory.ask(ListRecords())).memories
    assert [record.text for record in listed] == [
        "Ana lives in Lisbon.",
        "Ana moved to Porto.",
        "My lemon trees need water.",
        "Water them in the evening.",
        "Lemon trees were spoken of.",
    ]
    lisbon, porto, turn, _, summary = listed
    assert (lisbon.importance, lisbon.metadata, lisbon.speaker, lisbon.session) == (0.8, {"n": 1}, "ana", "monday")
    assert lisbon.valid_to is not None
    assert [(link.relation, link.target) for link in porto.links] == [("supersedes", lisbon.id)]
    assert [(link.relation, link.target) for link in summary.links] == [("summarises", turn.id)]
    assert [said.role for said in (await memory.ask(GetSession(name="garden"))).turns] == ["user", "assistant"]
    assert (await memory.ask(Recall(query="Who moved to Porto?"))).memories[0].id == porto.id
    assert [one.text for one in (await memory.ask(ListRecords(namespace="other"))).memories] == ["Ben plays the oboe."]
    # What was done under a key is not done again, and what is forgotten goes, with what was made of it.
    same = NewMemory(text=summary.text, kind="summary", links=summary.links, metadata=summary.metadata)
    again = await memory.ask(Remember(memories=(same,)), key="once")
    assert again.memories[0].id == summary.id
    await memory.ask(Forget(ids=(turn.id,)))
    with pytest.raises(NotFound):
        await memory.ask(Get(id=summary.id))
    assert (await memory.ask(Remember(memories=(NewMemory(text="And on it goes."),)))).memories[0].created


async def of_paradox(host: Host, home: Path) -> None:
    await host.start_actor(Paradox, ParadoxSettings(follow=False), home, ManualClock(NOW))
    found = (await host.ref("paradox").ask(ListParadoxes())).paradoxes
    told = {(one.earlier.text, one.later.text, one.state, len(one.history)) for one in found}
    assert told == {
        ("I live in Lisbon.", "I live in Oslo.", "fresh", 1),
        ("I was born in Graz.", "I was born in Linz.", "integrated", 2),
    }
    assert all(0 < one.tension <= 1 and 0 <= one.importance <= 1 for one in found)


async def of_daemon(host: Host, home: Path) -> None:
    # By the clock of when it was written no cycle is due.
    await host.start_actor(Daemon, DaemonSettings(look_s=3600), home, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
    daemon = host.ref("daemon")
    runs = (await daemon.ask(ListRuns())).runs
    consolidated = [run for run in runs if run.cycle == "consolidate" and run.effects]
    assert consolidated[-1].state == "done"
    assert consolidated[-1].effects["turns"] == 3
    cycles = {one.name: one for one in (await daemon.ask(ListCycles())).cycles}
    assert cycles["reflect"].paused
    assert not cycles["consolidate"].paused
    # The first version knew nobody yet.
    aspects = (await daemon.ask(GetProfile())).speakers.get("ana", ())
    assert len(cycles) >= 10
    assert bool(aspects) == ("personality" in {run.cycle for run in runs})


async def of_thinking(host: Host, home: Path) -> None:
    await host.start_actor(Thinking, ThinkingSettings(), home, ManualClock(NOW))
    with closing(apsw.Connection(str(home / "thinking.db"))) as connection:
        ((thought,),) = connection.execute("SELECT id FROM thoughts").fetchall()
    told = await host.ref("thinking").ask(GetThought(thought_id=str(thought)), timeout=20)
    assert str(thought).startswith(thought_id_of("x")[:3])
    assert told.degraded
    assert told.steps


async def of_llm(host: Host, home: Path) -> None:
    await host.start_actor(Llm, LlmSettings(discover=False), home)
    (row,) = (await host.ref("llm").ask(GetUsage(days=3660))).rows
    assert (row.day, row.namespace, row.endpoint, row.calls, row.completion_tokens, row.cost) == (
        "2026-01-01",
        "ana",
        "kept",
        1,
        5,
        0.25,
    )
    assert [one.name for one in (await host.ref("llm").ask(ListEndpoints())).endpoints] == ["kept"]


CHECKS: dict[str, Callable[[Host, Path], Awaitable[Any]]] = {
    "memory": of_memory,
    "paradox": of_paradox,
    "daemon": of_daemon,
    "thinking": of_thinking,
    "llm": of_llm,
}
