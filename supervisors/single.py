"""`--single-process`: the same actors under the same strategies in one process and one host."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger

from actors.host import Host
from actors.supervision import Child as ChildView
from supervisors.actor import Supervisor
from supervisors.control import Assignment
from supervisors.in_process import InProcessChildren, Stage
from supervisors.lines import describe
from supervisors.logs import log_to_file
from supervisors.notify import Notifier
from supervisors.service import Service
from supervisors.spec import ChildSpec, SupervisorSpec

__all__ = ["run_single"]

BEAT_S = 1.0
"""Between two signs of life to the service manager: nobody else sees that this loop hangs."""

NO_RELOAD = "in one process the settings are read at the start only: end this house and start it again"


def run_single(
    spec: SupervisorSpec,
    *,
    run_dir: Path,
    data_dir: Path,
    make_host: Callable[[], Host],
    start: Callable[[Host, ChildSpec], Awaitable[Any]],
    on_line: Callable[[str], None],
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Run all children as actors of this process until SIGTERM or SIGINT drains them (exit code 0) or they give up (1).

    A second signal ends the process at once (1); nothing acknowledged is lost then either. SIGHUP drains as well where there is
    a terminal, which was closed then. Where there is none it asks for the settings to be read again, which one process
    cannot do: that is said, and it goes on.

    Args:
        spec: the children and the rules.
        run_dir: sockets and locks.
        data_dir: logs and crash reports.
        make_host: builds the host; in the loop.
        start: starts the actor of a child spec in the host.
        on_line: gets a line for each change worth a person's eye.
        on_ready: called once, when all children are ready for the first time.
    """
    log_to_file(Assignment(name="lattice", incarnation="", epoch=1, run_dir=run_dir, data_dir=data_dir, up_pid=0))
    return asyncio.run(_run(spec, data_dir=data_dir, make_host=make_host, start=start, on_line=on_line, on_ready=on_ready))


async def _run(
    spec: SupervisorSpec,
    *,
    data_dir: Path,
    make_host: Callable[[], Host],
    start: Callable[[Host, ChildSpec], Awaitable[Any]],
    on_line: Callable[[str], None],
    on_ready: Callable[[], None],
) -> int:
    loop = asyncio.get_running_loop()
    told = stopping = False
    service = Service(Notifier())

    def beat() -> None:
        service.alive()
        loop.call_later(BEAT_S, beat)

    def changed(child: ChildView) -> None:
        service.child(child.name, child.state)
        if child.state != "starting":
            on_line(
                describe(name=child.name, state=child.state, pid=child.pid, restarts=child.restarts, last_exit=child.last_exit)
            )
        tell_when_all_are_ready()

    def tell_when_all_are_ready() -> None:
        nonlocal told
        if not told and supervision.all_ready:
            told = True
            service.ready()
            on_ready()

    async with make_host() as host:
        stage = Stage(host, data_dir, start)
        family = InProcessChildren(spec, stage, on_change=changed)
        supervision = family.supervision

        def stop() -> None:
            nonlocal stopping
            if stopping:
                on_line("killed at the second signal")
                os._exit(1)

            stopping = True
            service.stopping()
            on_line("draining; once more to kill")
            supervision.shutdown("told to stop")

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        hung_up = stop if sys.stdin.isatty() else partial(on_line, NO_RELOAD)
        loop.add_signal_handler(signal.SIGHUP, hung_up)

        beat()
        await host.start_actor(Supervisor, supervision, supervision.start, data_dir=data_dir)
        tell_when_all_are_ready()
        finish = await supervision.finished

    logger.info("finished", reason=finish.reason)
    if finish.gave_up:
        service.gave_up(finish.reason)
        on_line(f"giving up: {finish.reason}")

    return 1 if finish.gave_up else 0
