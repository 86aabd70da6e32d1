"""`run.py send`: say something to an actor, print what it answers; and what `status` and `restart` ask the supervisor."""

from __future__ import annotations

import importlib
from typing import Any

import click

from actors.host import Host
from actors.message import Contract, contract_of, contracts
from transport.errors import LatticeError, UnknownType

MESSAGES = (
    "actors.memory.messages",
    "actors.llm.messages",
    "actors.thinking.messages",
    "actors.paradox.messages",
    "actors.daemon.messages",
    "actors.supervision",
    "actors.system",
)
COLUMNS = ("name", "state", "pid", "restarts", "uptime", "memory", "mailbox", "lag", "handled", "failed", "last exit")


async def send(
    host: Host, type_name: str, body: Any, *, to: str | None = None, timeout: float = 30.0, key: str | None = None
) -> dict[str, Any] | None:
    """Say one message; returns the answer's body, None for a message that is only told. Parts are printed as they come.

    Raises:
        click.ClickException: with what the actor, or the contract, has against it.
    """
    try:
        contract = find(type_name)
        message = contract.message.parse(body)
        ref = host.ref(to or contract.actor)

        if contract.reply is None:
            ref.tell(message, key=key)
            return None

        if contract.part is not None:
            async with ref.stream(message, timeout=timeout, key=key) as stream:
                async for part in stream:
                    click.echo(part.model_dump_json())
            reply = stream.reply
        else:
            reply = await ref.ask(message, timeout=timeout, key=key)
    except LatticeError as error:
        raise click.ClickException(f"{error.code}: {error.message}") from error

    return reply.model_dump(mode="json")


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
        child["last_exit"] or "",
    ]
