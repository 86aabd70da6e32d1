"""The house on real processes: whatever is killed comes back, whatever is told to stop leaves nothing behind."""

import asyncio
import contextlib
import resource
import signal

import pytest

from actors.child_specs import SupervisorSpec
from actors.supervision import RestartChild, StartChild, StopChild
from actors.system import SysInfo
from commands.status import row, with_reasons
from supervisors import linux
from supervisors.roster import Roster
from supervisors.up import BIRTH_S
from supervisors.zygote import scratch_of
from tests.supervisors.echo_house import Break
from transport.errors import NotFound, Unavailable

FAST = {"echo": {"heartbeat_s": 0.1}}


async def test_a_house_starts_and_hands_the_listener_to_the_one_who_gets_it(house):
    async with house() as home:
        await home.ready()

        assert (await home.say("hi")).text == "hi"
        assert (await home.say()).listener
        children = await home.children()
        assert {name: child.state for name, child in children.items()} == {"other": "ready", "echo": "ready"}
        assert children["echo"].pid == (await home.say()).pid


async def test_a_killed_child_answers_again(house):
    async with house() as home:
        await home.ready()
        before = await home.say()

        home.kill(before.pid)
        after = await home.say()

        assert after.pid != before.pid
        echo = (await home.children())["echo"]
        assert (echo.restarts, echo.last_exit, echo.pid) == (1, "signal 9 (SIGKILL)", after.pid)
        assert (await home.children())["other"].restarts == 0


async def test_a_child_killed_again_and_again_answers_every_time(house):
    async with house() as home:
        await home.ready()
        pids = set()

        for _ in range(10):
            pid = (await home.say()).pid
            pids.add(pid)
            home.kill(pid)
            await home.gone(pid)

        assert (await home.say()).pid not in pids
        assert len(pids) == 10


async def test_an_actor_that_fails_is_replaced_and_reported_with_its_traceback(house):
    async with house() as home:
        await home.ready()
        before = await home.say()

        home.client.ref("echo").tell(Break())
        await home.gone(before.pid)

        assert (await home.say()).pid != before.pid
        await home.line("crash report")
        (report,) = home.reports()
        assert report["name"] == "echo"
        assert "told to break" in report["reason"]
        assert "RuntimeError: told to break" in report["traceback"]
        assert any("ready" in line for line in report["log"])
        assert report["last_heartbeat"]["recent"] == ["echo.say", "echo.break"]
        assert (report["core_dumped"], report["uptime_s"] > 0) == (False, True)
        assert report["restarts"] == 0


async def test_the_supervisor_is_killed_and_its_children_go_on(house):
    async with house() as home:
        await home.ready()
        pids = {name: child.pid for name, child in (await home.children()).items()}
        asking = asyncio.ensure_future(ask_on(home))

        supervisor = home.supervisor_pid()
        home.kill(supervisor)
        await home.line("starting it again")
        assert {name: child.pid for name, child in (await home.children()).items()} == pids

        await home.line("echo         ready")
        home.kill(pids["echo"])
        await home.gone(pids["echo"])
        assert (await home.say()).pid != pids["echo"]
        assert (await home.children())["echo"].last_exit.startswith("exit status unknown")

        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


async def test_a_child_that_is_still_starting_is_given_its_time_by_the_next_supervisor_too(house):
    async with house(**FAST) as home:
        (home.root / "slow").touch()
        await home.line("other        ready")
        async with asyncio.timeout(8):
            # It may have no process yet: spares are made one after another.
            while (before := (await home.children())["echo"]).pid is None:
                assert before.state == "starting"

        home.kill(home.supervisor_pid())
        await home.line("starting it again")
        await asyncio.sleep(1.0)
        (home.root / "slow").unlink()
        await home.ready()

        after = (await home.children())["echo"]
        assert (after.pid, after.restarts, after.last_exit) == (before.pid, 0, None)


SHORT = {"heartbeat_s": 0.1, "ready_timeout_s": 1.0}


async def what_status_says(home):
    """The last cell of each actor's line in `run.py status`."""

    async def why(name):
        return (await home.client.ref(name).ask(SysInfo(), timeout=20)).why_not_ready

    children = [child.model_dump(mode="json") for child in (await home.children()).values()]
    return {cells[0]: cells[-1] for cells in map(row, await with_reasons(children, why))}


