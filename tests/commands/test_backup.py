"""Backup, restore and encryption as an operator meets them: commands, one after another."""

import asyncio
import json
import os
import tarfile
from pathlib import Path

import pytest

from actors.memory.schema import MEND, MIGRATIONS
from actors.sqlite.backup import check, making_path
from actors.sqlite.database import Database
from actors.sqlite.encryption import KEY, KEY_FILE, KeyRefused, StoreKey
from actors.sqlite.rekeying import rekey_file
from actors.whole_files import part_of
from tests.commands.conftest import Run
from tests.fork_server import server_for
from transport.lock import Lock

WORD = b"unmistakeable"


async def remember(data_dir: Path) -> None:
    """Lay a record down as memory does."""
    database = Database(data_dir / "memory.db", MIGRATIONS, mend=MEND)
    await database.open()

    def write(connection) -> None:
        connection.execute("INSERT INTO namespace (name) VALUES ('default')")
        connection.execute(
            "INSERT INTO memory (id, namespace, kind, text, time, ingested, valid_from, importance) "
            "VALUES ('mem_1', 1, 'turn', 'an unmistakeable word', 0, 0, 0, 0.5)"
        )

    await database.write(write)
    await database.close()


async def opened(data_dir: Path) -> None:
    """Open it and close it again, as memory does when it starts."""
    database = Database(data_dir / "memory.db", MIGRATIONS, mend=MEND)
    await database.open()
    await database.close()


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    for name in (KEY, KEY_FILE):
        monkeypatch.delenv(name, raising=False)
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    asyncio.run(remember(directory))
    return directory


def files(data_dir: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data_dir.glob("*.db*"))


def test_a_backup_does_not_write_into_what_another_writes(run: Run, data_dir: Path, tmp_path: Path):
    with part_of(tmp_path / "b.tar") as (file, part):
        file.write(b"of the first")
        file.flush()
        run("backup", "b.tar", "--data-dir", data_dir).refused("another is writing", "b.tar.part")
        assert part.read_bytes() == b"of the first"

    assert run("backup", "b.tar", "--data-dir", data_dir).code == 0
    assert not part.exists()


def test_a_backup_is_restored_into_an_empty_directory_and_into_no_other(run: Run, data_dir: Path, tmp_path: Path):
    said = run("backup", "b.tar", "--data-dir", data_dir)
    assert said.code == 0, said.text
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0
    run("restore", "b.tar", "--data-dir", data_dir).refused("databases already", "memory.db")

    said = run("restore", "b.tar", "--data-dir", tmp_path / "new")
    assert said.code == 0, said.text
    assert WORD in (tmp_path / "new" / "memory.db").read_bytes()
    assert not list((data_dir / "backups").iterdir())


