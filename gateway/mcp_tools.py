"""What an agent can do with Lattice by the Model Context Protocol: seven tools, each a contract or two.

A tool is a function; its arguments' schema, and every description, are read from it. Knows no JSON-RPC and no HTTP.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from actors.daemon import messages as daemon
from actors.memory import messages as memory
from actors.message import Name
from actors.paradox import messages as paradox
from gateway.bodies import Moment, Number, Whole
from gateway.errors import HttpError, message_of
from gateway.incoming import Incoming
from gateway.validation import from_validation
from transport.errors import LatticeError

__all__ = ["TOOLS", "call_tool"]

MOST_PARADOXES: Final = 20


class Arguments(BaseModel):
    """What a tool takes. Fields that are not known are errors, so that a typing error is seen."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


Run = Callable[[Incoming, Any], Awaitable[Any]]

RUNS: Final[dict[str, tuple[type[Arguments], Run]]] = {}
TOOLS: Final[list[dict[str, Any]]] = []
"""As `tools/list` tells them."""


def tool(title: str, *, reads: bool = False, destroys: bool = False, again: bool = False) -> Callable[[Run], Run]:
    """Make a tool of a function.

    Args:
        title: its name for people.
        reads: it changes nothing.
        destroys: it takes something away.
        again: to do it once more changes nothing.
    """

    def made(run: Run) -> Run:
        arguments = inspect.get_annotations(run, eval_str=True)["arguments"]
        RUNS[run.__name__] = arguments, run
        TOOLS.append(
            {
                "name": run.__name__,
                "title": title,
                "description": inspect.getdoc(run),
                "inputSchema": without_titles(arguments.model_json_schema()),
                "annotations": {
                    "title": title,
                    "readOnlyHint": reads,
                    "destructiveHint": destroys,
                    "idempotentHint": reads or again,
                    "openWorldHint": False,
                },
            }
        )
        return run

    return made


