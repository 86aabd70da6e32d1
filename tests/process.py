"""A part of a test's house as a process of its own, which ends with the test, or kills itself before."""

from __future__ import annotations

import asyncio
import os
from typing import Self

from tests.fork_server import Forked, server_for

READY_S = 90.0


class Process:
    """`python -m MODULE ARGUMENTS`, from entering to leaving; its standard input ends with the test's process.

    With `says_ready` it has started once it has printed the line "ready".
    """

    says_ready = False

    def __init__(self, module: str, *arguments: str) -> None:
        self.server = server_for(module)
        self.arguments = arguments
        self.process: Forked | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Start it, also once more after it has ended."""
        reading, self.stdin = os.pipe()
        said, stdout = os.pipe()
        try:
            self.process = await asyncio.to_thread(
                self.server.start, *self.arguments, stdin=reading, stdout=stdout if self.says_ready else None
            )
        finally:
            os.close(reading)
            os.close(stdout)
        with os.fdopen(said) as lines:
            if self.says_ready:
                line = await asyncio.wait_for(asyncio.to_thread(lines.readline), READY_S)
                assert line == "ready\n", line

    async def ended(self, *, within_s: float = 60) -> int:
        """Its exit status, once it has ended by itself."""
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, within_s)

    async def kill(self) -> None:
        """kill -9, if it still runs; returns once it is gone."""
        if self.process is None:
            return

        self.process.kill()
        await self.ended()
        self.process = None
        os.close(self.stdin)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
