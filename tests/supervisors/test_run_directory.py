"""A house's run directory is deleted while everybody works: it comes back, and who is killed then is replaced and found."""

import asyncio
import shutil

from actors.host import Host
from actors.supervision import ListChildren
from tests.supervisors.echo_house import SayOther


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
