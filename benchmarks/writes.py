"""Durable acknowledged writes a second with 64 writers, against one commit a write.

    python -m benchmarks.writes [--seconds 5] [--writers 64] [--directory DIR] [--sync-ms 0 1 2 5 10]

Every write is one `memory.remember` with one turn of a talk (a session, a speaker, 130 characters), acknowledged once it is on
disk. The yardstick writes the same records with the same code into the same tables (row, event, talk, counts; no full-text
index, which ours follows with later), one after another, each in a transaction of its own with `synchronous=FULL`: what a store
does that has no group commit. Ours is measured twice: the database alone, written to by tasks of one process; and the memory
actor in a process of its own, asked over ipc. `indexed` counts the time until the full-text index has everything, too.

What is gained by sharing a commit depends on what one costs, so all of it is measured again with a disk whose every sync takes
at least so many milliseconds, for the yardstick and for ours. 0 is this machine's disk as it is; one that turns 7,200 times a
minute takes 8 and more.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

from actors.host import Host
from actors.memory import store
from actors.memory.actor import Memory
from actors.memory.indexing import Indexing
from actors.memory.messages import NewMemory, Remember
from actors.memory.schema import MIGRATIONS
from actors.memory.settings import MemorySettings
from actors.memory.transaction import Transaction
from actors.memory.writer_cache import WriterCache
from actors.sqlite.database import Database
from benchmarks.figures import percentile, table

SLOW = "BENCHMARK_SYNC_S"
USUAL = apsw.vfs_names()[0]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--directory", type=Path, default=None, help="on the disk that is to be measured")
    parser.add_argument(
        "--sync-ms", type=float, nargs="+", default=[0.0, 1.0, 2.0, 5.0, 10.0], help="how long a sync is to take at least"
    )
    arguments = parser.parse_args()
    rows: list[list[object]] = []
    for sync_ms in arguments.sync_ms:
        slow_down(sync_ms / 1000)
        with tempfile.TemporaryDirectory(prefix="lattice-", dir=arguments.directory) as name:
            rows += measured(Path(name), sync_ms, arguments.writers, arguments.seconds)
    print(f"{arguments.writers} writers; commit: of one row alone")
    print(table(["sync ms", "commit ms", "", "writes/s", "p50 ms", "indexed/s", "ratio"], rows))


def measured(directory: Path, sync_ms: float, writers: int, seconds: float) -> list[list[object]]:
    """The yardstick and ours on a disk whose syncs take so long."""
    commit_ms = bare_commit(directory / "bare.db", seconds / 2)
    one = one_commit_each(directory / "one.db", seconds)
    rows: list[list[object]] = [[f"{sync_ms:g}", f"{commit_ms:.2f}", "one commit a write", one, 1000 / one, "", 1.0]]
    for label, measure in (("database", database), ("actor over ipc", actor)):
        rate, p50, indexed = asyncio.run(measure(directory / label.split()[0], writers, seconds))
        rows.append(["", "", label, rate, p50 * 1000, indexed, rate / one])
    return rows


class SlowFile(apsw.VFSFile):
    """A file of a disk whose syncs take their time."""

    def __init__(self, name: str | apsw.URIFilename | None, flags: list[int], seconds: float) -> None:
        self.seconds = seconds
        super().__init__(USUAL, name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802 (SQLite's own name)
        """Syncs, and sleeps for what is left of the time."""
        began = time.perf_counter()
        super().xSync(flags)
        time.sleep(max(0.0, self.seconds - (time.perf_counter() - began)))


class SlowDisk(apsw.VFS):
    """Every file of a process that opens databases after it was made."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__("slow", USUAL, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> SlowFile:  # noqa: N802 (SQLite's own name)
        """A file on it."""
        return SlowFile(name, flags, self.seconds)


DISKS: list[SlowDisk] = []
"""Kept for as long as SQLite uses it."""


def slow_down(seconds: float) -> None:
    """From now on, in this process and those that it starts; 0: no longer."""
    while DISKS:
        DISKS.pop().unregister()
    os.environ[SLOW] = str(seconds)
    if seconds:
        DISKS.append(SlowDisk(seconds))


