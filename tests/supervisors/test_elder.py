"""The zygote of a supervisor that was killed: it serves the next one until that one's own has imported, and not longer."""

from __future__ import annotations

import asyncio

from supervisors import linux
from tests.supervisors.conftest import comm


def zygotes(home) -> set[int]:
    return {pid for pid in linux.descendants(home.process.pid) if comm(pid) == "lattice:zygote"}


async def test_who_dies_after_the_supervisor_does_not_wait_for_the_next_zygotes_imports(house, short_dir):
    async with house() as home:
        await home.ready()
        elder = home.zygote_pid()
        before = await home.say()
        (short_dir / "imports-slowly").touch()
        home.kill(home.supervisor_pid())
        home.kill(before.pid)
        for _ in range(4):
            after = await home.say()
            assert after.pid != before.pid
            home.kill(after.pid)
            await home.gone(after.pid)
            before = after
        assert elder in zygotes(home)

        (short_dir / "imports-slowly").unlink()
        await home.gone(elder)
        # From now on there are children of its own again, of which it learns how they end.
        for _ in range(2):
            after = await home.say()
            home.kill(after.pid)
            await home.gone(after.pid)
        await home.say()
        async with asyncio.timeout(10):
            while "SIGKILL" not in ((await home.children())["echo"].last_exit or ""):
                home.kill((await home.say()).pid)


async def test_a_zygote_serves_one_supervisor_after_another_and_ends_with_the_house(house, short_dir):
    async with house() as home:
        await home.ready()
        elder = home.zygote_pid()
        (short_dir / "imports-slowly").touch()
        for _ in range(2):
            supervisor = home.supervisor_pid()
            home.kill(supervisor)
            await home.gone(supervisor)
            pid = (await home.say()).pid
            home.kill(pid)
            await home.gone(pid)
            assert (await home.say()).pid != pid
        assert elder in zygotes(home)

        home.kill(home.process.pid)
        (short_dir / "imports-slowly").unlink()
        await home.gone()
