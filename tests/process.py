"""A part of a test's house as a process of its own, which ends with the test, or kills itself before."""

import asyncio
import sys
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]


class Process:
    """`python -m MODULE ARGUMENTS`, from entering to leaving; its standard input ends with the test's process."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.command = [sys.executable, "-m", module, *arguments]
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self.process is not None
        return self.process.pid

    async def ended(self, *, within_s: float = 30) -> int:
        """Its exit status, once it has ended by itself."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), within_s)

    async def __aenter__(self) -> Self:
        self.process = await asyncio.create_subprocess_exec(*self.command, cwd=ROOT, stdin=asyncio.subprocess.PIPE)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
