"""`run.py send`, `status`, `restart`: say something to an actor of the running house, and show what it answers."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import click

from actors.message import Contract, contract_of, contracts
from commands.house import House, with_house
from transport.errors import LatticeError, UnknownType
from transport.foreign import are_set_aside

__all__ = ["restart", "send", "status"]

MESSAGES = (
    "actors.memory.messages",
    "actors.llm.messages",
    "actors.thinking.messages",
    "actors.paradox.messages",
    "actors.daemon.messages",
    "actors.encoder.messages",
    "actors.supervision",
    "actors.system",
)
COLUMNS = ("name", "state", "pid", "restarts", "uptime", "memory", "mailbox", "lag", "handled", "failed", "why")


SAYS_WHY_S = 1.0
"""How long `status` waits for an actor that starts to say what it does."""

LONGEST_S = 604_800.0
"""A week: the most that a message's `ttl` holds."""


class Seconds(click.FloatRange):
    """A time to wait. Infinities and NaN are refused with the rest that no message can carry."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0.001, max=LONGEST_S)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, if it is one."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@click.command()
@click.argument("type_name", metavar="TYPE")
@click.argument("body", metavar="[JSON]", default="{}")
@click.option("--to", help="Actor to ask; by default the part of TYPE before the dot. Needed for sys.* types.")
@click.option("--timeout", type=Seconds(), default=30.0, show_default=True, help="Seconds.")
@click.option("--key", help="Idempotency key.")
@with_house
def send(house: House, type_name: str, body: str, *, to: str | None, timeout: float, key: str | None) -> None:
    """Say something to an actor and print its answer as JSON; of a stream, each part on a line.

    \b
    Examples:
      python3 run.py send memory.remember '{"memories": [{"text": "Ana lives in Porto"}]}'
      python3 run.py send memory.recall '{"query": "Where does Ana live?", "k": 3}'
      python3 run.py send sys.ping --to llm
    """
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise click.ClickException(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise click.ClickException("the body is nested deeper than any message may be") from error

    answer = asyncio.run(say(house, type_name, parsed, to=to, timeout=timeout, key=key))
    click.echo(json.dumps(answer, indent=2, ensure_ascii=False))


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


async def say(
    house: House, type_name: str, body: Any, *, to: str | None = None, timeout: float = 30.0, key: str | None = None
) -> Any:
    """Say one message; returns the answer's body, None for a message that is only told. Parts are printed as they come.

    Raises:
        click.ClickException: no house runs here, or what the contract or the actor has against the message.
    """
    contract = find(type_name)
    name = to or contract.actor
    if name == "sys":
        raise click.ClickException(f"every actor answers {type_name}: say which one with --to")

    async def work(ref: Any) -> Any:
        message = contract.message.parse(body)
        if contract.reply is None:
            ref.tell(message, key=key)
            return None
        if contract.part is None:
            return (await ref.ask(message, timeout=timeout, key=key)).model_dump(mode="json")

        async with ref.stream(message, timeout=timeout, key=key) as stream:
            async for part in stream:
                click.echo(part.model_dump_json())
        return stream.reply.model_dump(mode="json")

    return await house.with_actor(name, work)


def find(type_name: str) -> Contract:
    """The contract of a type; the error for an unknown one lists those that there are."""
    for module in MESSAGES:
        importlib.import_module(module)
    try:
        return contract_of(type_name)
    except UnknownType as error:
        raise click.ClickException(f"{error.message}; there are:\n  " + "\n  ".join(sorted(contracts))) from error


def table(children: list[dict[str, Any]]) -> str:
    """The children of `supervisor.children` for people, a line each."""
    rows = [list(COLUMNS), *(row(child) for child in children)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows)


def row(child: dict[str, Any]) -> list[str]:
    """One child's cells."""
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
