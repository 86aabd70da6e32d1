"""A file that is too large for memory lies on disk, and nobody can read it there."""

import os
import random
import tempfile
import zipfile
from pathlib import Path

import pytest

from actors.spool import PIECE, Spool
from transport.errors import Unavailable

WORD = b"unmistakeable"


def on_disk() -> list[bytes]:
    """What this process's open files hold that have lost their names."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = descriptor.readlink()
        except FileNotFoundError:
            continue
        if target.name.endswith(".spool (deleted)"):
            found.append(descriptor.read_bytes())
    return found


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_fits_into_memory_is_on_no_disk():
    with Spool() as spool:
        spool.write(WORD)
        assert spool.opened().read() == WORD
        assert on_disk() == []


@pytest.mark.parametrize("size", [PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 7])
@pytest.mark.parametrize("step", [1000, PIECE, 10 * PIECE])
def test_what_is_read_is_what_was_written(size, step):
    data = random.Random(size).randbytes(size)
    with Spool(in_memory=1000) as spool:
        for start in range(0, size, step):
            spool.write(data[start : start + step])
        file = spool.opened()
        assert file.read() == data
        for start in (0, PIECE - 1, PIECE, size - 1, size):
            file.seek(start)
            assert file.read(10) == data[start : start + 10]
        file.seek(-5, os.SEEK_END)
        assert file.read() == data[-5:]


def test_lines_and_archives_are_read_from_it(temporary):
    with Spool(in_memory=1000) as spool:
        for number in range(100_000):
            spool.write(b"%d\n" % number)
        file = spool.opened()
        assert [int(line) for line in file] == list(range(100_000))

    packed = temporary / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("one", WORD * 100_000)
    with Spool(in_memory=1000) as spool:
        spool.write(packed.read_bytes())
        with zipfile.ZipFile(spool.opened()) as archive:
            assert archive.read("one") == WORD * 100_000


def test_what_lies_on_disk_has_no_name_and_cannot_be_read(temporary):
    with Spool(in_memory=1000) as spool:
        for _ in range(1000):
            spool.write(WORD * 1000)
        (content,) = on_disk()
        assert len(content) > PIECE
        assert WORD not in content
        assert not content.startswith(b"SQLite format 3")
        assert list(temporary.iterdir()) == []
        spool.opened()
    assert on_disk() == []


def test_a_disk_that_takes_nothing_is_told(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with Spool(in_memory=1000) as spool, pytest.raises(Unavailable, match="no room"):
        spool.write(b"x" * 2000)
