"""`run.py send`: say something to an actor of the running house, and show what it answers."""

from __future__ import annotations

import asyncio
import importlib
import json
import math
from typing import Any

import click

from actors.message import Contract, contract_of, contracts
from commands.house import House, with_house
from transport.errors import UnknownType

__all__ = ["say", "send"]

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
