"""`run.py restart`: drain an actor of the running house and start it anew, or one after the other all."""

from __future__ import annotations

import asyncio

import click

from commands.house import House, with_house
from commands.send import say
from commands.status import table

__all__ = ["restart"]


@click.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="All actors, one after the other.")
@with_house
def restart(house: House, name: str | None, *, every: bool) -> None:
    """Drain an actor and start it anew; returns once it is ready. Requests wait meanwhile, none fails.

    \b
    Examples:
      python3 run.py restart memory
      python3 run.py restart --all        a rolling restart
    """
    if (name is None) is not every:
        raise click.UsageError("name one actor, or say --all")

    asyncio.run(restart_each(house, [name] if name is not None else None))


async def restart_each(house: House, names: list[str] | None) -> None:
    """Restart these, or all in the order in which they start, each once the one before is ready again."""
    if names is None:
        names = [child["name"] for child in (await say(house, "supervisor.children", {}, timeout=5.0))["children"]]

    for name in names:
        child = (await say(house, "supervisor.restart", {"name": name}, timeout=60.0))["child"]
        click.echo(table([child]) if len(names) == 1 else f"{name:<12} ready, process {child['pid']}")
