"""`python -m tests.thinking.part HOME NAME [URL]`: one real actor in a process of its own, until its standard input ends."""

import asyncio
import sys
from pathlib import Path

from actors.host import Host
from tests.thinking.house import start
from transport.addresses import run_directory


async def main(home: Path, name: str, url: str) -> None:
    async with Host(run_dir=run_directory(home)) as host:
        await start(host, name, home / "data", url=url or None)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
