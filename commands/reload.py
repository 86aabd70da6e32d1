"""What SIGHUP makes `up` run: the settings are read again, and those actors restarted whose own have changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from commands.house import House, with_house, with_listener_options
from transport.errors import LatticeError
from transport.foreign import make_way_for_file, put_file

__all__ = ["Unfinished", "changed_actors", "reload"]

FIXED = ("data_dir", "addresses", "gateway.host", "gateway.port")
"""Where the house is. Who wants it elsewhere starts it there."""

RESTART_S = 60.0


@click.command(hidden=True)
@click.argument("run_dir", type=click.Path(path_type=Path))
@with_listener_options
@with_house
def reload(house: House, run_dir: Path) -> None:
    """Read the settings again. What is wrong with them is said, and then nothing changes."""
    renew(house, run_dir)


def renew(house: House, run_dir: Path) -> None:
    """Lay the settings down, and restart those that run with others.

    Raises:
        click.ClickException: they cannot be taken over, or somebody did not come up with them.
    """
    composition = house.composition
    before = composition.read_settings(run_dir)
    changed = changed_actors(before, house.settings, composition.actors)
    unfinished = Unfinished(run_dir)
    left = unfinished.read()
    names = [name for name in composition.actors if name in changed or name in left]
    unfinished.write(names)
    composition.write_settings(house.settings, run_dir)

    async def take_over(supervisor: Any) -> None:
        try:
            await apply(house, supervisor, names, unfinished.done)
        except LatticeError:
            # No actor has them: the next reload is to find that they have changed.
            composition.write_settings(before, run_dir)
            unfinished.write(left)
            raise

    asyncio.run(house.with_actor("supervisor", take_over))


class Unfinished:
    """Who still runs with the settings before, in a file of the run directory.

    The settings are laid down first, so that whoever is killed meanwhile has them. A reload that ends between two restarts
    would leave the rest with the old ones, and the next would find nothing new.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / "reload.json"

    def read(self) -> list[str]:
        """Those whom the last reload left."""
        try:
            make_way_for_file(self.path)
            names = json.loads(self.path.read_bytes())
        except (FileNotFoundError, ValueError):
            return []

        return [str(name) for name in names] if isinstance(names, list) else []

    def write(self, names: Sequence[str]) -> None:
        """Say who they are now; nobody: the file goes.

        Raises:
            click.ClickException: the disk takes nothing.
        """
        try:
            if not names:
                self.path.unlink(missing_ok=True)
                return

            put_file(self.path, json.dumps(names).encode())
        except OSError as error:
            raise click.ClickException(f"{self.path} cannot be written: {error.strerror}") from error

    def done(self, name: str) -> None:
        """Somebody has the new settings."""
        self.write([other for other in self.read() if other != name])


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


async def apply(house: House, supervisor: Any, names: list[str], done: Callable[[str], None]) -> None:
    """The rules first, then one actor after another: requests wait meanwhile, none fails.

    Whoever does not come up is named, and the others go on.

    Args:
        house: with the settings as they are now.
        supervisor: a reference to it.
        names: whom to restart.
        done: told of each that has its new settings.

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
            done(name)
            click.echo(f"{name:<12} runs with its new settings")
    if down:
        again = ", ".join(f"`python3 run.py restart {name}`" for name in down)
        raise click.ClickException(f"not all run with their new settings; when that is mended: {again}")
    if not names:
        click.echo("no actor's settings have changed")
