"""A disk that takes no stacks and lets none be removed: whoever is killed comes back, whoever is stopped is seen to end."""

import signal


async def test_a_killed_child_serves_again_where_no_file_can_be_opened_for_its_stacks(house):
    async with house() as home:
        await home.ready()
        logs = home.root / "logs"
        logs.rename(home.root / "before")
        logs.write_text("no directory")

        before = await home.say()
        home.kill(before.pid)

        assert (await home.say()).pid != before.pid


async def test_a_house_ends_though_the_stacks_of_its_children_cannot_be_removed(house):
    async with house() as home:
        await home.ready()
        (stacks,) = (home.root / "logs").glob("echo.*.stack")
        stacks.unlink()
        stacks.mkdir()

        home.process.send_signal(signal.SIGTERM)
        await home.gone()

        assert await home.process.wait() == 0
        assert stacks.is_dir()