@pytest.mark.parametrize("mode", ["up", "single"])
async def test_a_start_that_says_what_it_does_about_its_database_has_more_time(house, mode):
    async with house(mode=mode, echo={**SHORT, "recovery_timeout_s": 60.0}) as home:
        (home.root / "recovering").touch()
        await home.line("other        ready")
        async with asyncio.timeout(20):
            # It may be asked before it has begun.
            while (told := await home.client.ref("echo").ask(SysInfo(), timeout=20)).why_not_ready == "it is starting":
                pass
        assert told.why_not_ready == "echo.db is being recovered"

        await asyncio.sleep(2.5)
        before = (await home.children())["echo"]
        assert (before.state, before.restarts) == ("starting", 0)
        assert await what_status_says(home) == {"echo": "echo.db is being recovered", "other": ""}
        (home.root / "recovering").unlink()
        await home.line("ALL READY")
        assert (await home.children())["echo"].restarts == 0


async def test_a_start_that_hangs_is_ended_in_its_time_whatever_another_might_have_had(house):
    async with house(echo={**SHORT, "recovery_timeout_s": 60.0}) as home:
        (home.root / "slow").touch()
        await home.line("not ready within 1 s")


async def test_a_child_that_dies_while_there_is_no_supervisor_is_started_by_the_next(house):
    async with house() as home:
        await home.ready()
        before = await home.say()

        home.kill(home.supervisor_pid())
        home.kill(before.pid)

        assert (await home.say()).pid != before.pid
        assert (await home.children())["other"].restarts == 0


async def test_the_zygote_is_killed_and_replacements_go_on(house):
    async with house() as home:
        await home.ready()
        zygote = home.zygote_pid()

        home.kill(zygote)
        await home.gone(zygote)

        for _ in range(3):
            pid = (await home.say()).pid
            home.kill(pid)
            await home.gone(pid)

        assert (await home.say()).text == "hello"


