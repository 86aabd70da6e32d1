"""A host stays where callers look for it, also when its files are deleted; a name that another has taken is given up."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from actors.host import Host
from actors.runtime import AsyncActor, handles
from tests.actors.conftest import Echo, Echoed


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


async def test_who_finds_its_name_borne_by_another_bears_it_no_longer(short_dir):
    run_dir = short_dir / "run"
    async with Host(run_dir=run_dir) as home, Host(run_dir=run_dir) as other:
        await home.start_actor(Probe)
        shutil.rmtree(run_dir)
        await other.start_actor(Probe)

        reason, _ = await asyncio.wait_for(home.failed, 15)
        assert "probe was taken by process" in reason
        assert not other.failed.done()
