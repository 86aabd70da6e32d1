"""`up` alone, over a supervisor that only says that it supervises."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.children import child

ROOT = Path(__file__).resolve().parents[2]

SUPERVISOR = """
import json, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for event in ("supervising", "all_ready"):
    print(json.dumps({"event": event}), flush=True)
while True:
    signal.sigtimedwait((), 1)
    print(json.dumps({"event": "beat"}), flush=True)
"""

UP = """
import sys
from pathlib import Path
from supervisors.up import run_up

def say(line):
    print(line, flush=True)

sys.exit(
    run_up(
        [sys.executable, "-c", sys.argv[1]],
        run_dir=Path(),
        listener=None,
        on_line=say,
        on_ready=lambda: say("ALL READY"),
        reload_command=[sys.argv[2]],
    )
)
"""


def test_settings_that_cannot_be_read_again_end_no_house() -> None:
    command = [sys.executable, "-c", UP, SUPERVISOR, "/nowhere/python3"]
    with child(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert up.stdout.readline() == "ALL READY\n"
        up.send_signal(signal.SIGHUP)
        assert up.stdout.readline() == "reading the settings again\n"
        assert up.stdout.readline() == "the settings cannot be read again: No such file or directory; nothing was changed\n"
        up.send_signal(signal.SIGTERM)
        assert up.stdout.read() == "draining; once more to kill\n"
        assert up.wait(20) == 0


def test_a_house_that_is_stopped_before_its_supervisor_can_hear_of_it_has_ended_well() -> None:
    unborn = "import signal; print('importing', flush=True); signal.pause()"
    with child([sys.executable, "-c", UP, unborn, ""], cwd=ROOT, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert up.stdout.readline() == "importing\n"
        up.send_signal(signal.SIGTERM)
        assert up.stdout.read() == "draining; once more to kill\n"
        assert up.wait(20) == 0


PAUSE = """
import os, signal, sys, time
from pathlib import Path
from supervisors.up import Up

told = []
reload = [sys.executable, "-c", "print('they were read')"]
told_to = dict(on_line=told.append, on_ready=lambda: None, reload_command=reload, before_start=lambda: None)
up = Up([], Path(), None, inherited=(), **told_to)
up._catch_signals()
os.kill(os.getpid(), signal.SIGHUP)
until = time.monotonic() + 20
while len(told) < 2 and time.monotonic() < until:
    up._pause(0.5)
print(told)
"""


def test_settings_are_read_again_also_while_the_next_supervisor_is_waited_for() -> None:
    paused = subprocess.run([sys.executable, "-c", PAUSE], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    assert paused.stdout == "['reading the settings again', 'they were read']\n"


NO_ROOM = """
import errno, os, subprocess

class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        if "refused" not in os.environ:
            os.environ["refused"] = "once"
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        super().__init__(*arguments, **options)

subprocess.Popen = Popen
"""


def test_a_system_that_has_no_process_left_for_a_supervisor_is_asked_again() -> None:
    command = [sys.executable, "-c", NO_ROOM + UP, SUPERVISOR, ""]
    with child(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert up.stdout.readline().startswith(
            "no supervisor can be started: Resource temporarily unavailable; trying again in"
        )
        assert up.stdout.readline() == "ALL READY\n"
        up.send_signal(signal.SIGTERM)
        assert up.stdout.read() == "draining; once more to kill\n"
        assert up.wait(20) == 0
