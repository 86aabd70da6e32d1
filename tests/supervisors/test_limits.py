"""Each limit of a process, run into: it is refused or replaced, and says so, and the others go on."""

import asyncio
import subprocess
import sys

import pytest

from actors.system import SysMetrics
from tests.supervisors.echo_house import Say, Take
from transport.errors import DeadlineExceeded, Internal, Overloaded

LIMITS = {"memory_mb": 256, "descriptors": 128, "mailbox": 4, "calls": 12, "call_s": 4.0}


async def figures(home):
    """Used and limit by resource, as `sys.metrics` tells them."""
    told = await home.client.ref("echo").ask(SysMetrics(), timeout=10)
    return {
        metric.name: {sample.labels["resource"]: sample.value for sample in metric.samples}
        for metric in told.metrics
        if metric.name in ("lattice_used", "lattice_limit")
    }


async def test_limits_of_a_process(house):
    async with house(limits=LIMITS) as home:
        await home.ready()
        told = await figures(home)
        assert told["lattice_limit"] == {
            "memory_bytes": 256 << 20, "descriptors": 128, "mailbox_fg": 4, "mailbox_bg": 4, "calls": 12, "call_seconds": 4.0
        }  # fmt: skip
        assert set(told["lattice_used"]) == set(told["lattice_limit"])
        assert told["lattice_used"]["memory_bytes"] > 10 << 20
        assert 5 < told["lattice_used"]["descriptors"] < 100

        await a_call_takes_no_longer_than_it_may(home)
        await what_does_not_fit_into_the_mailbox_is_refused(home)
        await calls_beyond_the_limit_are_refused_and_the_process_can_still_be_asked(home)
        await descriptors_run_out_and_come_back(home)
        await memory_is_watched(home)


async def a_call_takes_no_longer_than_it_may(home):
    asked = asyncio.ensure_future(home.client.ref("echo").ask(Say(wait_s=30), timeout=20))
    while (await figures(home))["lattice_used"]["call_seconds"] == 0.0:
        assert not asked.done()
    with pytest.raises(DeadlineExceeded):
        await asked
    assert (await home.say()).text == "hello"


async def what_does_not_fit_into_the_mailbox_is_refused(home):
    # One of eight workers is left to the foreground.
    with_full_lane = await waiting(home, "bg", 7)
    with pytest.raises(Overloaded, match="lane bg") as refused:
        await home.client.ref("echo").ask(Say(), timeout=30, lane="bg")
    assert refused.value.retry_after_ms
    # The foreground has a lane of its own.
    assert (await home.say()).text == "hello"
    await given_up(home, with_full_lane, "bg")


async def calls_beyond_the_limit_are_refused_and_the_process_can_still_be_asked(home):
    in_all = await waiting(home, "fg", 8)
    assert len(in_all) == LIMITS["calls"]
    for lane in ("fg", "bg"):
        with pytest.raises(Overloaded, match="12 calls are in flight") as refused:
            await home.client.ref("echo").ask(Say(), timeout=30, lane=lane)
        assert refused.value.retry_after_ms
    assert (await figures(home))["lattice_used"]["calls"] == 13
    await given_up(home, in_all, "fg")
    assert (await home.say()).text == "hello"


async def waiting(home, lane, workers):
    """Calls that keep all workers busy and fill a lane. What comes at one moment waits before it runs: not all come at once."""
    told = []
    for count, depth in ((4, 0), (workers - 4, 0), (4, 4)):
        told += [
            asyncio.ensure_future(home.client.ref("echo").ask(Say(wait_s=30), timeout=30, lane=lane)) for _ in range(count)
        ]
        await in_flight(home, len(told), lane, depth)
    return told


async def given_up(home, told, lane):
    """Nobody waits for them any more."""
    for one in told:
        one.cancel()
    await in_flight(home, 0, lane, 0)


async def in_flight(home, calls, lane, depth):
    """Until so many calls are in flight beside the one that asks, and so many of them wait in a lane."""
    async with asyncio.timeout(LIMITS["call_s"]):
        while True:
            used = (await figures(home))["lattice_used"]
            if (used["calls"] - 1, used[f"mailbox_{lane}"]) == (calls, depth):
                return


async def descriptors_run_out_and_come_back(home):
    before = (await home.say()).pid
    with pytest.raises(Internal):
        await home.client.ref("echo").ask(Take(descriptors=200), timeout=10)
    assert (await home.say()).pid == before


async def memory_is_watched(home):
    before = await whose_end_is_watched(home)
    with pytest.raises(Internal, match="used up the memory"):
        await home.client.ref("echo").ask(Take(untouched_gib=4), timeout=10)
    await home.gone(before)
    assert (await home.say()).pid != before

    # What is eaten more slowly is seen at a heartbeat.
    before = await whose_end_is_watched(home)
    home.client.ref("echo").tell(Take(mib=280))
    await home.gone(before)
    assert (await home.say()).pid != before
    assert "limits.memory_mb is 256" in (await home.children())["echo"].last_exit


async def whose_end_is_watched(home):
    """The pid of who answers: it may have been made after all others were watched."""
    pid = (await home.say()).pid
    home.watch_all()
    return pid


GROWING = """
import sys
from pathlib import Path
from actors.host import Host
from actors.limits import ProcessLimits
from supervisors.child import run_child
from supervisors.control import Assignment

async def grow(host, assignment, sockets):
    global held
    held = b"x" * (200 << 20)

here = Path(sys.argv[1])
assignment = Assignment(
    name="growing", incarnation="1", epoch=1, run_dir=here, data_dir=here, up_pid=0, heartbeat_s=0.05
)
sys.exit(run_child(assignment, None, lambda _: Host(run_dir=here, limits=ProcessLimits(memory_mb=128)), grow))
"""


def test_who_stands_alone_and_grows_too_large_drains_and_ends_as_one_to_be_replaced(short_dir):
    done = subprocess.run(
        [sys.executable, "-c", GROWING, str(short_dir)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("limits.memory_mb is 128") == 1, done.stderr
