"""A real house of echo actors in processes of its own; whatever a test leaves of it is ended by pidfd."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from actors.host import Host
from actors.supervision import ListChildren
from supervisors import linux
from tests.supervisors.echo_house import Say, SayOther
from tests.supervisors.echo_up import command


class EchoHouse:
    def __init__(self, root, mode="up", **spec):
        self.root = root
        self.mode = mode
        self.lines = []
        (root / "spec.json").write_text(json.dumps(spec))

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *command(self.mode, self.root), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        self.pidfds = {}
        self.client = Host(run_dir=self.root / "run", bind=False)
        (self.root / "run").mkdir(mode=0o700, exist_ok=True)
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *_):
        await self.client.__aexit__(None, None, None)
        self.watch_all()
        for pidfd in self.pidfds.values():
            linux.kill(pidfd)
            os.close(pidfd)
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()

    async def line(self, text, within_s=60):
        """The next line that holds this text."""
        async with asyncio.timeout(within_s):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line)
                sys.stdout.write(line)
                if text in line:
                    return line
        raise AssertionError(f"no line with {text!r} in {self.lines}")

    async def ready(self):
        await self.line("ALL READY")
        self.watch_all()
        return self

    def watch_all(self):
        """Open pidfds for all that there is of the house now, so that their end can be waited for."""
        for pid in (self.process.pid, *linux.descendants(self.process.pid)):
            if pid not in self.pidfds and (pidfd := linux.open_pidfd(pid)) is not None:
                self.pidfds[pid] = pidfd

    async def gone(self, *pids, within_s=30.0):
        """Wait for the end of these processes, or of all."""
        for pid in pids or tuple(self.pidfds):
            await self.end_of(self.pidfds[pid], within_s)

    async def end_of(self, pidfd, within_s):
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        loop.add_reader(pidfd, lambda: over.done() or over.set_result(None))
        try:
            async with asyncio.timeout(within_s):
                await over
        finally:
            loop.remove_reader(pidfd)

    def kill(self, pid, number=signal.SIGKILL):
        self.watch_all()
        linux.kill(self.pidfds[pid], number)

    async def children(self):
        listed = await self.client.ref("supervisor").ask(ListChildren())
        return {child.name: child for child in listed.children}

    async def say(self, text="hello", **fields):
        return await self.client.ref("echo").ask(Say(text=text, **fields), timeout=30)

    async def say_other(self, text="hello"):
        return await self.client.ref("other").ask(SayOther(text=text), timeout=30)

    def supervisor_pid(self):
        return self.called("lattice:supervisor")

    def zygote_pid(self):
        return self.called("lattice:zygote")

    def called(self, name):
        """The process of that name, as `ps` shows it; the oldest, since one that is just forked has its parent's name."""
        return min(
            (pid for pid in linux.descendants(self.process.pid) if comm(pid) == name[:15]),
            key=lambda pid: linux.start_time(pid) or 1 << 62,
        )

    def reports(self):
        return [json.loads(path.read_text()) for path in sorted((self.root / "crashes").glob("*.json"))]


def comm(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@pytest.fixture
def house(short_dir):
    """Makes an `async with`-able house; keyword arguments are its spec."""
    return lambda **options: EchoHouse(short_dir, **options)