@pytest.mark.parametrize("then", ["backup", "start"])
def test_what_a_killed_backup_left_is_gone_with_the_next_and_with_the_next_start(
    run: Run, data_dir: Path, tmp_path: Path, then: str
):
    """What is forgotten afterwards would live on in it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with Path(os.devnull).open() as nothing:
        command = ("backup", str(pipe), "--data-dir", str(data_dir))
        process = server_for("run").start(*command, stdin=nothing.fileno(), cwd=tmp_path)
    with pipe.open("rb"):  # opened by who writes too, and too small for all of it
        copies = list((data_dir / "backups").glob("*.memory.db"))
        process.kill()
        process.wait()
    assert len(copies) == 1
    (data_dir / "backups" / "of-my-own.memory.db").write_bytes(WORD)
    (data_dir / "backups" / "broken-off.memory.db.part").write_bytes(WORD)
    (data_dir / "backups" / "broken-off.daemon.db.part").write_bytes(WORD)
    if then == "start":
        asyncio.run(opened(data_dir))
        left = {"of-my-own.memory.db", "broken-off.daemon.db.part"}
    else:
        assert run("backup", "b.tar", "--data-dir", data_dir).code == 0
        left = {"of-my-own.memory.db", "broken-off.memory.db.part", "broken-off.daemon.db.part"}
    assert {file.name for file in (data_dir / "backups").iterdir()} == left


def test_copies_that_somebody_still_needs_stay(data_dir: Path):
    copy = data_dir / "backups" / "mine.memory.db"
    copy.parent.mkdir()
    copy.write_bytes(WORD)
    lock = Lock(making_path(data_dir, "mine"))
    lock.take()
    with part_of(data_dir / "backups" / "other.memory.db") as (_, part):
        asyncio.run(opened(data_dir))
        assert (copy.exists(), part.exists()) == (True, True)
    lock.release()
    asyncio.run(opened(data_dir))
    assert not list(copy.parent.iterdir())


def test_what_a_killed_restore_left_is_gone_with_the_next(run: Run, data_dir: Path, tmp_path: Path):
    assert run("backup", "b.tar", "--data-dir", data_dir).code == 0
    left = tmp_path / "new" / "restoring-0123abcd"
    left.mkdir(parents=True)
    (left / "memory.db").write_bytes(WORD)
    assert run("restore", "b.tar", "--data-dir", tmp_path / "new").code == 0
    assert not list((tmp_path / "new").glob("restoring-*"))


def test_databases_that_a_killed_restore_had_checked_are_in_their_places_for_who_comes_next(
    run: Run, data_dir: Path, tmp_path: Path
):
    new = tmp_path / "new"
    (new / "restored-0123abcd").mkdir(parents=True)
    (data_dir / "memory.db").rename(new / "restored-0123abcd" / "memory.db")
    said = run("backup", "b.tar", "--data-dir", new)
    assert said.code == 0
    assert "a restore had been broken off: memory.db is in its place now" in said.text
    assert WORD in (new / "memory.db").read_bytes()
    assert not list(new.glob("restored-*"))


@pytest.mark.parametrize("name", ["restored-", "restored-by-hand", "restored-0123abcd.old", "restoring-", "restored-0123abcd"])
def test_what_somebody_keeps_under_a_name_like_a_restores_is_left_alone(run: Run, data_dir: Path, tmp_path: Path, name: str):
    assert run("backup", "b.tar", "--data-dir", data_dir).code == 0
    of_somebody = tmp_path / "new" / name
    if name == "restored-0123abcd":
        of_somebody.parent.mkdir()
        of_somebody.write_bytes(b"no folder")
    else:
        of_somebody.mkdir(parents=True)
        (of_somebody / "memory.db").write_bytes(b"of somebody")
    assert run("restore", "b.tar", "--data-dir", tmp_path / "new").code == 0
    assert WORD in (tmp_path / "new" / "memory.db").read_bytes()
    assert of_somebody.is_file() or (of_somebody / "memory.db").read_bytes() == b"of somebody"


def test_a_file_in_the_place_of_a_database_that_a_killed_restore_had_checked_is_named(run: Run, data_dir: Path):
    (data_dir / "restored-0123abcd").mkdir()
    (data_dir / "restored-0123abcd" / "memory.db").write_bytes(b"another")
    run("backup", "b.tar", "--data-dir", data_dir).refused("restored-0123abcd/memory.db", "move one of the two away")
    assert WORD in (data_dir / "memory.db").read_bytes()


@pytest.mark.parametrize("left", ["memory.db-wal", "memory.db-open", ".memory.db.second", "memory.db.rescued"])
def test_what_is_left_of_a_database_is_not_taken_for_the_restored_ones(run: Run, data_dir: Path, tmp_path: Path, left: str):
    assert run("backup", "b.tar", "--data-dir", data_dir).code == 0
    new = tmp_path / "new"
    new.mkdir()
    (new / left).write_bytes(b"of another life")
    run("restore", "b.tar", "--data-dir", new).refused(left, "nothing was changed")
    assert not (new / "memory.db").exists()


@pytest.mark.parametrize("change", ["cut", "flip", "other"])
def test_a_damaged_backup_is_refused(run: Run, data_dir: Path, tmp_path: Path, change: str):
    assert run("backup", "b.tar", "--data-dir", data_dir).code == 0
    data = bytearray((tmp_path / "b.tar").read_bytes())
    if change == "flip":
        data[len(data) // 2] ^= 1
    (tmp_path / "b.tar").write_bytes({"cut": data[: len(data) // 2], "flip": data, "other": b"nothing of ours"}[change])
    run("restore", "b.tar", "--data-dir", tmp_path / "new").refused("b.tar")
    assert not list((tmp_path / "new").glob("*.db"))


def test_a_backup_with_a_foreign_path_writes_nowhere_else(run: Run, data_dir: Path, tmp_path: Path):
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        (tmp_path / "manifest.json").write_text(
            json.dumps({"lattice": "backup", "version": 1, "files": {"../evil.db": {"bytes": 1, "sha256": ""}}})
        )
        archive.add(tmp_path / "manifest.json", "manifest.json")
        archive.add(data_dir / "memory.db", "../evil.db")
    run("restore", "evil.tar", "--data-dir", tmp_path / "new").refused("no database")
    assert not (tmp_path / "evil.db").exists()


def test_a_store_is_encrypted_by_a_command_that_does_not_show_the_key(run: Run, data_dir: Path):
    run("keys", "encrypt", "--data-dir", data_dir).refused(KEY)
    key = StoreKey.new_text()
    said = run("keys", "encrypt", "--data-dir", data_dir, **{KEY: key})
    assert "memory.db: done" in said.text
    assert key not in said.text
    assert WORD not in files(data_dir)


@pytest.mark.parametrize(
    ("stored", "given", "told"),
    [
        ("1" * 64, "2" * 64, "is encrypted with another key"),
        ("1" * 64, "", "memory.db is encrypted: set LATTICE_MEMORY_KEY"),
        ("", "2" * 64, "memory.db is not encrypted, but LATTICE_MEMORY_KEY is set"),
        ("", "nonsense", "64 hexadecimal digits"),
    ],
)
def test_doctor_tells_a_key_that_is_wrong_from_damage(run: Run, data_dir: Path, stored: str, given: str, told: str):
    if stored:
        assert run("keys", "encrypt", "--data-dir", data_dir, LATTICE_MEMORY_KEY=stored).code == 0
    said = run("doctor", "--data-dir", data_dir, LATTICE_MEMORY_KEY=given)
    assert said.code == 1
    assert told in said.text
    assert "--repair" not in said.text


def test_a_backup_of_an_encrypted_store_is_encrypted(run: Run, data_dir: Path, tmp_path: Path):
    key = StoreKey.new_text()
    rekey_file(data_dir / "memory.db", None, StoreKey(key))
    assert run("backup", "b.tar", "--data-dir", data_dir, **{KEY: key}).code == 0
    assert WORD not in (tmp_path / "b.tar").read_bytes()
    run("restore", "b.tar", "--data-dir", tmp_path / "new").refused("encrypted", KEY)
    assert run("restore", "b.tar", "--data-dir", tmp_path / "new", **{KEY: key}).code == 0


def test_a_key_is_changed_and_taken_away_and_each_step_can_be_repeated(data_dir: Path):
    path = data_dir / "memory.db"
    first, second, wrong = (StoreKey(StoreKey.new_text()) for _ in range(3))
    assert rekey_file(path, None, first)
    assert not rekey_file(path, None, first)
    with pytest.raises(KeyRefused, match="does not open"):
        rekey_file(path, wrong, second)
    assert rekey_file(path, first, second)
    assert not rekey_file(path, first, second)
    assert WORD not in files(data_dir)
    assert check(path, second) == ""
    assert rekey_file(path, second, None)
    assert WORD in files(data_dir)
    assert check(path, None) == ""
