"""The roster, crash reports, the log file and what the kernel says, each alone."""

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisors import linux
from supervisors.crashes import log_path, name_stacks, open_nameless_stacks, read_reports, stack_path, write_report
from supervisors.logs import LogFile
from supervisors.process import Process, Reaper
from supervisors.roster import Entry, Roster, RosterFile
from supervisors.spares import Spares
from supervisors.supervisor import say

ROOT = Path(__file__).resolve().parents[2]


def test_a_roster_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "children.json"
    roster = Roster(up_pid=7, up_started=11, children=(Entry(name="echo", pid=8, started=12, epoch=3, restarts=2),))

    file = RosterFile(path)
    file.replace(roster)

    assert Roster.read(path) == roster
    assert roster.of_house(7, 11)
    assert not roster.of_house(7, 12)
    assert path.stat().st_mode & 0o777 == 0o600


def test_crash_reports_that_are_told_fit_a_message(tmp_path):
    for epoch in range(20):
        write_report(tmp_path, "echo", {"epoch": epoch, "traceback": "x" * 150_000}, keep=20)

    told = read_reports(tmp_path, "echo", 20)
    assert [report["epoch"] for report in told] == [19, 18, 17, 16, 15]


def test_stacks_without_a_name_leave_nothing_until_they_have_one(tmp_path):
    stacks = open_nameless_stacks(tmp_path)
    if stacks is None:
        pytest.skip("this file system has no nameless files")
    with stacks:
        stacks.write("in spin\n")
        assert not any(stack_path(tmp_path, "echo", 3).parent.iterdir())

        name_stacks(stacks, tmp_path, "echo", 3)
    assert stack_path(tmp_path, "echo", 3).read_text() == "in spin\n"


def test_a_roster_that_is_missing_or_damaged_is_an_empty_one(tmp_path):
    path = tmp_path / "children.json"
    assert Roster.read(path) == Roster()

    path.write_bytes(b'{"children": [{"na')
    assert Roster.read(path) == Roster()


def test_a_roster_tells_of_each_child_what_was_said_of_it_last(tmp_path):
    path = tmp_path / "children.json"
    file = RosterFile(path)
    file.replace(Roster(up_pid=7, children=(Entry(name="echo", epoch=1), Entry(name="other", epoch=1))))
    for entry in (Entry(name="echo", epoch=2), Entry(name="new", epoch=1), Entry(name="echo", epoch=3)):
        file.add(entry, Roster)
    with path.open("ab") as torn:
        torn.write(b'{"name": "other", "epo')

    read = Roster.read(path)
    assert read.up_pid == 7
    assert [(entry.name, entry.epoch) for entry in read.children] == [("echo", 3), ("other", 1), ("new", 1)]


def test_a_roster_whose_last_line_was_not_written_to_its_end_is_as_the_line_before(tmp_path):
    path = tmp_path / "children.json"
    RosterFile(path).replace(Roster(up_pid=7))
    with path.open("ab") as file:
        file.write(b'{"up_pid": 8, "children": [{"na')

    assert Roster.read(path).up_pid == 7


def test_a_roster_that_was_deleted_or_has_grown_is_written_anew(tmp_path):
    path = tmp_path / "children.json"
    file = RosterFile(path)
    long = Entry(name="echo", last_exit="x" * 900_000)
    for _ in range(3):
        file.add(long, lambda: Roster(children=(long,)))
    assert path.stat().st_size < 2_000_000

    path.unlink()
    file.add(long, lambda: Roster(up_pid=9))
    assert Roster.read(path).up_pid == 9


FORKS_AFTER_A_JUMP = """
import socket, sys
from actors import clock
from tests.actors.test_clock import DOUBTED_S, YEAR, Machine

clock.system_clock = machine = Machine()
from supervisors.control import Control
from supervisors.zygote import run_zygote

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
machine.time += YEAR
Control(ours).send("fork", run_dir=sys.argv[1], supervisor="nobody", keeper=None)
ours.shutdown(socket.SHUT_WR)
run_zygote(theirs.detach(), lambda *_: 0)
machine.runs(DOUBTED_S)
print(machine.steady() == machine.now())
"""


def test_who_is_forked_a_day_after_the_clock_has_jumped_believes_it(tmp_path):
    command = [sys.executable, "-c", FORKS_AFTER_A_JUMP, str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=50, check=True).stdout == b"True\n"


def test_crash_reports_of_a_clock_that_was_ahead_are_not_the_newest(tmp_path):
    ahead = tmp_path / "crashes" / "29990101T000000.000000Z-mind.json"
    ahead.parent.mkdir()
    ahead.write_text('{"name": "mind", "reason": "ahead"}')
    write_report(tmp_path, "mind", {"reason": "first"}, keep=2)
    assert [report["reason"] for report in read_reports(tmp_path, "mind", 9)] == ["first", "ahead"]
    write_report(tmp_path, "mind", {"reason": "second"}, keep=2)
    assert [report["reason"] for report in read_reports(tmp_path, "mind", 9)] == ["second", "first"]


def test_crash_reports_quote_the_log_and_only_the_newest_are_kept(tmp_path):
    log = log_path(tmp_path, "echo")
    log.parent.mkdir()
    log.write_text("".join(f"line {number}\n" for number in range(200)))

    paths = [write_report(tmp_path, "echo", {"reason": f"exit {number}"}, keep=3) for number in range(5)]

    assert sorted((tmp_path / "crashes").iterdir()) == paths[2:]
    report = json.loads(paths[-1].read_text())
    assert report["reason"] == "exit 4"
    assert report["log"][-1] == "line 199"
    assert len(report["log"]) == 50


