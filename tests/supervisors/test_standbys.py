"""Who serves has a standby that takes its place; whatever becomes of a standby, somebody does."""

import asyncio
import signal

from actors.supervision import RestartChild
from supervisors import linux
from tests.supervisors.conftest import comm
from tests.supervisors.echo_house import Spin

RULES = {"supervisor": {"standbys": True}, "echo": {"heartbeat_s": 0.2}}


async def test_a_standby_takes_the_place_of_who_is_killed_and_another_is_made(house):
    async with house(**RULES) as home:
        await home.ready()
        for _ in range(2):
            waiting = await standbys(home, 2)
            before = await home.say()

            home.kill(before.pid)
            after = await home.say()

            assert after.pid in waiting
            assert after.listener
        echo = (await home.children())["echo"]
        assert (echo.restarts, echo.pid) == (2, after.pid)

        # Whoever is told to restart is not replaced by one that has prepared with other settings.
        waiting = await standbys(home, 2)
        restarted = await home.client.ref("supervisor").ask(RestartChild(name="echo"), timeout=30)
        assert restarted.child.pid not in waiting


async def test_a_child_is_replaced_though_its_standby_is_gone_or_hangs(house):
    async with house(**RULES) as home:
        await home.ready()
        waiting = await standbys(home, 2)
        before = await home.say()
        for pid in (before.pid, *waiting):
            home.kill(pid)
        assert (await home.say()).pid not in {before.pid, *waiting}

        hanging = await standbys(home, 2)
        for pid in hanging:
            home.kill(pid, signal.SIGSTOP)
        home.kill((await home.say()).pid)
        assert (await home.say()).pid not in hanging
        assert (await home.children())["echo"].last_exit == "had not taken its name within 1.2 s"


async def test_a_standby_that_has_taken_over_leaves_its_stacks_when_it_hangs(house):
    async with house(**RULES) as home:
        await home.ready()
        waiting = await standbys(home, 2)
        home.kill((await home.say()).pid)
        promoted = await home.say()
        assert promoted.pid in waiting
        await home.line("crash report")

        home.client.ref("echo").tell(Spin())
        await home.gone(promoted.pid)
        await home.line("crash report")

        report = max(home.reports(), key=lambda one: one["epoch"])
        assert report["pid"] == promoted.pid
        assert any("in spin" in line for line in report["stacks"])


async def test_a_standby_that_is_told_to_end_does_and_another_is_made(house):
    async with house(**RULES) as home:
        await home.ready()
        first = await standbys(home, 2)
        for pid in first:
            home.kill(pid, signal.SIGTERM)
        await home.gone(*first)

        assert not first & await standbys(home, 2)


async def test_standbys_end_with_their_supervisor_and_the_next_one_has_its_own(house):
    async with house(**RULES) as home:
        await home.ready()
        waiting = await standbys(home, 2)

        home.kill(home.supervisor_pid())
        await home.gone(*waiting)

        before = await home.say()
        successors = await standbys(home, 2, besides=waiting)
        home.kill(before.pid)
        assert (await home.say()).pid in successors


async def standbys(home, number, *, besides=frozenset()):
    """The pids of the house's standbys, as soon as there are so many; besides some that have ended, collected or not."""

    def found():
        return {pid for pid in linux.descendants(home.process.pid) if comm(pid) == "lattice:standby"[:15]} - besides

    async with asyncio.timeout(20):
        while len(waiting := found()) < number:
            await home.say()
    home.watch_all()
    return waiting