async def test_a_killed_child_answers_again_where_nothing_can_be_written_down(house, short_dir):
    async with house() as home:
        await home.ready()
        # Its files may have no byte: as on a full disk, but of this one process.
        supervisor = home.supervisor_pid()
        before_that = resource.prlimit(supervisor, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        before = await home.say()
        home.kill(before.pid)
        after = await home.say()
        assert after.pid != before.pid

        # As soon as it can be, it is: the next supervisor knows whom to adopt.
        resource.prlimit(supervisor, resource.RLIMIT_FSIZE, before_that)
        async with asyncio.timeout(10):
            while after.pid not in [entry.pid for entry in Roster.read(short_dir / "run" / "children.json").children]:
                await home.say()


async def test_what_a_spare_left_that_was_killed_while_it_warmed_up_is_removed(house, short_dir):
    place, prefix = scratch_of(short_dir / "run", "supervisor")
    (place / f"{prefix}left").mkdir()
    (place / f"{prefix}left" / "nothing.db").touch()

    async with house() as home:
        await home.ready()

        assert not (place / f"{prefix}left").exists()


def test_orphans_wait_longer_for_a_supervisor_than_a_supervisor_may_take_to_be_born():
    assert SupervisorSpec().orphan_grace_s > BIRTH_S


@pytest.mark.parametrize("with_supervisor", [False, True])
async def test_up_is_killed_and_nothing_is_left(house, with_supervisor):
    async with house() as home:
        await home.ready()
        if with_supervisor:
            home.kill(home.supervisor_pid())
        home.kill(home.process.pid)

        await home.gone()


async def test_orphans_drain_in_the_house_s_order_so_that_what_runs_can_still_ask(house):
    async with house() as home:
        await home.ready()
        saying = asyncio.ensure_future(home.say("slow", wait_s=0.5, through_other=True))
        await asyncio.sleep(0)
        await home.say("it is on its way")

        home.kill(home.supervisor_pid())
        home.kill(home.process.pid)

        assert (await saying).text == "slow"
        await home.gone(within_s=4.0)


async def test_a_drain_finishes_what_runs_and_leaves_nothing(house):
    async with house() as home:
        await home.ready()
        await home.say()
        saying = asyncio.ensure_future(home.say("slow", wait_s=0.5))
        await asyncio.sleep(0)
        await home.say("it is on its way")

        home.kill(home.process.pid, signal.SIGTERM)

        assert (await saying).text == "slow"
        assert await home.process.wait() == 0
        await home.gone()
        assert not list((home.root / "run").glob("supervisor.ctl"))


async def test_a_supervisor_that_somebody_else_tells_to_stop_comes_back_with_its_house(house):
    async with house() as home:
        await home.ready()
        pid = (await home.say()).pid
        running = asyncio.ensure_future(home.say("slow", wait_s=0.5))
        await asyncio.sleep(0)
        await home.say("it is on its way")

        home.kill(home.supervisor_pid(), signal.SIGTERM)
        await home.line("supervisor ended (told to stop); starting it again")
        assert (await running).text == "slow"
        assert (await home.say()).pid != pid

        home.kill(home.process.pid, signal.SIGTERM)
        assert await home.process.wait() == 0


async def test_a_second_signal_kills(house):
    async with house() as home:
        await home.ready()
        pid = (await home.say()).pid
        home.kill(pid, signal.SIGSTOP)

        home.kill(home.process.pid, signal.SIGTERM)
        await home.line("draining")
        home.kill(home.process.pid, signal.SIGINT)

        assert await home.process.wait() == 1
        await home.gone()


async def test_who_does_not_drain_in_time_is_killed(house):
    async with house(echo={"shutdown": 0.2}) as home:
        await home.ready()
        home.kill((await home.say()).pid, signal.SIGSTOP)

        home.kill(home.process.pid, signal.SIGTERM)

        await home.line("had not drained within 0.2 s")
        assert await home.process.wait() == 0
        await home.gone()


async def test_a_child_that_cannot_start_is_tried_again_while_the_rest_serves(house):
    async with house(supervisor={"backoff_first_s": 30.0, "backoff_cap_s": 60.0}) as home:
        (home.root / "broken").touch()
        await home.line("echo         backing_off")

        assert (await home.say_other()).text == "hello"
        echo = (await home.children())["echo"]
        assert echo.state == "backing_off"
        assert "echo is broken on purpose" in echo.last_exit
        with pytest.raises(Unavailable, match="broken on purpose"):
            await home.client.ref("supervisor").ask(RestartChild(name="echo"))

        (home.root / "broken").unlink()
        started = await home.client.ref("supervisor").ask(RestartChild(name="echo"))
        assert started.child.state == "ready"


async def test_a_house_that_terminates_is_tried_again_by_up_and_given_up_on(house):
    async with house(supervisor={"escalation": "terminate"}) as home:
        (home.root / "broken").touch()

        told = "giving up: the supervisor failed more than 5 times within 60 s; the last time: echo could not start"
        await home.line(told, within_s=50)  # six starts, each with its imports
        assert await home.process.wait() == 1
        await home.gone()
        assert "broken on purpose" in home.reports()[-1]["reason"]


async def test_operators_stop_start_and_restart(house):
    async with house() as home:
        await home.ready()
        supervisor = home.client.ref("supervisor")
        before = await home.say()

        restarted = (await supervisor.ask(RestartChild(name="echo"))).child
        assert restarted.state == "ready"
        assert restarted.pid == (await home.say()).pid != before.pid

        stopped = (await supervisor.ask(StopChild(name="echo"))).child
        assert (stopped.state, stopped.pid) == ("stopped", None)
        assert linux.open_pidfd(restarted.pid) is None

        assert (await supervisor.ask(StartChild(name="echo"))).child.state == "ready"
        with pytest.raises(NotFound, match="other, echo"):
            await supervisor.ask(RestartChild(name="nobody"))


async def test_a_restart_fails_no_ask(house):
    async with house() as home:
        await home.ready()
        asking = asyncio.ensure_future(ask_on(home))

        for _ in range(3):
            await home.client.ref("supervisor").ask(RestartChild(name="echo"))

        assert not asking.done(), asking.exception()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking


class TestSingleProcess:
    async def test_an_actor_that_fails_is_replaced(self, house):
        async with house(mode="single") as home:
            await home.ready()
            assert (await home.say()).pid == home.process.pid

            home.client.ref("echo").tell(Break())
            await home.line("echo         ready")

            assert (await home.say()).text == "hello"
            assert (await home.children())["echo"].restarts == 1
            assert "told to break" in home.reports()[0]["reason"]

    async def test_operators_stop_start_and_restart(self, house):
        async with house(mode="single") as home:
            await home.ready()
            supervisor = home.client.ref("supervisor")

            assert (await supervisor.ask(RestartChild(name="echo"))).child.state == "ready"
            assert (await supervisor.ask(StopChild(name="echo"))).child.state == "stopped"
            assert (await supervisor.ask(StartChild(name="echo"))).child.state == "ready"
            assert (await home.say()).text == "hello"

    async def test_a_drain_finishes_what_runs(self, house):
        async with house(mode="single") as home:
            await home.ready()
            await home.say()
            saying = asyncio.ensure_future(home.say("slow", wait_s=0.5))
            await asyncio.sleep(0)
            await home.say("it is on its way")

            home.process.terminate()

            assert (await saying).text == "slow"
            assert await home.process.wait() == 0

    async def test_a_second_signal_kills(self, house):
        async with house(mode="single") as home:
            await home.ready()
            saying = asyncio.ensure_future(home.say("too slow", wait_s=30))
            await home.say("it is on its way")

            home.process.terminate()
            await home.line("draining; once more to kill")
            home.process.terminate()

            async with asyncio.timeout(5):
                assert await home.process.wait() == 1
            saying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await saying


async def ask_on(home):
    """Ask without a pause; any failure fails the test."""
    while True:
        await home.say()
