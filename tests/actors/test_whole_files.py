"""What two writers of one file do to each other: nothing."""

import fcntl

import pytest

from actors import whole_files
from actors.sqlite.backup import write_copy
from actors.sqlite.database import Database
from actors.whole_files import part_of, put_in_place
from transport.errors import Conflict


def test_a_file_has_one_writer_at_a_time(tmp_path):
    path = tmp_path / "taken"

    with part_of(path) as (file, part):
        file.write(b"whole")
        file.flush()
        with pytest.raises(Conflict, match="another is writing"), part_of(path):
            pass
        put_in_place(part, path)

    assert path.read_bytes() == b"whole"


def test_whoever_opened_a_part_that_then_got_its_name_writes_another(tmp_path, monkeypatch):
    path = tmp_path / "taken"
    first = part_of(path)
    file, part = first.__enter__()
    file.write(b"whole")
    file.flush()

    def lock(descriptor, how):
        # The first writer ends between the opening and the locking of the second.
        if not path.exists():
            put_in_place(part, path)
            first.__exit__(None, None, None)
        fcntl.flock(descriptor, how)

    monkeypatch.setattr(whole_files, "fcntl", type("Fcntl", (), {"flock": staticmethod(lock), **constants()}))

    with part_of(path) as (file, _):
        file.truncate()

    assert path.read_bytes() == b"whole"


def constants():
    return {name: getattr(fcntl, name) for name in ("LOCK_EX", "LOCK_NB")}


async def test_two_copies_of_one_name_are_not_written_into_each_other(tmp_path):
    database = Database(tmp_path / "a.db", ("CREATE TABLE t (n INTEGER)",))
    await database.open()
    target = tmp_path / "backups" / "copy.a.db"
    target.parent.mkdir()

    with part_of(target), pytest.raises(Conflict):
        write_copy(tmp_path / "a.db", target, None)
    assert not target.exists()

    assert write_copy(tmp_path / "a.db", target, None) > 0
    await database.close()