def test_a_log_file_is_rotated_and_three_old_ones_are_kept(tmp_path):
    log = LogFile()
    log.open(tmp_path / "logs" / "echo.log")
    line = "x" * 1_000_000 + "\n"

    for _ in range(55):
        log(line)
    log.close()

    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["echo.log", "echo.log.1", "echo.log.2", "echo.log.3"]
    assert all(path.stat().st_size < 12_000_000 for path in (tmp_path / "logs").iterdir())


ZYGOTE = """
import socket, sys
from supervisors.control import Control
control = Control(socket.socket(fileno=int(sys.argv[2])))
control.send("hello")
for _ in range(5):
    assert control.receive()
"""
"""It makes no spares, and leaves after the fifth order."""


async def test_a_spare_that_dies_before_it_arrives_is_ordered_again(tmp_path, monkeypatch):
    monkeypatch.setattr("supervisors.spares.ARRIVAL_S", 0.05)
    left = asyncio.Event()
    spares = Spares([sys.executable, "-c", ZYGOTE], tmp_path, 1, Reaper())
    spares.open()
    spares.zygote.on_end = lambda _: left.set()
    spares.take(lambda _: None)

    await asyncio.wait_for(left.wait(), 10)
    spares.close()


async def test_a_spare_that_comes_after_the_one_that_was_ordered_in_its_place_is_sent_away(tmp_path):
    reaper = Reaper()
    spares = Spares([sys.executable, "-c", ZYGOTE], tmp_path, 1, reaper)
    first, second = (Process(process.pid, os.pidfd_open(process.pid), reaper) for process in (idle(), idle()))
    left = asyncio.Event()
    second.on_end = lambda _: left.set()
    for process in (first, second):
        spares.arrived(process)

    await asyncio.wait_for(left.wait(), 60)
    assert list(spares.waiting) == [first]
    first.kill()


def idle():
    """A process that does nothing until it is killed; the reaper collects it."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    process.returncode = 0
    return process


async def test_a_zygote_that_cannot_be_started_for_want_of_processes_is_started_later(tmp_path, monkeypatch):
    refusals, started = [BlockingIOError(errno.EAGAIN, "none left")] * 2, asyncio.Event()
    left = asyncio.Event()

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            if refusals:
                raise refusals.pop()
            super().__init__(*arguments, **options)
            started.set()

    monkeypatch.setattr("supervisors.spares.subprocess.Popen", Popen)
    spares = Spares([sys.executable, "-c", ZYGOTE], tmp_path, 1, Reaper())
    spares.open()

    await asyncio.wait_for(started.wait(), 10)
    spares.zygote.on_end = lambda _: left.set()
    spares.close()
    await asyncio.wait_for(left.wait(), 10)


NO_THREAD = """
import faulthandler, resource, sys
from pathlib import Path
from supervisors.fence import hold_off

size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size, size))
hold_off(60.0, sys.stderr)
print("goes on")
"""


def test_who_can_start_no_thread_for_its_fence_goes_on_without():
    done = subprocess.run([sys.executable, "-c", NO_THREAD], capture_output=True, text=True, check=True)
    assert done.stdout == "goes on\n"
    assert "nothing ends this process if its loop hangs" in done.stderr


def test_a_supervisor_does_not_wait_for_an_up_that_does_not_read(monkeypatch):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", pipe)
        for _ in range(10_000):
            say("beat")

    with os.fdopen(reading, "rb") as heard:
        assert {bytes(line) for line in heard} == {b'{"event": "beat"}\n'}


def test_a_pid_alone_does_not_name_a_process():
    started = linux.start_time(os.getpid())

    pidfd = linux.open_pidfd(os.getpid(), started)
    assert pidfd is not None
    os.close(pidfd)
    assert linux.open_pidfd(os.getpid(), started - 1) is None


def test_a_process_may_have_a_name_that_is_no_text():
    before = Path("/proc/self/comm").read_bytes().rstrip()
    started = linux.start_time(os.getpid())
    try:
        linux.LIBC.prctl(linux.PR_SET_NAME, b"\xff) \xc3", 0, 0, 0)
        assert linux.start_time(os.getpid()) == started
        assert linux.parent_of(os.getpid()) == os.getppid()
    finally:
        linux.LIBC.prctl(linux.PR_SET_NAME, before, 0, 0, 0)


def test_ends_are_told_apart():
    def end(code):
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            return linux.end_of(os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT))

    assert end("").how == "normal"
    assert end("raise SystemExit(3)").reason == "exit 3"
    killed = end("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (killed.how, killed.reason) == ("killed", f"signal {signal.SIGKILL:d} (SIGKILL)")
    assert end("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").how == "abnormal"
    assert linux.end_of(None).how == "killed"


FULL = """
import resource, sys
from pathlib import Path
from supervisors.logs import LogFile
from transport.lock import Lock

here = Path(sys.argv[1])
log, lock = LogFile(), Lock(here / "a.lock")
log.open(here / "echo.log")
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 1 << 20))
log("lost\\n")
log("lost too\\n")
assert lock.try_acquire()
assert lock.holder is None
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
log("kept\\n")
assert Lock(lock.path).held_by_another()
"""


def test_where_nothing_can_be_written_logs_say_so_once_and_locks_are_held(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("echo.log cannot be written: File too large") == 1
    assert len(done.stderr.splitlines()) == 1
    lines = (tmp_path / "echo.log").read_text().splitlines()
    assert lines == ["2 lines before this one are lost: the disk did not take them", "kept"]