def without_titles(schema: Any) -> Any:
    """A schema without what only repeats the names of its fields."""
    if isinstance(schema, dict):
        return {key: without_titles(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    return [without_titles(one) for one in schema] if isinstance(schema, list) else schema


async def call_tool(call: Incoming, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Run a tool that there is. What goes wrong is its result too, in words that whoever called it can go by."""
    arguments, run = RUNS[name]
    try:
        told = await run(call, parsed(arguments, given))
    except HttpError as error:
        return {"content": [{"type": "text", "text": error.message}], "isError": True}
    except LatticeError as error:
        return {"content": [{"type": "text", "text": message_of(error)}], "isError": True}

    text = to_json(told).decode()
    return {"content": [{"type": "text", "text": text}], "structuredContent": told, "isError": False}


def parsed(arguments: type[Arguments], given: dict[str, Any]) -> Arguments:
    """A tool's arguments.

    Raises:
        HttpError: the first that is wrong, by its name.
    """
    try:
        return arguments.model_validate(given)
    except ValidationError as error:
        raise from_validation(error, given) from None


class RememberArguments(Arguments):
    """One thing to be remembered."""

    text: memory.Text
    """What is to be remembered, in a sentence or two that can be understood alone."""

    speaker: Name | None = None
    """Who said it, or whom it is about, by name."""

    session: Name | None = None
    """The talk that it belongs to."""

    time: Moment | None = None
    """When it happened or was said, in ISO 8601; now, if it is left out."""

    kind: Literal["turn", "fact"] = "fact"
    """`fact`: something that is so. `turn`: something that was said, word for word."""

    importance: Annotated[Number, Field(ge=0, le=1)] | None = None
    """From 0, small talk, to 1, what must never be overlooked."""

    metadata: memory.Metadata | None = None
    """Whatever a program wants to find it by."""

    key: Name | None = None
    """A name of your own for it: with the same one it is remembered once, however often this is called."""


@tool("Remember")
async def remember(call: Incoming, arguments: RememberArguments) -> dict[str, Any]:
    """Remember something for later conversations. It is on disk when this answers, with the id that correct and forget take."""
    fields = arguments.model_dump(exclude_none=True)
    record = memory.NewMemory.model_validate({**fields, "session": call.session(arguments.session)})
    told: memory.Remembered = await call.ask(memory.Remember(namespace=call.namespace, memories=(record,)), key=call.write_key)
    return told.memories[0].model_dump(mode="json")


class AskerArguments(Arguments):
    """On whose behalf a tool is called."""

    asker: Name | None = None
    """Who the answer is for, by the name under which they are remembered. What others told in confidence is left out."""


class RecallArguments(AskerArguments):
    """What to look for. All filters hold at once."""

    query: Annotated[str, Field(min_length=1, max_length=16_384)]
    """A question, or what it is about, in plain words; times such as "last May" are understood."""

    k: Annotated[Whole, Field(ge=1, le=50)] = 8
    """How many memories at most."""

    speaker: Name | None = None
    """Only what this person said."""

    session: Name | None = None
    """Only what was said in this talk."""

    kinds: tuple[memory.Kind, ...] | None = None
    """Only memories of these kinds."""

    since: Moment | None = None
    """Only what happened at this time or later, in ISO 8601."""

    until: Moment | None = None
    """Only what happened before this time."""

    as_of: Moment | None = None
    """As things were known at this time."""


@tool("Recall", reads=True)
async def recall(call: Incoming, arguments: RecallArguments) -> dict[str, Any]:
    """Find what was said or noted before, best first. What no longer holds comes with `valid_to`, since when.

    What somebody told in confidence ("don't tell her") is found only where they are the `asker`.
    """
    message = memory.Recall(namespace=call.namespace, **arguments.model_dump(exclude_none=True, exclude={"asker"}))
    recalled: memory.Recalled = await call.ask(message)
    ids = tuple(found.id for found in recalled.memories)
    told: memory.Confidences = await call.ask(memory.GetConfidences(namespace=call.namespace, ids=ids))
    open_ones = [found for found in recalled.memories if not told.keeps(arguments.asker, found.id)]
    shown = {"id", "text", "passage", "speaker", "session", "time", "kind", "valid_to", "score"}
    return {"memories": [found.model_dump(mode="json", include=shown, exclude_none=True) for found in open_ones]}


class CorrectArguments(Arguments):
    """Which memory, and what it should say."""

    id: memory.Identifier
    """Of the memory, as remember and recall tell it."""

    text: memory.Text
    """What it should have said. The old text stays in its history."""


@tool("Correct", again=True)
async def correct(call: Incoming, arguments: CorrectArguments) -> dict[str, Any]:
    """Correct what a memory says, where it was wrong from the beginning. If the world has changed, remember the change."""
    message = memory.Revise(namespace=call.namespace, id=arguments.id, text=arguments.text)
    found: memory.Found = await call.ask(message, key=call.write_key)
    return found.memory.model_dump(mode="json", include={"id", "text"})


class ForgetArguments(Arguments):
    """Which memory is to be forgotten."""

    id: memory.Identifier
    """Of the memory, as remember and recall tell it."""


@tool("Forget", destroys=True, again=True)
async def forget(call: Incoming, arguments: ForgetArguments) -> dict[str, Any]:
    """Forget a memory for good, with what was concluded from it alone. Do so when its person asks for it."""
    told: memory.Forgotten = await call.ask(memory.Forget(namespace=call.namespace, ids=(arguments.id,)))
    return told.model_dump(mode="json")


@tool("Contradictions", reads=True)
async def contradictions(call: Incoming, arguments: AskerArguments) -> dict[str, Any]:
    """The open contradictions between things that were said, strongest first, each with both sides and advice.

    One of which a side was told in confidence is shown only to whoever told it, as the `asker`.
    """
    listed: paradox.Paradoxes = await call.ask(paradox.List(namespace=call.namespace, open=True, limit=MOST_PARADOXES))
    sides = [side for one in listed.paradoxes for side in (one.earlier, one.later)]
    ids = tuple({side.memory for side in sides})
    told: memory.Confidences = await call.ask(memory.GetConfidences(namespace=call.namespace, ids=ids))
    kept = {side.memory for side in sides if told.keeps(arguments.asker, side.memory) or side.keeps(arguments.asker)}
    open_ones = [one for one in listed.paradoxes if kept.isdisjoint({one.earlier.memory, one.later.memory})]
    shown = {"id", "type", "tension", "why", "advice", "earlier", "later"}
    return {"contradictions": [one.model_dump(mode="json", include=shown) for one in open_ones]}


class SettleArguments(Arguments):
    """Which contradiction, and how it ends."""

    id: Name
    """Of the contradiction."""

    keep: Literal["earlier", "later", "both", "neither"]
    """Which side holds. The other is kept as something that holds no longer."""

    reason: Annotated[str, Field(min_length=1, max_length=4096)]
    """Why; best in the words of the person who settled it."""


@tool("Settle a contradiction")
async def settle(call: Incoming, arguments: SettleArguments) -> dict[str, Any]:
    """End a contradiction once its person has said how it is."""
    message = paradox.Resolve(
        namespace=call.namespace, id=arguments.id, state="integrated", keep=arguments.keep, reason=arguments.reason
    )
    found: paradox.Found = await call.ask(message, key=call.write_key)
    return found.paradox.model_dump(mode="json", include={"id", "state"})


class ProfileArguments(AskerArguments):
    """Whose profile."""

    speaker: Name | None = None
    """By name; everybody's, if it is left out."""


@tool("Profile", reads=True)
async def profile(call: Incoming, arguments: ProfileArguments) -> dict[str, Any]:
    """What is known of the people who speak here (interests, goals, relationships), with confidence and evidence.

    What somebody told in confidence alone is left out, unless they are the `asker`.
    """
    told: daemon.Profile = await call.ask(daemon.GetProfile(namespace=call.namespace, speaker=arguments.speaker))
    open_ones = {
        speaker: shown
        for speaker, aspects in told.speakers.items()
        if (shown := tuple(one for one in aspects if memory.may_hear(arguments.asker, one.confided_by)))
    }
    return told.model_copy(update={"speakers": open_ones}).model_dump(mode="json")
