"""References: what a Responses request names by its id alone is put back in its place before the request is read.

Responses are not kept, but what the assistant said stands in memory under its thought's name, and an item's id has that name in
it (see `Items`). Vercel's AI package refers so to every answer of a talk. Tool calls come whole, and so does all else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from actors.memory import messages as memory
from actors.thinking import messages as thinking
from gateway.errors import HttpError
from gateway.incoming import Incoming
from transport.errors import NotFound, Unavailable

__all__ = ["put_back"]

Item = dict[str, JsonValue]

MESSAGE: Final = re.compile(r"msg_([0-9a-f]{24})_\d{1,4}")
REASONING: Final = re.compile(r"rs_[0-9a-f]{24}_\d{1,4}")
AT_ONCE: Final = 16
"""Answers that memory is asked for at once, of a long talk."""


async def put_back(call: Incoming, items: Sequence[Item]) -> list[Item]:
    """The items, with the assistant's own words where a message of theirs was referred to.

    What was thought in private is left out, as it is where it comes whole; and so is what nobody has any more: an answer that
    was forgotten, a refusal, a notice that no model could be reached.

    Raises:
        HttpError: 404, nobody knows of it; 400, the talk was kept out of memory.
        Unavailable: memory is still to be told of it.
    """
    named = {str(item.get("id")): f"input[{number}].id" for number, item in enumerate(items) if is_reference(item)}
    if not named:
        return list(items)

    room = asyncio.Semaphore(AT_ONCE)

    async def found(reference: str, where: str) -> str | None:
        async with room:
            return await words_of(call, reference, where)

    asking = {reference: asyncio.ensure_future(found(reference, where)) for reference, where in named.items()}
    try:
        await asyncio.gather(*asking.values())
    finally:
        for task in asking.values():
            task.cancel()

    return [in_place(asking[str(item.get("id"))].result()) if is_reference(item) else item for item in items]


def in_place(words: str | None) -> Item:
    """The item that stands where a reference stood. One of reasoning is passed over; so the others keep their places."""
    return {"type": "reasoning"} if words is None else {"type": "message", "role": "assistant", "content": words}


def is_reference(item: Item) -> bool:
    """Whether an item is an id alone. OpenAI lets the word for it be left out."""
    return item.get("type") == "item_reference" or (item.get("type") is None and item.keys() <= {"type", "id"})


async def words_of(call: Incoming, reference: str, where: str) -> str | None:
    """What the assistant said there; None where it is to be left out."""
    if REASONING.fullmatch(reference):
        return None

    message = MESSAGE.fullmatch(reference)
    if message is None:
        raise unknown(404, where)

    thought_id = f"th_{message[1]}"
    try:
        answer: memory.Found = await call.look_up(memory.GetAnswer(namespace=call.namespace, key=f"{thought_id}:answer"))
    except NotFound:
        await check_left_out(call, thought_id, where)
        return None

    return answer.memory.text


async def check_left_out(call: Incoming, thought_id: str, where: str) -> None:
    """Refuse to leave out an answer that memory does not have, where the talk would be another one without it."""
    try:
        thought: thinking.ThoughtRecord = await call.look_up(
            thinking.GetThought(namespace=call.namespace, thought_id=thought_id)
        )
    except NotFound:
        raise unknown(404, where) from None

    if any(part.startswith("memory.") for part in thought.missing):
        raise Unavailable("memory is still to be told what was said before", retry_after_ms=1000)
    if not thought.memories and not thought.degraded:
        raise unknown(400, where)


def unknown(status: int, where: str) -> HttpError:
    """An answer that cannot be found, and what to do about it."""
    said = "this answer is not known here; send the item itself (Vercel's AI package does with `store: false`)"
    return HttpError(status, "not_found" if status == 404 else "invalid", f"{where}: {said}", param=where)
