"""The writer commits for all who wait at once, and for nobody who waits in vain."""

import asyncio
import time

import apsw
import pytest

from actors.sqlite.database import Database
from tests.actors.sqlite.notes import SCHEMA, hold, note, notes, refuse
from transport.errors import Overloaded, Unavailable


async def test_writes_that_wait_share_a_transaction(database):
    commits = 0

    def count(connection: apsw.Connection) -> None:
        def committed() -> bool:
            nonlocal commits
            commits += 1
            return False

        connection.set_commit_hook(committed)

    await database.write(count)
    await asyncio.gather(*(database.write(note, str(number)) for number in range(200)))

    assert len(await database.read(notes)) == 200
    assert commits < 20


async def test_writers_of_a_slow_disk_come_together_instead_of_waiting_for_each_others_commits(database):
    """Five begin; five more while these are being committed. Apart they would need two commits for each ten writes."""
    commits = []

    def slow() -> bool:
        commits.append(time.monotonic())
        time.sleep(0.03)
        return False

    async def writer(number: int) -> None:
        for count in range(20):
            await database.write(note, f"{number}.{count}")

    await database.write(lambda connection: connection.set_commit_hook(slow))
    commits.clear()
    early = [asyncio.ensure_future(writer(number)) for number in range(5)]
    while not commits:  # noqa: ASYNC110 (the hook runs in another thread)
        await asyncio.sleep(0.001)
    await asyncio.gather(*early, *(writer(number) for number in range(5, 10)))

    assert len(await database.read(notes)) == 200
    assert len(commits) < 32


async def test_a_lone_writer_of_a_slow_disk_waits_for_nobody(database):
    begun, waited = 0.0, []

    def slow() -> bool:
        waited.append(time.monotonic() - begun)
        time.sleep(0.02)
        return False

    async def write(text: str) -> None:
        nonlocal begun
        begun = time.monotonic()
        await database.write(note, text)

    await database.write(lambda connection: connection.set_commit_hook(slow))
    await asyncio.gather(*(write(f"before {number}") for number in range(10)))
    waited.clear()
    for number in range(20):
        await write(str(number))

    # Until its commit begins: how long the disk takes is not looked at.
    assert min(waited) < 0.0045


async def test_too_many_waiting_writes_are_overloaded(tmp_path):
    database = Database(tmp_path / "notes.db", SCHEMA, queue_limit=4)
    await database.open()
    go, holding = await hold(database)
    waiting = [asyncio.ensure_future(database.write(note, str(number))) for number in range(5)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    go.set()
    results = await asyncio.gather(holding, *waiting, return_exceptions=True)
    await database.close()

    assert len(done) == 1
    assert sum(isinstance(result, Overloaded) for result in results) == 1


async def test_a_write_cancelled_before_it_began_is_not_run(database):
    go, holding = await hold(database)
    cancelled = asyncio.ensure_future(database.write(note, "cancelled"))
    await asyncio.sleep(0)
    cancelled.cancel()
    go.set()
    await holding
    assert await database.read(notes) == []


async def test_a_write_whose_caller_has_gone_is_told_as_committed_all_the_same(tmp_path):
    committed = asyncio.Event()
    database = Database(tmp_path / "notes.db", SCHEMA, on_commit=committed.set)
    await database.open()
    go, holding = await hold(database)
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert not committed.is_set()
    go.set()
    await asyncio.wait_for(committed.wait(), 30)
    await database.close()


async def test_a_write_that_was_refused_is_told_of_as_no_commit(tmp_path):
    told = []
    database = Database(tmp_path / "notes.db", SCHEMA, on_commit=lambda: told.append("committed"))
    await database.open()
    with pytest.raises(ValueError, match="no"):
        await database.write(refuse)
    assert told == []
    await database.write(note, "one")
    assert told == ["committed"]
    await database.close()


async def test_later_writes_are_on_disk_once_settled(database):
    assert database.write_later(note, "later")
    await database.settle()
    assert await database.read(notes) == ["later"]


async def test_later_writes_are_kept_by_closing(tmp_path):
    database = Database(tmp_path / "notes.db", SCHEMA)
    await database.open()
    assert database.write_later(note, "later")
    await database.close()
    assert not database.write_later(note, "too late")
    with pytest.raises(Unavailable, match="closed"):
        await database.write(note, "too late")

    again = Database(tmp_path / "notes.db", SCHEMA)
    await again.open()
    assert await again.read(notes) == ["later"]
    await again.close()
