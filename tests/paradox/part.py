"""`python -m tests.paradox.part HOME DIES WHEN SETTINGS`: the real actor, which kills itself at its n-th write."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from actors.host import Host
from actors.paradox import actor
from actors.paradox.messages import Paradox as Found
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Store
from transport.addresses import run_directory


class Mortal(Store):
    dies = 0
    when = "before"
    writes = 0

    async def advance(self, *args, **kwargs) -> None:
        await self.written(super().advance(*args, **kwargs))

    async def resolve(self, *args, **kwargs) -> Found:
        return await self.written(super().resolve(*args, **kwargs))

    async def paid(self, *args, **kwargs) -> None:
        await self.written(super().paid(*args, **kwargs))

    async def written(self, write):
        Mortal.writes += 1
        last = self.writes == self.dies
        if last and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        done = await write
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


async def main(home: Path, dies: int, when: str, settings: ParadoxSettings) -> None:
    Mortal.dies, Mortal.when = dies, when
    actor.Store = Mortal
    async with Host(run_dir=run_directory(home)) as host:
        await host.start_actor(actor.Paradox, settings, data_dir=home / "data")
        # Ends with whoever started it.
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], ParadoxSettings.model_validate_json(sys.argv[4])))
