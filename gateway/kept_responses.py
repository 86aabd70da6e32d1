"""Responses that were kept: read, deleted, and gone on from by `previous_response_id`. It is thinking that keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import Field, JsonValue
from pydantic_core import to_json

from actors.thinking.messages import DeleteResponse, GetResponse, KeptResponse, ResponsesFound
from gateway.bodies import NamespaceQuery
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.response_events import Items, RequestEcho, response, response_id, text_part
from gateway.route import Routes
from transport.errors import Invalid, NotFound

__all__ = ["TalkBefore", "routes", "talk_before"]

routes = Routes("Chat")

Turn = dict[str, JsonValue]

RESPONSE: Final = re.compile(r"resp_([0-9a-f]{24})")

NO_MODEL: Final = ("memory", "cannot")
"""Rungs whose answer is a notice that no model could be reached: a model is not told that it said so."""


@dataclass(frozen=True, slots=True)
class TalkBefore:
    """What a request goes on from: nothing, where it names no response."""

    thought_id: str | None = None
    session: str | None = None
    turns: tuple[Turn, ...] = ()


async def talk_before(call: Incoming, previous: str | None) -> TalkBefore:
    """The talk up to a response that was kept, in the internal form.

    Raises:
        HttpError: 400 in OpenAI's words, it or a response that it follows is not kept (any more); 413, the talk is too large.
        Unavailable: memory cannot be asked whether it has forgotten what is told there.
    """
    if not previous:
        return TalkBefore()

    named = RESPONSE.fullmatch(previous)
    if named is None:
        raise nothing_to_go_on_from(previous)

    before = GetResponse(namespace=call.namespace, thought_id=f"th_{named[1]}", talk=True)
    try:
        found: ResponsesFound = await call.look_up(before)
    except NotFound:
        raise nothing_to_go_on_from(previous) from None
    except Invalid as error:
        raise HttpError(413, "too_large", f"previous_response_id: {error.message}", param="previous_response_id") from None

    last = found.responses[-1].thought
    turns = tuple(turn for kept in found.responses for turn in (*kept.turns, *answer_of(kept)))
    return TalkBefore(last.thought_id, last.session, turns)


def answer_of(kept: KeptResponse) -> Iterator[Turn]:
    """What the assistant said there, as a turn. What it thought in private stays there."""
    if kept.thought.rung in NO_MODEL:
        return

    said = kept.thought.choices[0].message
    content, calls = said.get("content") or said.get("refusal") or None, said.get("tool_calls")
    if content or calls:
        yield {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}


class InputQuery(NamespaceQuery):
    """A page of a response's input."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: Annotated[str, Field(max_length=256)] | None = None


@routes.get("/v1/responses/{id}")
async def get(call: Incoming, query: NamespaceQuery) -> web.StreamResponse:
    """A response that was kept, as it was answered."""
    del query
    kept = (await found(call, talk=False))[-1]
    told = response(kept.thought.model_copy(update={"kept": True}), RequestEcho.of(kept.asked), kept.thought.created or 0)
    return as_json(told)


@routes.delete("/v1/responses/{id}")
async def delete(call: Incoming, query: NamespaceQuery) -> web.StreamResponse:
    """Delete a response that was kept, with its input: for good, and from the files. What memory holds of it stays there."""
    del query
    thought_id = thought_of(call)
    try:
        await call.ask(DeleteResponse(namespace=call.namespace, thought_id=thought_id))
    except NotFound:
        raise not_kept(call) from None
    return as_json({"id": response_id(thought_id), "object": "response", "deleted": True})


