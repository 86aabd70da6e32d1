"""/v1/messages/count_tokens: about how many tokens a request would have. Estimated here; no model and no tokenizer is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import Field, JsonValue
from pydantic_core import to_json

from actors.message import Data
from gateway.anthropic import PATH, MessagesBody, talk, tool
from gateway.bodies import Whole
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["estimated", "routes"]

routes = Routes("Chat")

BYTES: Final = 4
"""Of UTF-8, for a token: about right for English, and what the prompt's budgets go by too."""

TURN: Final = 4
"""Tokens around each turn."""

IMAGE: Final = 1600
"""What Anthropic counts for an image of the largest size that it does not make smaller. Sizes are not looked at here."""

DOCUMENT_BYTES: Final = 40
"""Of a document that is no text, for a token."""


class CountBody(MessagesBody):
    """Anthropic's request to count; whatever else a message may have counts for nothing."""

    max_tokens: Whole | None = Field(None, ge=1)  # type: ignore[assignment]


class CountLattice(Data):
    """What stands beside Anthropic's field."""

    estimated: bool = True


class Counted(Data):
    """Tokens of the request as it is; what Lattice would add from memory is not counted."""

    input_tokens: int
    lattice: CountLattice = CountLattice()


@routes.post(f"{PATH}/count_tokens")
async def count_tokens(call: Incoming, body: CountBody) -> Counted:
    """Estimate the tokens of a request in Anthropic's form.

    Four bytes a token, 1,600 an image: nobody is asked, and nothing is remembered. What Lattice adds from memory comes on top.
    """
    del call
    tools = [tool(one, f"tools[{number}]") for number, one in enumerate(body.tools or ())]
    return Counted(input_tokens=estimated(talk(body), tools))


def estimated(turns: Iterable[dict[str, JsonValue]], tools: list[JsonValue]) -> int:
    """Tokens of a talk in the internal form, with the tools that may be called in it."""
    size = len(to_json(tools)) if tools else 0
    more = 0
    for turn in turns:
        more += TURN
        content: Any = turn.get("content")
        parts: list[Any] = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        for part in parts:
            match part["type"]:
                case "image_url":
                    more += IMAGE
                case "file":
                    more += len(part["file"]["file_data"]) * 3 // 4 // DOCUMENT_BYTES
                case _:
                    size += len(part["text"].encode())
        if calls := turn.get("tool_calls"):
            size += len(to_json(calls))

    return more + -(-size // BYTES)
