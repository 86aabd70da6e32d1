"""What SIGHUP makes `up` run: the settings are read again, and those actors restarted whose own have changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from commands.house import House, with_house, with_listener_options
from transport.errors import LatticeError

__all__ = ["changed_actors", "reload"]

FIXED = ("data_dir", "addresses", "gateway.host", "gateway.port")
"""Where the house is. Who wants it elsewhere starts it there."""

RESTART_S = 60.0


@click.command(hidden=True)
@click.argument("run_dir", type=click.Path(path_type=Path))
@with_listener_options
@with_house
def reload(house: House, run_dir: Path) -> None:
    """Read the settings again. What is wrong with them is said, and then nothing changes."""
    composition = house.composition
    before = composition.read_settings(run_dir)
    names = changed_actors(before, house.settings, composition.actors)
    composition.write_settings(house.settings, run_dir)

    async def take_over(supervisor: Any) -> None:
        try:
            await apply(house, supervisor, names)
        except LatticeError:
            # No actor has them: the next reload is to find that they have changed.
            composition.write_settings(before, run_dir)
            raise

    asyncio.run(house.with_actor("supervisor", take_over))


def changed_actors(before: Any, after: Any, actors: tuple[str, ...]) -> list[str]:
    """The actors whose settings differ.

    Raises:
        click.ClickException: something differs that cannot change while the house runs.
    """
    for place in FIXED:
        old, new = before, after
        for step in place.split("."):
            old, new = getattr(old, step), getattr(new, step)
        if old != new:
            raise click.ClickException(f"{place} cannot change while the house runs: stop it and start it; nothing was changed")

    # Limits are a process's, and hold from its start on.
    every = before.limits != after.limits
    return [name for name in actors if every or getattr(before, name) != getattr(after, name)]


async def apply(house: House, supervisor: Any, names: list[str]) -> None:
    """The rules first, then one actor after another: requests wait meanwhile, none fails.

    The settings are laid down by then, so that a second reload would find nothing new: whoever does not come up is named, and
    the others go on.

    Raises:
        click.ClickException: one did not come up.
    """
    from actors.supervision import Reconfigure, RestartChild

    await supervisor.ask(Reconfigure(spec=house.composition.spec(house.settings)))
    down = []
    for name in names:
        try:
            await supervisor.ask(RestartChild(name=name), timeout=RESTART_S)
        except LatticeError as error:
            click.echo(f"{name:<12} {error.message}")
            down.append(name)
        else:
            click.echo(f"{name:<12} runs with its new settings")
    if down:
        again = ", ".join(f"`python3 run.py restart {name}`" for name in down)
        raise click.ClickException(f"not all run with their new settings; when that is mended: {again}")
    if not names:
        click.echo("no actor's settings have changed")