@routes.get("/v1/responses/{id}/input_items")
async def input_items(call: Incoming, query: InputQuery) -> web.StreamResponse:
    """What a response was answered to, with the talk before it: latest first, or `order=asc`."""
    items: list[dict[str, Any]] = []
    responses = await found(call, talk=True)
    for kept in responses:
        items += items_of(kept.thought.thought_id, kept.turns)
        if kept is not responses[-1]:
            items += Items(kept.thought.thought_id).of(kept.thought.choices[0].message)

    if query.order == "desc":
        items.reverse()
    if query.after is not None:
        place = next((number for number, item in enumerate(items) if item["id"] == query.after), None)
        if place is None:
            raise HttpError(400, "invalid", "after: there is no such item", param="after")
        items = items[place + 1 :]

    page = items[: query.limit]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return as_json({"object": "list", "data": page, **ends, "has_more": len(items) > len(page)})


async def found(call: Incoming, *, talk: bool) -> tuple[KeptResponse, ...]:
    """The response that the path names, or its whole talk.

    Raises:
        HttpError: 404, it is not kept (any more) in this namespace.
    """
    try:
        kept: ResponsesFound = await call.ask(GetResponse(namespace=call.namespace, thought_id=thought_of(call), talk=talk))
    except NotFound:
        raise not_kept(call) from None
    return kept.responses


def thought_of(call: Incoming) -> str:
    """The thought of the response that the path names.

    Raises:
        HttpError: 404, no response has such a name.
    """
    named = RESPONSE.fullmatch(call.path("id"))
    if named is None:
        raise not_kept(call)

    return f"th_{named[1]}"


def not_kept(call: Incoming) -> HttpError:
    """What is said of a response that is not kept, in OpenAI's words."""
    return HttpError(404, "not_found", f"Response with id '{call.path('id')[:64]}' not found.", param="response_id")


def nothing_to_go_on_from(previous: str) -> HttpError:
    """What is said of a talk that is not kept, in OpenAI's words."""
    said = f"Previous response with id '{previous[:64]}' not found."
    return HttpError(400, "previous_response_not_found", said, param="previous_response_id")


def items_of(thought_id: str, turns: Sequence[Turn]) -> Iterator[dict[str, Any]]:
    """A request's turns as items of OpenAI's input, with ids that follow from the thought's."""
    stem = thought_id.removeprefix("th_")
    for number, turn in enumerate(turns):
        end = f"{stem}_i{number}"
        role, given = str(turn.get("role")), turn.get("content")
        if role == "tool":
            output = given if isinstance(given, str) else [part_of(part, role) for part in parts_in(given)]
            kept = {"call_id": turn.get("tool_call_id"), "output": output, "status": "completed"}
            yield {"type": "function_call_output", "id": f"fco_{end}", **kept}
            continue

        parts = [{"type": "text", "text": given}] if isinstance(given, str) else parts_in(given)
        if parts:
            content = [part_of(part, role) for part in parts]
            yield {"type": "message", "id": f"msg_{end}", "status": "completed", "role": role, "content": content}
        calls = turn.get("tool_calls")
        for place, one in enumerate(calls if isinstance(calls, list) else ()):
            function: Any = one.get("function") if isinstance(one, dict) else None
            if isinstance(one, dict) and isinstance(function, dict):
                named = {"call_id": one.get("id"), "name": function.get("name"), "arguments": function.get("arguments")}
                yield {"type": "function_call", "id": f"fc_{end}_{place}", **named, "status": "completed"}


def parts_in(content: JsonValue) -> list[Any]:
    """A content's parts."""
    return content if isinstance(content, list) else []


def part_of(part: dict[str, Any], role: str) -> dict[str, Any]:
    """A part of a message, as OpenAI's items have it."""
    match part.get("type"):
        case "image_url":
            image = part["image_url"]
            return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}
        case "file":
            return {"type": "input_file", **part["file"]}
        case _:
            text = str(part.get("text") or "")
            return text_part(text) if role == "assistant" else {"type": "input_text", "text": text}


def as_json(told: dict[str, Any]) -> web.Response:
    """An answer in OpenAI's form."""
    return web.Response(body=to_json(told), content_type="application/json")
