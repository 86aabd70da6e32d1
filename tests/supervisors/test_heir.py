"""What a killed process leaves in memory is taken back by its heir, after its end has been told."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisors import linux
from tests.children import child

PROGRAM = """
import os, signal, sys, threading
from supervisors.heir import leave_memory_to_an_heir
heir = leave_memory_to_an_heir()
held = open(sys.argv[1], "w")
threading.Thread(target=signal.pause, daemon=True).start()
print(heir, flush=True)
sys.stdin.read()
"""

KILLED = """
import os, signal, sys
from supervisors.heir import leave_memory_to_an_heir
left = int(sys.argv[1])

def look(frame, event, _):
    global left
    if frame.f_code is not leave_memory_to_an_heir.__code__:
        return None
    if event == "line":
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return look

sys.settrace(look)
leave_memory_to_an_heir()
sys.settrace(None)
"""


@pytest.fixture
def process(tmp_path):
    """A process with an heir, a second thread, and an open file; and its heir's pid."""
    with child(
        [sys.executable, "-c", PROGRAM, tmp_path / "held"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process, int(process.stdout.readline())


def ended(pidfd):
    return bool(select.select([pidfd], [], [], 10)[0])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None], ids=["killed", "terminated", "left by itself"])
def test_an_heir_ends_after_its_process_however_that_ended(process, how):
    bearer, heir = process
    pidfd = linux.open_pidfd(heir)
    assert linux.start_time(heir) is not None

    if how is None:
        bearer.stdin.close()
    else:
        bearer.send_signal(how)

    bearer.wait(10)
    assert ended(pidfd)
    os.close(pidfd)


def test_an_heir_has_the_memory_and_none_of_what_was_opened_later(process):
    bearer, heir = process
    # The bearer's second thread has its stack since: in the heir's memory, too, where that is the same.
    bearers, heirs = (Path(f"/proc/{pid}/maps").read_text() for pid in (bearer.pid, heir))
    assert heirs == bearers
    opened = {path.readlink().name for path in Path(f"/proc/{heir}/fd").iterdir()}
    assert "held" not in opened


def test_a_process_whose_heir_is_killed_goes_on(process):
    bearer, heir = process
    pidfd = linux.open_pidfd(heir)
    os.kill(heir, signal.SIGKILL)
    assert ended(pidfd)
    os.close(pidfd)
    bearer.stdin.close()
    assert bearer.wait(10) == 0


def test_no_heir_is_left_by_whoever_is_killed_while_it_makes_one():
    for line in range(100):
        # An heir has its own copy of the standard output: there is no end of it while one lives.
        done = subprocess.run([sys.executable, "-c", KILLED, str(line)], capture_output=True, timeout=20, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr

    assert 5 < line < 99
