"""A host stays where callers look for it, also when its files are deleted; a name that another has taken is given up."""

from __future__ import annotations

import asyncio
import shutil
import socket
import stat
import time

import pytest
import zmq

from actors.host import Host
from actors.runtime import AsyncActor, handles
from tests.actors.conftest import Echo, Echoed
from tests.transport.foreign import FOREIGN, put_foreign
from transport import sockets
from transport.codec import decode, encode
from transport.envelope import ASK, REPLY, Envelope
from transport.foreign import are_set_aside
from transport.lock import Lock


class Probe(AsyncActor):
    name = "probe"

    @handles(Echo)
    def echo(self, message: Echo) -> Echoed:
        return Echoed(text=f"{message.text}, says {self.host.incarnation}")


@pytest.mark.parametrize("what", ["everything", "probe.sock", "probe.lock"])
async def test_files_that_are_deleted_are_made_anew_and_calls_on_old_connections_go_on(short_dir, what):
    run_dir = short_dir / "run"
    async with Host(run_dir=run_dir) as home, Host(run_dir=run_dir, bind=False) as early:
        await home.start_actor(Probe)
        await early.ref("probe").ask(Echo(text="before"))

        if what == "everything":
            shutil.rmtree(run_dir)
        else:
            (run_dir / what).unlink()

        assert (await early.ref("probe").ask(Echo(text="meanwhile"))).text.endswith(home.incarnation)
        async with Host(run_dir=run_dir, bind=False) as late:
            assert (await late.ref("probe").ask(Echo(text="after"), timeout=15)).text.endswith(home.incarnation)
        async with asyncio.timeout(15):
            while not (run_dir / "probe.lock").exists():
                await early.ref("probe").ask(Echo(text="until it is held"))
        assert run_dir.stat().st_mode & 0o777 == 0o700
        assert not home.failed.done()

    assert not list(run_dir.glob("*.sock"))


@pytest.mark.parametrize("place", ["probe.sock", "probe.lock"])
@pytest.mark.parametrize("what", FOREIGN)
async def test_what_is_put_in_the_place_of_its_files_is_set_aside_and_they_are_made_anew(short_dir, what, place):
    run_dir = short_dir / "run"
    async with Host(run_dir=run_dir) as home, Host(run_dir=run_dir, bind=False) as early:
        await home.start_actor(Probe)
        await early.ref("probe").ask(Echo(text="before"))

        put_foreign(run_dir / place, what)

        async with asyncio.timeout(15):
            while not is_ours(run_dir / place):
                await early.ref("probe").ask(Echo(text="meanwhile"))
        async with Host(run_dir=run_dir, bind=False) as late:
            assert (await late.ref("probe").ask(Echo(text="after"), timeout=15)).text.endswith(home.incarnation)
        assert not home.failed.done()

    # A socket holds nothing, and gives way.
    assert len(are_set_aside(run_dir)) == (0 if (what, place) == ("socket", "probe.sock") else 1)


@pytest.mark.parametrize("place", ["probe.sock", "probe.lock"])
@pytest.mark.parametrize("what", FOREIGN)
async def test_who_starts_takes_the_place_of_what_stands_there(short_dir, what, place):
    run_dir = short_dir / "run"
    run_dir.mkdir(mode=0o700)
    put_foreign(run_dir / place, what)

    async with Host(run_dir=run_dir) as home, Host(run_dir=run_dir, bind=False) as caller:
        await home.start_actor(Probe)
        assert (await caller.ref("probe").ask(Echo(text="hello"), timeout=15)).text.endswith(home.incarnation)


async def test_who_starts_takes_the_place_of_a_stranger_who_listens_there(short_dir):
    run_dir = short_dir / "run"
    run_dir.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(run_dir / "probe.sock"))
        stranger.listen()

        async with Host(run_dir=run_dir) as home, Host(run_dir=run_dir, bind=False) as caller:
            await home.start_actor(Probe)
            assert (await caller.ref("probe").ask(Echo(text="hello"), timeout=15)).text.endswith(home.incarnation)


@pytest.mark.parametrize("what", ["file", "link"])
async def test_a_run_directory_that_something_else_was_put_in_the_place_of_is_made_anew(short_dir, what):
    run_dir = short_dir / "run"
    async with Host(run_dir=run_dir) as home:
        await home.start_actor(Probe)
        run_dir.rename(short_dir / "moved")
        put_foreign(run_dir, what)

        async with Host(run_dir=run_dir, bind=False) as late:
            assert (await late.ref("probe").ask(Echo(text="after"), timeout=15)).text.endswith(home.incarnation)
        assert stat.S_ISDIR(run_dir.lstat().st_mode)
        assert len(are_set_aside(short_dir)) == 1


def is_ours(path):
    """Whether it is a socket where somebody listens, or a lock that somebody holds."""
    if path.suffix == ".sock":
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(path)) == 0
    return Lock(path).held_by_another()


async def test_who_finds_its_name_borne_by_another_bears_it_no_longer(short_dir):
    run_dir = short_dir / "run"
    async with Host(run_dir=run_dir) as home, Host(run_dir=run_dir) as other:
        await home.start_actor(Probe)
        shutil.rmtree(run_dir)
        await other.start_actor(Probe)

        reason, _ = await asyncio.wait_for(home.failed, 15)
        assert "probe was taken by process" in reason
        assert not other.failed.done()


class Late(AsyncActor):
    name = "late"

    async def on_start(self):
        await asyncio.sleep(0)


async def test_whoever_has_asked_while_a_socket_is_being_bound_is_told_that_its_actor_starts(short_dir):
    async with Host(run_dir=short_dir / "run") as home:
        await home.start_actor(Probe)
        with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
            asker.linger = 0
            asker.connect(f"ipc://{short_dir}/run/probe.sock")
            asker.send_multipart(encode(Envelope(ASK, "early", to="late", type="sys.info").header(), {}))
            # The loop does not run meanwhile: it reads this when it looks for more behind the next address.
            until = time.monotonic() + 10
            while not sockets.readable(home._doors.server._socket):
                assert time.monotonic() < until

            await home.start_actor(Late)
            while not asker.poll(0):  # noqa: ASYNC110 (only looking tells)
                await asyncio.sleep(0)
            told = decode(asker.recv_multipart())
        assert (told.kind, told.body["why_not_ready"]) == (REPLY, "it is starting")
