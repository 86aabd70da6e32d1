"""Who hangs is replaced, whatever it hangs in; who works and is slow is not."""

import signal

from tests.supervisors.echo_house import Spin, Toil

FAST = {"echo": {"heartbeat_s": 0.1}}


async def test_a_stopped_child_is_replaced(house):
    async with house(**FAST) as home:
        await home.ready()
        before = await home.say()

        home.kill(before.pid, signal.SIGSTOP)
        await home.gone(before.pid)

        assert (await home.say()).pid != before.pid
        assert (await home.children())["echo"].last_exit == "no heartbeat for 0.3 s"


async def test_a_spinning_child_is_replaced_and_its_report_says_where_it_spun(house):
    async with house(**FAST) as home:
        await home.ready()
        before = await home.say()

        home.client.ref("echo").tell(Spin())
        await home.gone(before.pid)

        assert (await home.say()).pid != before.pid
        await home.line("crash report")
        (report,) = home.reports()
        assert any("in spin" in line for line in report["stacks"])


async def test_a_child_whose_loop_has_much_to_run_in_one_turn_is_not_replaced_while_it_moves(house):
    async with house(echo={"heartbeat_s": 0.2}) as home:
        await home.ready()
        before = await home.say()

        # Five times as long as three heartbeats, of which none can be sent by the loop.
        toiled = await home.client.ref("echo").ask(Toil(callbacks=150, each_s=0.02), timeout=30)

        assert toiled.pid == before.pid
        assert (await home.children())["echo"].restarts == 0


async def test_a_child_that_moves_and_then_hangs_is_replaced(house):
    async with house(echo={"heartbeat_s": 0.2}) as home:
        await home.ready()
        before = await home.say()

        home.client.ref("echo").tell(Toil(callbacks=50, each_s=0.02, then_spin=True))
        await home.gone(before.pid)

        assert (await home.say()).pid != before.pid
        assert (await home.children())["echo"].last_exit == "no heartbeat for 0.6 s"


async def test_a_zygote_that_hangs_is_replaced_once_spares_are_missing(house):
    async with house() as home:
        await home.ready()
        zygote = home.zygote_pid()
        home.kill(zygote, signal.SIGSTOP)

        for _ in range(3):
            pid = (await home.say()).pid
            home.kill(pid)
            await home.gone(pid)

        assert (await home.say()).text == "hello"
        await home.gone(zygote)


async def test_a_hung_supervisor_is_replaced(house):
    async with house() as home:
        await home.ready()
        supervisor = home.supervisor_pid()

        home.kill(supervisor, signal.SIGSTOP)
        await home.line("it hung")
        await home.gone(supervisor)
        await home.line("echo")

        assert (await home.children())["echo"].state == "ready"
