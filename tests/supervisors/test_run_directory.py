"""A house's run directory is deleted while everybody works: it comes back, and who is killed then is replaced and found."""

import asyncio
import os
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


@pytest.mark.parametrize("how", ["deleted", "emptied", "replaced"])
async def test_a_roster_that_is_spoilt_comes_back_by_itself_and_the_next_supervisor_finds_all(house, how):
    async with house() as home:
        await home.ready()
        roster = home.root / "run" / "children.json"
        pids = {name: child.pid for name, child in (await home.children()).items()}
        # After this nothing is written until somebody ends.
        async with asyncio.timeout(15):
            while {child.state for child in Roster.read(roster).children} != {"ready"}:
                await home.say()

        if how == "deleted":
            roster.unlink()
        elif how == "emptied":
            os.truncate(roster, 0)
        else:
            put_foreign(roster, "file")
        async with asyncio.timeout(15):
            while {child.pid for child in Roster.read(roster).children} != set(pids.values()):
                await home.say()

        home.kill(home.supervisor_pid())
        await home.line("starting it again")
        assert {name: child.pid for name, child in (await home.children()).items()} == pids


async def test_who_is_sent_away_finishes_what_runs_and_knocks_no_more(house):
    async with house() as home:
        await home.ready()
        running = asyncio.create_task(home.say(wait_s=5.0))
        await home.say()
        home.kill(home.supervisor_pid())
        (home.root / "run" / "children.json").unlink()

        # The next supervisor knows nobody who bears a name.
        await home.line("starting it again")
        assert (await running).text == "hello"
        await home.line(f"{'echo':<12} ready")
        log = (home.root / "logs" / "supervisor.log").read_text()
        assert 1 <= log.count("is sent away") <= 2


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
