"""`python -m tests.daemon.part HOME TIME DIES WHEN SETTINGS`: the daemon, which kills itself at its n-th write under a run."""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from actors.clock import ManualClock
from actors.daemon import actor
from actors.daemon.store import Store
from actors.host import Host
from tests.daemon.house import settings
from transport.addresses import run_directory


class Mortal(Store):
    dies = 0
    when = "before"
    writes = 0

    async def commit(self, *args, **kwargs):
        Mortal.writes += 1
        last = self.writes == self.dies
        if last and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = await super().commit(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


async def main(home: Path, at: str, dies: int, when: str, changes: dict) -> None:
    Mortal.dies, Mortal.when = dies, when
    actor.Store = Mortal
    clock = ManualClock(datetime.fromisoformat(at))
    async with Host(run_dir=run_directory(home)) as host:
        await host.start_actor(actor.Daemon, settings(attempts=100, **changes), data_dir=home / "data", clock=clock)
        # Ends with whoever started it.
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4], json.loads(sys.argv[5])))
