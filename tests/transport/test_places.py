"""Locks, run directories, addresses and key files."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.transport.conftest import ROOT
from tests.transport.echo_server import EchoServer
from tests.transport.foreign import FOREIGN, put_foreign
from transport import keys
from transport.addresses import address_of, run_directory
from transport.client import Client
from transport.errors import Conflict, DeadlineExceeded, Invalid, Unauthorized
from transport.foreign import are_set_aside
from transport.keys import ClientKeys, ServerKeys
from transport.lock import Lock

HOLD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from transport.lock import Lock
print(Lock(Path(sys.argv[1])).try_acquire(), flush=True)
sys.stdin.read()
"""


async def hold(path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(path), cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert await process.stdout.readline() == b"True\n"
    return process


async def end(process):
    if process.returncode is None:
        process.kill()

    await process.wait()
    process._transport.close()


async def test_a_lock_tells_its_holder_and_is_free_when_that_is_killed(tmp_path):
    process = await hold(tmp_path / "a.lock")
    lock = Lock(tmp_path / "a.lock")

    assert not lock.try_acquire()
    assert lock.holder == process.pid

    with pytest.raises(Conflict, match=f"held by process {process.pid}"):
        await lock.acquire(wait_s=0.02)

    waiting = asyncio.create_task(lock.acquire(wait_s=10))
    await asyncio.sleep(0)
    process.kill()
    await waiting

    assert lock.holder == os.getpid()
    lock.release()
    await end(process)


async def test_looking_whether_a_lock_is_held_neither_takes_nor_changes_it(tmp_path):
    lock = Lock(tmp_path / "a.lock")
    assert not lock.held_by_another()
    assert not lock.path.exists()

    process = await hold(lock.path)
    assert lock.held_by_another()
    assert lock.holder == process.pid
    await end(process)

    assert not lock.held_by_another()
    assert lock.holder == process.pid


async def test_who_gave_up_waiting_does_not_get_the_lock_later(tmp_path):
    first, second = Lock(tmp_path / "a.lock"), Lock(tmp_path / "a.lock")

    with first:
        with pytest.raises(Conflict):
            await second.acquire(wait_s=0.01)

        waiting = asyncio.create_task(second.acquire(wait_s=10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert not second.held
    await second.acquire(wait_s=10)
    assert second.held
    second.release()
    second.release()


@pytest.mark.parametrize("what", FOREIGN)
async def test_what_stands_in_the_place_of_a_lock_and_is_none_is_set_aside(short_dir, what):
    lock = Lock(short_dir / "a.lock")
    put_foreign(lock.path, what)
    before = lock.path.lstat()
    assert not lock.held_by_another()
    assert lock.holder is None

    await lock.acquire(wait_s=0.1)

    assert lock.in_place
    assert lock.holder == os.getpid()
    lock.release()
    (aside,) = are_set_aside(short_dir)
    assert (short_dir / aside).lstat().st_ino == before.st_ino


async def test_a_lock_that_somebody_has_written_into_is_its_holders_still(tmp_path):
    process = await hold(tmp_path / "a.lock")
    (tmp_path / "a.lock").write_text("words of somebody else's")

    assert not Lock(tmp_path / "a.lock").try_acquire()
    assert not are_set_aside(tmp_path)
    await end(process)
    assert Lock(tmp_path / "a.lock").try_acquire()


def test_a_run_directory_is_its_owners_alone(short_dir):
    directory = run_directory(short_dir / "data")

    assert directory == (short_dir / "data" / "run").resolve()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    directory.chmod(0o755)
    assert stat.S_IMODE(run_directory(short_dir / "data").stat().st_mode) == 0o700


def test_a_long_data_directory_has_a_short_run_directory_of_its_own(short_dir, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_dir))
    directories = {run_directory(short_dir / (letter * 100)) for letter in "ab"}

    assert len(directories) == 2
    assert {directory.parent for directory in directories} == {short_dir}
    assert run_directory(short_dir / ("a" * 100)) in directories


def test_a_run_directory_that_is_a_link_is_refused(short_dir):
    (short_dir / "elsewhere").mkdir()
    (short_dir / "run").symlink_to(short_dir / "elsewhere")

    with pytest.raises(Invalid, match="not a directory"):
        run_directory(short_dir)


def test_addresses(short_dir):
    assert address_of("memory", short_dir) == f"ipc://{short_dir}/memory.sock"
    assert address_of("memory", short_dir, {"memory": "tcp://10.0.0.1:1"}) == "tcp://10.0.0.1:1"

    for name in ("", "../x", ".hidden", "a\0b"):
        with pytest.raises(Invalid):
            address_of(name, short_dir)


def test_keys_are_kept_for_their_owner_and_never_overwritten(tmp_path):
    pair = keys.create(tmp_path / "keys", "server")
    path = tmp_path / "keys" / "server.key"

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.load(tmp_path / "keys", "server") == pair == keys.load_or_create(tmp_path / "keys", "server")
    assert pair.secret not in repr(pair)

    with pytest.raises(Conflict):
        keys.create(tmp_path / "keys", "server")


def test_processes_that_make_the_same_key_at_once_have_the_same(tmp_path):
    for directory in (tmp_path / str(number) for number in range(20)):
        with ThreadPoolExecutor(4) as pool:
            pairs = list(pool.map(keys.load_or_create, [directory] * 4, ["server"] * 4))

        assert pairs == [keys.load(directory, "server")] * 4
        assert [path.name for path in directory.iterdir()] == ["server.key"]


def test_a_key_file_that_others_can_read_or_that_is_damaged_is_refused(tmp_path):
    keys.create(tmp_path, "server")
    (tmp_path / "server.key").chmod(0o640)

    with pytest.raises(Invalid, match="read by others"):
        keys.load(tmp_path, "server")

    other = keys.create(tmp_path, "other")
    (tmp_path / "other.key").write_text(f"public {'a' * 40}\nsecret {other.secret}\n")

    with pytest.raises(Invalid, match="key pair"):
        keys.load(tmp_path, "other")


def test_who_is_let_in(tmp_path):
    own, guest = keys.create(tmp_path, "client"), keys.create(tmp_path / "guest", "client")
    keys.allow(tmp_path, guest.public, "a\nlaptop")

    assert keys.allowed(tmp_path) == {own.public, guest.public}

    with pytest.raises(Invalid):
        keys.allow(tmp_path, "not a key", "x")


@pytest.fixture
async def guarded(tmp_path):
    server = keys.create(tmp_path / "keys", "server")
    echo = EchoServer(curve=ServerKeys(server, lambda: keys.allowed(tmp_path / "keys")))
    echo.address, echo.keys, echo.public = echo.server.bind("tcp://127.0.0.1:*"), tmp_path / "keys", server.public
    yield echo
    await echo.server.close(linger_ms=0)


async def ask(address, curve, ttl_ms=5000):
    client = Client(address, curve=curve)

    try:
        return (await client.ask("echo", "t.echo", {"a": 1}, ttl_ms=ttl_ms)).body
    finally:
        await client.close()


async def test_a_key_that_is_let_in_is_answered_also_when_allowed_later(guarded, tmp_path):
    guest = keys.create(tmp_path / "guest", "client")
    curve = ClientKeys(guest, guarded.public)

    with pytest.raises(Unauthorized):
        await ask(guarded.address, curve)

    keys.allow(guarded.keys, guest.public, "guest")
    assert await ask(guarded.address, curve) == {"a": 1}


async def test_a_client_does_not_speak_to_another_server_than_it_expects(guarded, tmp_path):
    client, impostor = keys.create(guarded.keys, "client"), keys.create(tmp_path / "impostor", "server")

    with pytest.raises(DeadlineExceeded):
        await ask(guarded.address, ClientKeys(client, impostor.public), ttl_ms=150)

    assert guarded.asked == []


async def test_plain_bytes_on_a_curve_port_are_not_heard(guarded):
    with pytest.raises(DeadlineExceeded):
        await ask(guarded.address, None, ttl_ms=150)

    assert guarded.asked == []


async def test_with_keys_ipc_stays_plain_beside_an_encrypted_tcp(guarded, short_dir):
    client = keys.create(guarded.keys, "client")
    address = guarded.server.bind(f"ipc://{short_dir}/e.sock")

    assert await ask(address, None) == {"a": 1}
    assert await ask(guarded.server.bind("tcp://127.0.0.1:*"), ClientKeys(client, guarded.public)) == {"a": 1}


async def test_with_keys_a_bind_beyond_loopback_is_allowed(guarded):
    assert guarded.server.bind("tcp://0.0.0.0:*").startswith("tcp://0.0.0.0:")


def test_who_is_let_in_after_the_file_was_edited_by_hand_stands_on_a_line_of_its_own(tmp_path):
    laptop, tablet = keys.create(tmp_path / "laptop", "client"), keys.create(tmp_path / "tablet", "client")
    (tmp_path / "clients").write_text(f"{laptop.public}  laptop, without an end of its line")
    keys.allow(tmp_path, tablet.public, "tablet")

    assert keys.allowed(tmp_path) == {laptop.public, tablet.public}


def test_a_key_of_its_own_that_others_can_read_keeps_nobody_else_out(tmp_path):
    keys.create(tmp_path, "client")
    guest = keys.create(tmp_path / "guest", "client")
    keys.allow(tmp_path, guest.public, "laptop")
    (tmp_path / "client.key").chmod(0o644)

    assert keys.allowed(tmp_path) == {guest.public}
