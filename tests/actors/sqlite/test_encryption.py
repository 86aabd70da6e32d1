"""Databases encrypted at rest: no word of theirs in any file, and a wrong or missing key is told, never taken for damage."""

import pytest

from actors.sqlite.damage import reports
from actors.sqlite.database import Database
from actors.sqlite.encryption import KEY, KEY_FILE, KeyRefused, StoreKey
from actors.sqlite.rekeying import rekey_file

SCHEMA = ("CREATE TABLE note (number INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",)
WORD = b"unmistakeable"


def note(connection) -> None:
    connection.execute("INSERT INTO note (text) VALUES (?)", ("an unmistakeable word " * 50,))


def notes(connection) -> int:
    return connection.execute("SELECT count(*) FROM note").get


async def written(path) -> Database:
    database = Database(path, SCHEMA)
    await database.open()
    await database.write(note)
    return database


def read_all(directory) -> bytes:
    return b"".join(file.read_bytes() for file in directory.iterdir())


async def test_neither_the_file_nor_its_log_holds_a_word(tmp_path, monkeypatch):
    monkeypatch.setenv(KEY, StoreKey.new_text())
    database = await written(tmp_path / "notes.db")
    assert (tmp_path / "notes.db-wal").stat().st_size > 4096
    assert WORD not in read_all(tmp_path)
    assert b"CREATE TABLE" not in read_all(tmp_path)
    await database.close()
    assert WORD not in read_all(tmp_path)

    again = await written(tmp_path / "notes.db")
    assert await again.read(notes) == 2
    await again.close()


async def test_without_a_key_all_is_plain(tmp_path, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    database = await written(tmp_path / "notes.db")
    await database.close()
    assert WORD in read_all(tmp_path)


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ("a" * 64, None, "is encrypted: set LATTICE_MEMORY_KEY"),
        ("a" * 64, "b" * 64, "with another key"),
        (None, "b" * 64, "run.py keys encrypt"),
    ],
)
async def test_a_key_that_does_not_fit_is_told_and_nothing_is_touched(tmp_path, monkeypatch, first, then, words):
    def use(key):
        if key is None:
            monkeypatch.delenv(KEY, raising=False)
        else:
            monkeypatch.setenv(KEY, key)

    use(first)
    await (await written(tmp_path / "notes.db")).close()
    before = (tmp_path / "notes.db").read_bytes()
    use(then)
    with pytest.raises(KeyRefused, match=words) as refused:
        await Database(tmp_path / "notes.db", SCHEMA).open()
    assert "b" * 8 not in str(refused.value)
    assert (tmp_path / "notes.db").read_bytes() == before
    assert reports(tmp_path) == []

    use(first)
    database = await written(tmp_path / "notes.db")
    assert await database.read(notes) == 2
    await database.close()


def test_what_is_no_key_is_refused_without_being_shown(tmp_path):
    with pytest.raises(KeyRefused, match=KEY) as refused:
        StoreKey.from_environment({KEY: "correct horse"})
    assert "horse" not in str(refused.value)
    with pytest.raises(KeyRefused, match="both"):
        StoreKey.from_environment({KEY: "a" * 64, KEY_FILE: "/x"})
    with pytest.raises(KeyRefused, match="cannot be read"):
        StoreKey.from_environment({KEY_FILE: str(tmp_path / "none")})
    assert StoreKey.from_environment({}) is None
    assert "a" * 8 not in repr(StoreKey("a" * 64))


def test_a_key_file_is_for_its_owner_alone(tmp_path):
    file = tmp_path / "key"
    file.write_text("a" * 64 + "\n")
    file.chmod(0o644)
    with pytest.raises(KeyRefused, match="chmod 600"):
        StoreKey.from_environment({KEY_FILE: str(file)})
    file.chmod(0o600)
    assert StoreKey.from_environment({KEY_FILE: str(file)}) == StoreKey("a" * 64)


def test_a_credential_of_systemd_shows_its_access_list_as_the_groups_right(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text("a" * 64 + "\n")
    file.chmod(0o440)
    with pytest.raises(KeyRefused, match="chmod 600"):
        StoreKey.from_environment({KEY_FILE: str(file)})
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert StoreKey.from_environment({KEY_FILE: str(file)}) == StoreKey("a" * 64)
    file.chmod(0o444)
    with pytest.raises(KeyRefused, match="chmod 600"):
        StoreKey.from_environment({KEY_FILE: str(file)})


def lose_first_page(path):
    with path.open("r+b") as file:
        file.write(bytes(4096))


def lose_its_beginning(path):
    with path.open("r+b") as file:
        file.write(b"?" * 100)


def lose_all_but_the_log(path):
    path.with_name(f"{path.name}-wal").write_bytes(b"?" * 8192)
    path.unlink()


def lose_its_content(path):
    path.write_bytes(b"")


def lose_its_log(path):
    path.with_name(f"{path.name}-open").touch()


ANYTHING = (lose_first_page, lose_its_beginning, lose_all_but_the_log, lose_its_content, lose_its_log)
PAGES_ARE_LEFT = (lose_first_page, lose_its_beginning, lose_its_log)


@pytest.mark.parametrize(
    ("lose", "noted", "then"),
    [
        *((lose, True, then) for lose in ANYTHING for then in ("b" * 64, None)),
        # As an earlier version left it: the pages that are left have to tell.
        *((lose, False, "b" * 64) for lose in PAGES_ARE_LEFT),
    ],
)
async def test_a_wrong_or_missing_key_beside_damage_sets_nothing_aside(tmp_path, monkeypatch, lose, noted, then):
    """From inside, an encrypted file under another key looks like a damaged one: a new one would begin empty."""
    path = tmp_path / "notes.db"
    monkeypatch.setenv(KEY, "a" * 64)
    await (await written(path)).close()
    lose(path)
    if not noted:
        path.with_name("notes.db.keycheck").unlink()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    if then is None:
        monkeypatch.delenv(KEY)
    else:
        monkeypatch.setenv(KEY, then)
    with pytest.raises(KeyRefused, match="is encrypted"):
        await Database(path, SCHEMA).open()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    monkeypatch.setenv(KEY, "a" * 64)
    database = Database(path, SCHEMA)
    await database.open()
    await database.close()
    assert len(reports(tmp_path)) == 1


async def test_a_file_that_opens_is_opened_whatever_the_note_beside_it_says(tmp_path, monkeypatch):
    path = tmp_path / "notes.db"
    monkeypatch.setenv(KEY, "a" * 64)
    await (await written(path)).close()
    check = path.with_name("notes.db.keycheck")
    told = check.read_bytes()
    assert bytes.fromhex("a" * 64) not in told
    assert check.stat().st_mode & 0o077 == 0
    for wrong in (b"", b"?" * 48, b"?"):
        check.write_bytes(wrong)
        await (await written(path)).close()
        assert len(check.read_bytes()) == len(told)


async def test_another_key_by_order_is_noted(tmp_path, monkeypatch):
    path = tmp_path / "notes.db"
    monkeypatch.setenv(KEY, "a" * 64)
    await (await written(path)).close()
    assert rekey_file(path, StoreKey("a" * 64), StoreKey("b" * 64))
    lose_first_page(path)
    with pytest.raises(KeyRefused):
        await Database(path, SCHEMA).open()
    monkeypatch.setenv(KEY, "b" * 64)
    await (await written(path)).close()
    assert rekey_file(path, StoreKey("b" * 64), None)
    assert not path.with_name("notes.db.keycheck").exists()
