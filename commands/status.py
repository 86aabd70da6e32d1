"""`run.py status`: every actor of the running house as its supervisor sees it, and what those that start say themselves."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import click

from commands.house import House, with_house
from commands.send import say
from transport.errors import LatticeError
from transport.foreign import are_set_aside

__all__ = ["status", "table"]

COLUMNS = ("name", "state", "pid", "restarts", "uptime", "memory", "mailbox", "lag", "handled", "failed", "why")


SAYS_WHY_S = 1.0
"""How long `status` waits for an actor that starts to say what it does."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_house
def status(house: House, *, as_json: bool) -> None:
    """Every actor of the running house: state, pid, restarts, memory, what waits in its mailbox.

    The exit code is 1 while not all are ready.

    \b
    Examples:
      python3 run.py status
      python3 run.py status --json --data-dir /var/lib/lattice
    """
    children = asyncio.run(children_of(house))
    aside = are_set_aside(house.run_dir)
    if as_json:
        click.echo(json.dumps({"actors": children, "set_aside": aside}, indent=2))
    else:
        click.echo(table(children))
        for name in aside:
            click.echo(f"set aside in {house.run_dir}, where it stood in the way: {name}")
    sys.exit(0 if all(child["state"] == "ready" for child in children) else 1)


async def children_of(house: House) -> list[dict[str, Any]]:
    """What the supervisor knows of its children, and those that start say themselves."""
    children: list[dict[str, Any]] = (await say(house, "supervisor.children", {}, timeout=5.0))["children"]

    async def ask(name: str) -> str | None:
        told: dict[str, str | None] = await say(house, "sys.info", {}, to=name, timeout=SAYS_WHY_S)
        return told["why_not_ready"]

    return await with_reasons(children, ask)


async def with_reasons(children: list[dict[str, Any]], ask: Callable[[str], Awaitable[str | None]]) -> list[dict[str, Any]]:
    """The children, those that start with `why_not_ready`: one that recovers a database says so, and may take minutes."""
    for child in children:
        if child["state"] == "starting":
            # Who says nothing has not got so far that it could.
            with suppress(click.ClickException, LatticeError):
                child["why_not_ready"] = await ask(child["name"])
    return children


def table(children: list[dict[str, Any]]) -> str:
    """The children of `supervisor.children` for people, a line each."""
    rows = [list(COLUMNS), *(row(child) for child in children)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows)


def row(child: dict[str, Any]) -> list[str]:
    """The cells of one child in the table."""
    return [
        child["name"],
        child["state"],
        str(child["pid"] or "-"),
        str(child["restarts"]),
        f"{child['uptime_s']:.0f} s",
        f"{child['rss_bytes'] / (1 << 20):.0f} MiB",
        f"{child['mailbox']['fg']}+{child['mailbox']['bg']}",
        f"{child['loop_lag_ms']:.1f} ms",
        str(child["handled"]),
        str(child["failed"]),
        child.get("why_not_ready") or child["last_exit"] or "",
    ]
