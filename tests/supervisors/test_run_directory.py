"""A house's run directory is deleted while everybody works: it comes back, and who is killed then is replaced and found."""

import asyncio
import shutil
from functools import partial

import pytest

from actors.host import Host
from actors.supervision import ListChildren
from supervisors.kept_files import KeptFiles
from supervisors.roster import Roster
from tests.supervisors.echo_house import SayOther
from tests.transport.foreign import put_foreign


async def test_a_house_whose_run_directory_is_deleted_goes_on_and_replaces_who_is_killed(house):
    async with house(supervisor={"standbys": True}) as home:
        await home.ready()
        run_dir = home.root / "run"
        before = await home.children()

        shutil.rmtree(run_dir)
        # More than there were spares and standbys: new ones have to find the supervisor.
        for _ in range(4):
            pid = (await home.say()).pid
            home.kill(pid)
            assert (await home.say()).pid != pid

        async with Host(run_dir=run_dir, bind=False) as late:
            assert (await late.ref("other").ask(SayOther(), timeout=30)).pid == before["other"].pid
            children = (await late.ref("supervisor").ask(ListChildren(), timeout=30)).children
        assert {child.name: child.restarts for child in children} == {"other": 0, "echo": 4}

        # The next supervisor finds the list of children, and the children find it.
        async with asyncio.timeout(15):
            while not (run_dir / "children.json").exists():
                await home.say()
        pids = {name: child.pid for name, child in (await home.children()).items()}
        home.kill(home.supervisor_pid())
        await home.line("starting it again")
        assert {name: child.pid for name, child in (await home.children()).items()} == pids


async def test_a_run_directory_that_was_opened_to_others_is_closed_and_who_is_killed_then_comes_back(house):
    async with house() as home:
        await home.ready()
        run_dir = home.root / "run"
        run_dir.chmod(0o777)

        pid = (await home.say()).pid
        home.kill(pid)

        assert (await home.say()).pid != pid
        assert run_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("what", ["file", "directory", "socket"])
async def test_a_house_in_whose_run_directory_every_file_was_replaced_goes_on_and_replaces_who_is_killed(house, what):
    async with house(supervisor={"standbys": True}) as home:
        await home.ready()
        run_dir = home.root / "run"
        ours = [path for path in run_dir.iterdir() if path.suffix in (".sock", ".lock", ".ctl", ".json")]
        pid = (await home.say()).pid

        for path in ours:
            put_foreign(path, what)
        home.kill(pid)

        assert (await home.say()).pid != pid
        async with asyncio.timeout(15):
            while not (run_dir / "supervisor.ctl").is_socket() or not Roster.read(run_dir / "children.json").children:
                await home.say()

        # And so does the next supervisor, whom they find.
        pids = {name: child.pid for name, child in (await home.children()).items()}
        home.kill(home.supervisor_pid())
        await home.line("starting it again")
        assert {name: child.pid for name, child in (await home.children()).items()} == pids


@pytest.mark.parametrize("what", ["file", "directory", "socket"])
async def test_a_supervisor_that_was_killed_comes_back_whatever_stands_in_the_place_of_its_files(house, what):
    async with house() as home:
        await home.ready()
        for name in ("supervisor.ctl", "supervisor.sock", "supervisor.lock", "children.json"):
            put_foreign(home.root / "run" / name, what)

        home.kill(home.supervisor_pid())
        await home.line("starting it again")

        async with asyncio.timeout(30):
            while {child.state for child in (await home.children()).values()} != {"ready"}:
                assert (await home.say()).text == "hello"


async def test_a_kept_file_that_was_spoilt_comes_back_as_it_was(tmp_path):
    files = KeptFiles(tmp_path, ["settings.json", "later.json"])
    path = tmp_path / "settings.json"
    path.write_text('{"port": 1}')
    assert files.look()

    def fill() -> None:
        path.write_text("no JSON")

    for spoil in (partial(put_foreign, path, "directory"), partial(put_foreign, path, "link"), fill, path.unlink):
        spoil()
        assert not files.look()
        files.restore()
        assert path.read_text() == '{"port": 1}'
        assert files.look()

    path.write_text('{"port": 2}')
    assert files.look()
    path.unlink()
    files.restore()
    assert path.read_text() == '{"port": 2}'
