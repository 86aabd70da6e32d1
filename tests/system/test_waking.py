"""One that was stopped wakes beside its successor, with nobody there to kill it: it ends, and nothing was done by both."""

import asyncio
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from actors.host import Host
from actors.memory.messages import List, NewMemory, Remember
from actors.system import SysPing
from tests.children import child
from transport.addresses import run_directory

ROOT = Path(__file__).parents[2]
READY_S = 90.0


def memory(data_dir):
    """A memory that stands alone."""
    command = [sys.executable, str(ROOT / "run.py"), "actor", "memory", "--data-dir", str(data_dir)]
    return child(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def told(process):
    """The line that it says next."""
    assert select.select([process.stdout], [], [], READY_S)[0]
    return process.stdout.readline().decode()


async def test_who_wakes_beside_its_successor_ends_before_that_one_writes_or_answers(short_dir):
    run_dir = run_directory(short_dir)
    fact = Remember(memories=(NewMemory(text="kept once"),))
    with memory(short_dir) as old:
        assert "ready" in told(old)
        async with Host(run_dir=run_dir, bind=False) as early:
            await early.ref("memory").ask(Remember(memories=(NewMemory(text="before"),)))
            old.send_signal(signal.SIGSTOP)
            # It lies in the old one's socket, and is read when that one wakes.
            asking = asyncio.ensure_future(early.ref("memory").ask(fact, key="once", timeout=60))
            await asyncio.sleep(0)
            # With its lock, which would keep everybody from its name.
            shutil.rmtree(run_dir)

            with memory(short_dir) as new:
                async with Host(run_dir=run_directory(short_dir), bind=False) as late:
                    pinged = await late.ref("memory").ask(SysPing(), timeout=READY_S)
                    assert pinged.pid == new.pid
                    again = asyncio.ensure_future(late.ref("memory").ask(fact, key="once", timeout=60))
                    # Its successor is there, and does not touch what the old one may still write.
                    done, _ = await asyncio.wait({asking, again}, timeout=0.5)
                    assert not done

                    old.send_signal(signal.SIGCONT)
                    pidfd = os.pidfd_open(old.pid)
                    kept = await again
                    assert (await asking).memories[0].id == kept.memories[0].id

                    assert select.select([pidfd], [], [], READY_S)[0]
                    os.close(pidfd)
                    assert old.wait() == 1
                    assert "was taken by process" in old.stdout.read().decode()
                    texts = [found.text for found in (await late.ref("memory").ask(List())).memories]
                    assert texts == ["before", "kept once"]
                    assert (await late.ref("memory").ask(SysPing())).pid == new.pid
