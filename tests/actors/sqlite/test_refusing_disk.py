"""A disk that refuses, made by a VFS of SQLite's own kind: full, read-only, and one whose sync fails."""

import apsw
import pytest

from actors.sqlite import opening
from actors.sqlite.damage import reports
from actors.sqlite.database import Database
from actors.sqlite.encryption import KEY
from tests.actors.sqlite.notes import SCHEMA, note, notes
from transport.errors import Unavailable

NAME = "refusing"


class File(apsw.VFSFile):
    def __init__(self, disk, name, flags):
        self.disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data, offset):  # noqa: N802 (SQLite's own name)
        if self.disk.refuses == "write":
            raise apsw.FullError("full")
        if self.disk.refuses == "read-only":
            raise apsw.ReadOnlyError("read-only")
        super().xWrite(data, offset)

    def xSync(self, flags):  # noqa: N802 (SQLite's own name)
        if self.disk.refuses == "sync":
            raise apsw.IOError("sync failed")
        super().xSync(flags)


class Disk(apsw.VFS):
    """Everything of the usual file system, but for what it is told to refuse."""

    def __init__(self):
        self.refuses = None
        super().__init__(NAME, "")

    def xOpen(self, name, flags):  # noqa: N802 (SQLite's own name)
        return File(self, name, flags)


@pytest.fixture
def disk(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    disk = Disk()
    usual = apsw.Connection

    def connect(path, **options):
        return usual(path, vfs=NAME, **options)

    monkeypatch.setattr(opening.apsw, "Connection", connect)
    yield disk
    disk.unregister()


@pytest.mark.parametrize("what", ["write", "read-only", "sync"])
async def test_a_disk_that_refuses_costs_no_read_and_nothing_acknowledged(tmp_path, disk, what):
    database = Database(tmp_path / "notes.db", SCHEMA)
    await database.open()
    await database.write(note, "before")

    disk.refuses = what
    for _ in range(3):
        with pytest.raises(Unavailable) as refused:
            await database.write(note, "refused")
        assert refused.value.retry_after_ms
        assert await database.read(notes) == ["before"]

    disk.refuses = None
    await database.write(note, "after")
    assert await database.read(notes) == ["before", "after"]
    await database.close()
    assert reports(tmp_path) == []

    again = Database(tmp_path / "notes.db", SCHEMA)
    await again.open()
    assert await again.read(notes) == ["before", "after"]
    await again.close()
