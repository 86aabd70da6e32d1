"""`python -m tests.thinking.part HOME NAME [URL]`: one real actor in a process of its own, until its standard input ends.

Its disk refuses what a test says where the environment names a file to say it in.
"""

import asyncio
import os
import sys
from pathlib import Path

from actors.host import Host
from chaos.shims.told import PLACE
from chaos.shims.vfs import Disk
from tests.thinking.house import start
from transport.addresses import run_directory


async def main(home: Path, name: str, url: str) -> None:
    async with Host(run_dir=run_directory(home)) as host:
        await start(host, name, home / "data", url=url or None)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    disk = Disk() if PLACE in os.environ else None
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
