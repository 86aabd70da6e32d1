"""A killed actor's socket is its successor's: callers wait in its queue, and are refused only where nobody will come."""

import asyncio
import os
import socket
from contextlib import contextmanager

import pytest

from actors.host import Host
from actors.supervision import RestartChild, StopChild
from supervisors.held_sockets import HeldSockets
from tests.supervisors.echo_house import Echo, Say
from transport.foreign import identity
from transport.lock import Lock


@pytest.fixture
def held(short_dir):
    short_dir.chmod(0o700)
    sockets = HeldSockets(short_dir)
    yield sockets
    sockets.close("echo")


@contextmanager
def connected(path):
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(5)
        caller.connect(str(path))
        yield caller


async def test_a_killed_child_leaves_its_socket_to_the_next(house):
    async with house() as home:
        await home.ready()
        path = home.root / "run" / "echo.sock"
        place = identity(path)
        assert place is not None

        for _ in range(3):
            before = await home.say()
            home.kill(before.pid)
            assert (await home.say()).pid != before.pid
            assert identity(path) == place


async def test_a_child_that_is_restarted_listens_anew_and_one_that_is_stopped_refuses_callers(house):
    async with house() as home:
        await home.ready()
        path = home.root / "run" / "echo.sock"
        supervisor = home.client.ref("supervisor")

        before = await home.say()
        await supervisor.ask(RestartChild(name="echo"), timeout=30)
        assert (await home.say()).pid != before.pid

        await supervisor.ask(StopChild(name="echo"), timeout=30)
        assert not path.exists()


async def test_a_socket_whose_file_was_deleted_is_not_handed_on(house):
    async with house() as home:
        await home.ready()
        path = home.root / "run" / "echo.sock"
        before = await home.say()
        path.unlink()

        home.kill(before.pid)
        assert (await home.say()).pid != before.pid
        with connected(path):
            pass


async def test_the_next_supervisor_holds_sockets_too(house):
    async with house() as home:
        await home.ready()
        path = home.root / "run" / "echo.sock"
        home.kill(home.supervisor_pid())
        await home.line("starting it again")
        await home.line("echo         ready")

        for _ in range(2):
            before = await home.say()
            home.kill(before.pid)
            assert (await home.say()).pid != before.pid
            place = identity(path)
        assert place is not None


async def test_who_connects_while_nobody_bears_the_name_is_answered_by_the_next(held, short_dir):
    descriptor = held.of("echo")
    async with Host(run_dir=short_dir, bind=False) as caller, Host(run_dir=short_dir) as host:
        asking = asyncio.create_task(caller.ref("echo").ask(Say(text="early"), timeout=20))
        with connected(short_dir / "echo.sock"):
            host.listens("echo", os.dup(descriptor))
            await host.start_actor(Echo)
            assert (await asking).text == "early"


async def test_a_host_listens_by_itself_where_the_file_of_what_it_was_given_is_gone(held, short_dir):
    descriptor = held.of("echo")
    (short_dir / "echo.sock").unlink()
    async with Host(run_dir=short_dir, bind=False) as caller, Host(run_dir=short_dir) as host:
        host.listens("echo", os.dup(descriptor))
        await host.start_actor(Echo)

        assert (await caller.ref("echo").ask(Say(text="here"), timeout=20)).text == "here"


def test_a_socket_is_held_until_its_file_is_gone(held, short_dir):
    first = held.of("echo")
    assert held.of("echo") == first
    assert (short_dir / "echo.sock").stat().st_mode & 0o077 == 0

    place = identity(short_dir / "echo.sock")
    os.link(short_dir / "echo.sock", short_dir / "kept")
    (short_dir / "echo.sock").unlink()
    held.of("echo")
    assert identity(short_dir / "echo.sock") not in (None, place)


def test_whoever_waits_for_a_name_that_nobody_will_bear_is_refused(held, short_dir):
    held.of("echo")
    with connected(short_dir / "echo.sock") as caller:
        held.close("echo")
        with pytest.raises(ConnectionResetError):
            caller.recv(1)

    assert not (short_dir / "echo.sock").exists()


def test_the_socket_of_somebody_who_bears_the_name_already_is_left_alone(held, short_dir):
    with Lock(short_dir / "echo.lock"), socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(short_dir / "echo.sock"))
        theirs.listen()
        place = identity(short_dir / "echo.sock")

        assert held.of("echo") is None
        assert identity(short_dir / "echo.sock") == place


def test_where_nothing_can_be_bound_nothing_is_held(short_dir):
    blocked = HeldSockets(short_dir / "missing")
    assert blocked.of("echo") is None
