"""A database whose write-ahead log is sound, damaged or gone after a kill."""

import apsw
import pytest

from actors.sqlite.backup import write_copy
from actors.sqlite.damage import frames_lost, reports
from tests.actors.sqlite.books import ROWS, as_a_kill_leaves_it, one_value, opened, recovered, set_aside, with_a_log, written
from transport.errors import Unavailable


@pytest.fixture
async def path(tmp_path, key):
    del key
    return await written(tmp_path)


async def test_a_log_that_is_sound_is_no_damage(path):
    await with_a_log(path, 3)
    database = await opened(path)
    assert await database.read(one_value) == [2]
    await database.close()
    assert reports(path.parent) == []


async def test_a_log_that_ends_in_the_middle_of_a_transaction_is_no_damage(path):
    log = await with_a_log(path, 2)
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 5000)
    database = await opened(path)
    assert await database.read(one_value) == [0]
    await database.close()
    assert reports(path.parent) == []


async def test_a_log_damaged_in_its_middle_is_set_aside_with_its_file(path):
    log = await with_a_log(path, 3)
    data = bytearray(log.read_bytes())
    data[32 + 24 + 1000] ^= 1
    log.write_bytes(data)
    there, report = await recovered(path)
    assert there == set(range(1, ROWS + 1))
    assert "log is damaged" in report["why"]
    assert "behind the damage" in report["lost"][-1]
    assert set_aside(path)[0].with_name(set_aside(path)[0].name + "-wal").read_bytes() == bytes(data)


async def test_a_log_that_was_taken_away_is_told_and_no_number_is_given_twice(path):
    log = await with_a_log(path, 1)
    as_a_kill_leaves_it(path, log.read_bytes())
    log.unlink()
    there, report = await recovered(path)
    assert there == set(range(1, ROWS + 1))
    assert "log is gone" in report["why"]
    assert "after the last checkpoint" in report["lost"][-1]


async def test_a_log_is_missed_though_its_setting_aside_was_interrupted(path, monkeypatch):
    as_a_kill_leaves_it(path, b"")
    path.with_name(f"{path.name}-wal").unlink()
    with monkeypatch.context() as patch:
        patch.setattr("actors.sqlite.opening.salvage", lambda *_: (_ for _ in ()).throw(OSError("interrupted")))
        with pytest.raises(Unavailable):
            await opened(path)
    _, report = await recovered(path)
    assert "log is gone" in report["why"]


async def test_a_kill_whose_log_is_there_is_no_damage(path):
    log = await with_a_log(path, 2)
    as_a_kill_leaves_it(path, log.read_bytes())
    database = await opened(path)
    assert await database.read(one_value) == [1]
    await database.close()
    assert reports(path.parent) == []


async def test_whoever_looks_at_a_killed_database_leaves_its_log(path, key, tmp_path):
    log = await with_a_log(path, 2)
    as_a_kill_leaves_it(path, log.read_bytes())
    write_copy(path, tmp_path / "copy.db", key)
    database = await opened(path)
    assert await database.read(one_value) == [1]
    await database.close()
    assert reports(path.parent) == []
    assert not path.with_name(f"{path.name}-open").exists()


async def test_an_empty_file_with_a_log_does_not_lose_the_log(path):
    log = await with_a_log(path, 1)
    data = log.read_bytes()
    path.write_bytes(b"")
    database = await opened(path)
    await database.close()
    assert set_aside(path)[0].with_name(set_aside(path)[0].name + "-wal").read_bytes() == data


def test_frames_are_counted_by_the_logs_own_salt(tmp_path):
    connection = apsw.Connection(str(tmp_path / "empty.db"))
    assert frames_lost(connection, tmp_path / "empty.db") == 0
    connection.close()
