"""`python -m tests.paradox.part HOME DIES WHEN CLASSIFIER PAGE`: the real actor, which kills itself at its n-th write."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from actors.host import Host
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Store
from transport.addresses import run_directory


class Mortal(Store):
    dies = 0
    when = "before"
    writes = 0

    async def advance(self, *args, **kwargs) -> None:
        Mortal.writes += 1
        last = self.writes == self.dies
        if last and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await super().advance(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)


class Killable(Paradox):
    def __init__(self, settings: ParadoxSettings, data_dir: Path) -> None:
        super().__init__(settings, data_dir)
        self.store = Mortal(data_dir)


async def main(home: Path, dies: int, when: str, classifier: str, page: int) -> None:
    Mortal.dies, Mortal.when = dies, when
    async with Host(run_dir=run_directory(home)) as host:
        settings = ParadoxSettings.model_validate({"page": page, "classifier": classifier})
        await host.start_actor(Killable, settings, data_dir=home / "data")
        # Ends with whoever started it.
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])))