def record(writer: int, number: int) -> Remember:
    trees = number * 7 % 1009
    text = f"On day {number} Ana told the fox {writer} about {trees} lemon trees by the river in Porto and went home at noon."
    return Remember(memories=(NewMemory(text=text, speaker="ana", session=f"talk {writer}"),))


def bare_commit(path: Path, seconds: float) -> float:
    connection = opened(path)
    connection.execute("CREATE TABLE row (text TEXT)")
    count, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        connection.execute("INSERT INTO row VALUES ('x')")
        count += 1
    return 1000 * (time.perf_counter() - began) / count


def one_commit_each(path: Path, seconds: float) -> float:
    connection, cache = opened(path), WriterCache()
    for migration in MIGRATIONS:
        connection.execute(migration)
    count, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        message = record(count % 64, count)
        connection.execute("BEGIN IMMEDIATE")
        store.remember(Transaction(connection, "default", NOW, cache), message, importance=0.5)
        cache.flush(connection)
        connection.execute("COMMIT")
        count += 1
    return count / (time.perf_counter() - began)


def opened(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for name, value in (("journal_mode", "wal"), ("synchronous", "full"), ("foreign_keys", "on"), ("secure_delete", "on")):
        connection.pragma(name, value)
    return connection


async def database(directory: Path, writers: int, seconds: float) -> tuple[float, float, float]:
    """The database with its writer's thread, and the index following behind."""
    cache = WriterCache()
    database = Database(directory / "memory.db", MIGRATIONS, held=cache)
    await database.open()
    settings = MemorySettings()
    indexing = Indexing(database, settings.index_pause_s, settings.index_at_once)
    follows = asyncio.ensure_future(indexing.run())

    async def write(message: Remember) -> None:
        def run(connection: apsw.Connection) -> None:
            store.remember(Transaction(connection, "default", NOW, cache), message, importance=0.5)

        await database.write(run)
        indexing.written()

    async def tail() -> int:
        return await database.read(unindexed)

    figures = await load(write, tail, writers, seconds)
    follows.cancel()
    await asyncio.gather(follows, return_exceptions=True)
    await database.close()
    return figures


async def actor(directory: Path, writers: int, seconds: float) -> tuple[float, float, float]:
    """The memory actor in a process of its own."""
    async with served(directory), Host(run_dir=directory / "run", bind=False) as host:
        memory = host.ref("memory")

        async def write(message: Remember) -> None:
            await memory.ask(message)

        async def tail() -> int:
            connection = apsw.Connection(str(directory / "memory.db"), flags=apsw.SQLITE_OPEN_READWRITE)
            try:
                return unindexed(connection)
            finally:
                connection.close()

        return await load(write, tail, writers, seconds)


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[None]:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=serve, args=(directory, ready), daemon=True)
    process.start()
    try:
        assert await asyncio.to_thread(ready.wait, 30)
        yield
    finally:
        process.kill()
        process.join()


def serve(directory: Path, ready: Any) -> None:
    slow_down(float(os.environ[SLOW]))
    gc.freeze()  # as the zygote does, of which actors are forked

    async def run() -> None:
        async with Host(run_dir=directory / "run") as host:
            await host.start_actor(Memory, MemorySettings(), directory)
            ready.set()
            await host.failed

    asyncio.run(run())


def unindexed(connection: apsw.Connection) -> int:
    row: Any = connection.execute("SELECT (SELECT max(number) FROM memory) - number FROM indexed").fetchone()
    return int(row[0] or 0)


async def load(
    write: Callable[[Remember], Awaitable[None]], tail: Callable[[], Awaitable[int]], writers: int, seconds: float
) -> tuple[float, float, float]:
    """Writes a second, their median time in seconds, and writes a second with the time until all are indexed."""
    took: list[float] = []
    await write(record(0, 0))
    began = time.perf_counter()

    async def writer(number: int) -> None:
        count = 0
        while (now := time.perf_counter()) < began + seconds:
            count += 1
            await write(record(number, count))
            took.append(time.perf_counter() - now)

    await asyncio.gather(*(writer(number) for number in range(writers)))
    lasted = time.perf_counter() - began
    while await tail():  # noqa: ASYNC110 (another process's file is looked at)
        await asyncio.sleep(0.01)
    return len(took) / lasted, percentile(took, 50), len(took) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
