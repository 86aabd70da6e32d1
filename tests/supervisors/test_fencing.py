"""Who hangs is replaced, and what it held is taken from it: it can neither write nor answer when it wakes."""

import asyncio
import contextlib
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from supervisors import linux
from tests.supervisors.conftest import EchoHouse
from tests.supervisors.echo_house import Deadlock, Note, Say

FAST = {"echo": {"heartbeat_s": 0.2}}
SILENCE_S = 0.6
"""Three of these heartbeats."""


@pytest.mark.parametrize("what", ["lock", "interpreter"])
async def test_a_deadlocked_child_is_replaced_and_its_report_says_where_it_waited(house, what):
    async with house(**FAST) as home:
        await home.ready()
        before = await home.say()
        waiting = asyncio.ensure_future(home.client.ref("echo").ask(Say(text="meanwhile", wait_s=0.3), timeout=40))

        home.client.ref("echo").tell(Deadlock(what=what))
        await home.gone(before.pid, within_s=20)

        assert (await waiting).pid != before.pid
        assert (await home.children())["echo"].last_exit == f"no heartbeat for {SILENCE_S:g} s"
        await home.line("crash report")
        (report,) = home.reports()
        where = "in wait_for_ever" if what == "lock" else "threading.py"
        assert any(where in line for line in report["stacks"]), report["stacks"]


async def test_who_stopped_in_the_middle_of_a_write_does_not_finish_it_when_it_wakes(house):
    async with house(**FAST) as home:
        await home.ready()
        writing = asyncio.ensure_future(home.client.ref("echo").ask(Note(text="once"), timeout=50))
        old = await until_it_writes(home)

        stop_and_wake(home, old)
        answer = await writing

        assert answer.pid != old
        assert notes(home) == [("once", answer.pid)]
        assert (await home.children())["echo"].last_exit == f"no heartbeat for {SILENCE_S:g} s"


@pytest.mark.parametrize("up_dies", ["at once", "when it has started another supervisor"])
async def test_who_stopped_under_a_house_that_is_gone_is_ended_before_the_next_house_has_its_name(house, up_dies):
    async with house(echo={"heartbeat_s": 0.2, "shutdown": 0.3}) as home:
        await home.ready()
        writing = asyncio.ensure_future(home.client.ref("echo").ask(Note(text="once"), timeout=55))
        old = await until_it_writes(home)
        home.kill(old, signal.SIGSTOP)
        supervisor = home.supervisor_pid()
        home.kill(supervisor)
        if up_dies != "at once":
            until_another_supervises(home, supervisor)
        home.kill(home.process.pid)
        await home.gone(home.process.pid)

        next_house = EchoHouse(home.root, echo={"heartbeat_s": 0.2, "shutdown": 0.3})
        async with next_house:
            await home.end_of(home.pidfds[old], 25)
            (home.root / "go").touch()
            linux.kill(home.pidfds[old], signal.SIGCONT)
            await next_house.ready()

            answer = await writing
            assert answer.pid == (await next_house.say()).pid != old
            assert notes(home) == [("once", answer.pid)]


def until_another_supervises(home, supervisor):
    """Does not go back to the loop: `up` is to be killed within the next moments."""
    while True:
        for pid in linux.children_of(home.process.pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if pid != supervisor and b"supervise" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return


async def until_it_writes(home):
    """The pid of the process that holds its transaction open."""
    pid = (await home.say()).pid
    until = time.monotonic() + 20
    while not (home.root / f"writing-{pid}").exists() and time.monotonic() < until:  # noqa: ASYNC110 (it tells by a file)
        await asyncio.sleep(0.01)
    return pid


def stop_and_wake(home, pid):
    """Stop a process that is in a transaction; when it is replaced, let it commit, and wake it."""
    home.kill(pid, signal.SIGSTOP)
    loop = asyncio.get_running_loop()

    def replaced():
        loop.remove_reader(home.pidfds[pid])
        (home.root / "go").touch()
        linux.kill(home.pidfds[pid], signal.SIGCONT)

    loop.add_reader(home.pidfds[pid], replaced)


def notes(home):
    with sqlite3.connect(home.root / "notes.db") as connection:
        found = connection.execute("SELECT text, pid FROM note").fetchall()
    connection.close()
    return found
