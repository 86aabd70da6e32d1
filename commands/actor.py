"""`run.py actor NAME`: one actor as a process of its own, without a supervisor."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from typing import Any

import click

from commands.house import House, finish_restore, step_back, with_house, with_listener_options
from commands.http_listener import open_listener
from commands.up import tell, url_of
from transport.lock import Lock

__all__ = ["actor"]


@click.command()
@click.argument("name")
@with_listener_options
@with_house
def actor(house: House, name: str) -> None:
    """Run one actor as a process of its own, without a supervisor.

    It finds the others, and they find it, through the run directory of the same --data-dir, or through [addresses].

    \b
    Example, in two terminals:
      python3 run.py actor memory --data-dir /tmp/m
      python3 run.py send memory.stats --data-dir /tmp/m
    """
    from supervisors.child import run_child
    from supervisors.control import Assignment

    composition, settings = house.composition, house.settings
    if name not in composition.actors:
        raise click.UsageError(f"there is no actor {name!r}; there are {', '.join(composition.actors)}")

    run_dir = house.prepare()
    finish_restore(house)
    lock = Lock(run_dir / f"{name}.lock")
    if lock.held_by_another():
        raise click.ClickException(
            f"{name} runs in {settings.data_dir} already (process {lock.holder}); end that one, or take another --data-dir"
        )
    # Its host takes it. Should somebody else be quicker, that is told as well, only less well.
    listener = open_listener(house) if name == "gateway" else None
    assignment = Assignment(
        name=name, incarnation=secrets.token_hex(8), epoch=1, run_dir=run_dir, data_dir=settings.data_dir, up_pid=os.getpid()
    )

    async def populate(host: Any, assignment: Assignment, sockets: list[socket.socket]) -> None:
        del sockets
        step_back(settings, assignment.name)
        await composition.start_actor(host, assignment.name, settings, listener)
        remote = getattr(settings.addresses, name)
        places = (run_dir / f"{name}.sock", remote and remote.address, listener and url_of(listener))
        where = [str(place) for place in places if place]
        tell(f"{name} is ready at {', '.join(where)}")

    sys.exit(run_child(assignment, None, lambda _: composition.make_host(settings, run_dir, assignment.incarnation), populate))
