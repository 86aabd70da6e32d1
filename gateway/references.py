"""References: what a Responses request names by its id alone is put back in its place before the request is read.

What the assistant said stands in memory under its thought's name, also where its response was not kept, and an item's id has
that name in it (see `Items`). Vercel's AI package refers so to every answer of a talk. Tool calls come whole, and so does all
else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from actors.memory import messages as memory
from actors.thinking import messages as thinking
from gateway.dialect import must_be, text_in
from gateway.errors import HttpError
from gateway.incoming import Incoming
from transport.errors import NotFound, Unavailable

__all__ = ["put_back"]

Item = dict[str, JsonValue]

MESSAGE: Final = re.compile(r"msg_([0-9a-f]{24})_\d{1,4}")
REASONING: Final = re.compile(r"rs_[0-9a-f]{24}_\d{1,4}")
MOST: Final = 4095
"""Answers that a talk may refer to: it may have no more turns."""

LATE: Final = {"memory.converse", "memory.answer"}
"""Parts of a thought that memory is told afterwards where they are missing."""

AT_ONCE: Final = 16
"""Answers that memory is asked for at once, of a long talk."""


async def put_back(call: Incoming, items: Sequence[Item]) -> list[Item]:
    """The items, with the assistant's own words where a message of theirs was referred to.

    Memory has all that an answer said as one text. It stands where the answer is first referred to, whatever the item: where
    words came before and after a tool call, both are named. What was thought in private is left out, as it is where it comes
    whole; and so is what nobody has any more: an answer that was forgotten, a refusal, a notice that no model could be reached.

    Raises:
        HttpError: 404, nobody knows of it; 400, the talk was kept out of memory, or it is no reference; 413, the answers are
            larger together than a body may be.
        Unavailable: memory is still to be told of it.
    """
    places: dict[str, int] = {}
    for number, item in enumerate(items):
        thought_id = referred_to(item, f"input[{number}]") if is_reference(item) else None
        if thought_id is not None:
            places.setdefault(thought_id, number)

    must_be(len(places) <= MOST, "input", f"at most {MOST} answers can be referred to")
    words = await all_words(call, places) if places else {}
    return [in_place(words.get(number)) if is_reference(item) else item for number, item in enumerate(items)]


async def all_words(call: Incoming, places: Mapping[str, int]) -> dict[int, str | None]:
    """What was said in thoughts, by the place of each."""
    room, most = asyncio.Semaphore(AT_ONCE), call.settings.max_body_bytes
    words: dict[int, str | None] = {}
    size = 0

    async def find(thought_id: str, place: int) -> None:
        nonlocal size
        async with room:
            words[place] = answer = await words_of(call, thought_id, f"input[{place}].id")
        size += len((answer or "").encode())
        if size > most:
            said = "the answers that are referred to are larger together than a body may be"
            raise HttpError(413, "too_large", f"input: {said}", param="input")

    asking = [asyncio.ensure_future(find(thought_id, place)) for thought_id, place in places.items()]
    try:
        await asyncio.gather(*asking)
    finally:
        for task in asking:
            task.cancel()

    return words


def in_place(words: str | None) -> Item:
    """The item that stands where a reference stood. One of reasoning is passed over; so the others keep their places."""
    return {"type": "reasoning"} if words is None else {"type": "message", "role": "assistant", "content": words}


def is_reference(item: Item) -> bool:
    """Whether an item is an id alone. OpenAI lets the word for it be left out."""
    return item.get("type") == "item_reference" or (item.get("type") is None and "id" in item and item.keys() <= {"type", "id"})


def referred_to(item: Item, where: str) -> str | None:
    """The thought whose words are meant; None where it is reasoning, which is left out."""
    reference = text_in(item, "id", where)
    if REASONING.fullmatch(reference):
        return None

    message = MESSAGE.fullmatch(reference)
    if message is None:
        raise unknown(404, f"{where}.id")

    return f"th_{message[1]}"


async def words_of(call: Incoming, thought_id: str, where: str) -> str | None:
    """What the assistant said there; None where it is to be left out."""
    answer = await answer_of(call, thought_id)
    if answer is not None:
        return answer.text

    try:
        thought: thinking.ThoughtRecord = await call.look_up(
            thinking.GetThought(namespace=call.namespace, thought_id=thought_id)
        )
    except NotFound:
        raise unknown(404, where) from None

    if thought.owed:
        raise Unavailable("memory is still to be told what was said before", retry_after_ms=1000)

    missing = {part.partition(":")[0] for part in thought.missing}
    if missing & LATE:
        # It was told after the thought, maybe since it was asked.
        answer = await answer_of(call, thought_id)
        if answer is not None:
            return answer.text
        if "outbox" in missing and not thought.degraded:
            raise unknown(404, where)

        return None

    if thought.memories:
        return await said_before(call, thought.memories[-1])
    if not thought.degraded:
        raise unknown(400, where)

    return None


async def answer_of(call: Incoming, thought_id: str) -> memory.Memory | None:
    """The answer that memory knows by a thought's name."""
    try:
        found: memory.Found = await call.look_up(memory.GetAnswer(namespace=call.namespace, key=f"{thought_id}:answer"))
    except NotFound:
        return None

    return found.memory


async def said_before(call: Incoming, last: str) -> str | None:
    """The words of an answer that was given before at the same place: its record has the name of the first who gave it."""
    try:
        found: memory.Found = await call.look_up(memory.Get(namespace=call.namespace, id=last))
    except NotFound:
        return None

    return found.memory.text if found.memory.role == "assistant" else None


def unknown(status: int, where: str) -> HttpError:
    """An answer that cannot be found, and what to do about it."""
    said = "this answer is not known here; send the item itself (Vercel's AI package does with `store: false`)"
    return HttpError(status, "not_found" if status == 404 else "invalid", f"{where}: {said}", param=where)
