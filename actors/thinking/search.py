"""Search: the model looks into memory itself, in steps, before it answers. At effort "high" alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import JsonValue

from actors.llm.messages import ChatMessage
from actors.memory.messages import Recollection
from actors.thinking.answering import Answering
from actors.thinking.calls import ModelCalls
from actors.thinking.prompt import Prompt, remembered
from transport.errors import LatticeError

__all__ = ["Search"]

TOOL: Final[dict[str, JsonValue]] = {
    "type": "function",
    "function": {
        "name": "search_memory",
        "description": "Find what was said in earlier talks, by its meaning or its words.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for, in a few words."}},
            "required": ["query"],
        },
    },
}
INSTRUCTION: Final = (
    "Do not answer yet. Look up in memory what you still need for the answer with search_memory, several queries at once "
    "where they "
    "differ. When nothing more is needed, reply with the one word READY."
)
MOST_QUERIES: Final = 4
"""In one step."""

LONGEST_QUERY: Final = 500
EACH: Final = 5
"""Memories that one query adds at most."""

Look = Callable[[str], Awaitable[tuple[Recollection, ...]]]


class Search:
    """A search in steps.

    Args:
        look: asks memory for a query.
        rounds: steps at most.
        fit: the prompt's material with what was found, cut to the budget.
    """

    def __init__(self, look: Look, *, rounds: int, fit: Callable[[Prompt, list[Recollection]], Prompt]) -> None:
        self.look = look
        self.rounds = rounds
        self.fit = fit
        self.found: dict[str, Recollection] = {}
        self.queries: list[str] = []
        self.skipped: list[str] = []

    async def deepen(self, prompt: Prompt, calls: ModelCalls, left: Callable[[], float]) -> Prompt:
        """The prompt with what the model looked up. What fails is noted; the prompt stays good without it."""
        also: list[ChatMessage] = []
        given = calls.message.options.get("reasoning_effort", calls.message.effort)
        effort: dict[str, JsonValue] = {} if given is None else {"reasoning_effort": given}
        for step in range(self.rounds):
            if left() < 3 * calls.pace.seconds:
                self.skipped.append(f"search of memory, step {step + 1}: not enough time left")
                break

            tools: dict[str, JsonValue] = {**effort, "tools": [TOOL], "tool_choice": "auto"}
            answering = calls.answering(f"search-{step + 1}", stream=False, options=tools)
            try:
                await calls.whole(
                    f"search-{step + 1}",
                    answering,
                    prompt.built(INSTRUCTION, also=also),
                    seconds=left() - 2 * calls.pace.seconds,
                )
            except LatticeError as error:
                self.skipped.append(f"search of memory: {error.code}: {error.message}")
                break

            asked = wanted(answering)
            if not asked:
                break
            also += await self.results(answering, asked, prompt)

        return self.fit(prompt, list(self.found.values())) if self.found else prompt

    async def results(self, answering: Answering, asked: list[tuple[str, str]], prompt: Prompt) -> list[ChatMessage]:
        """The tool's answers, all looked up at once."""
        queries = [query for _, query in asked if query]
        self.queries += queries
        looked = await asyncio.gather(*(self.look(query) for query in queries), return_exceptions=True)
        by_query: dict[str, str] = {}
        for query, found in zip(queries, looked, strict=True):
            if isinstance(found, LatticeError):
                by_query[query] = "Memory could not be reached."
                self.skipped.append(f"search of memory: {found.code}: {found.message}")
                continue
            if isinstance(found, BaseException):
                raise found
            best = found[:EACH]
            self.found.update({memory.id: memory for memory in best if memory.id not in self.found})
            lines = [remembered(memory, prompt.budgets.item) for memory in best]
            by_query[query] = "\n".join(lines) or "Nothing was found."

        generated = answering.generated
        assert generated is not None  # noqa: S101 (it has asked for something)
        message = generated.choices[0].message
        answers: list[ChatMessage] = [
            {"role": "tool", "tool_call_id": call, "content": by_query.get(query, "The query was empty or one too many.")}
            for call, query in asked
        ]
        return [{**message, "role": "assistant"}, *answers]


def wanted(answering: Answering) -> list[tuple[str, str]]:
    """What a step wants to look up: (the tool call's id, the query); an empty query where it has none, or is one too many."""
    generated = answering.generated
    calls = generated.choices[0].message.get("tool_calls") if generated is not None and generated.choices else None
    asked: list[tuple[str, str]] = []
    for call in calls if isinstance(calls, list) else []:
        if isinstance(call, dict):
            query = query_of(call) if len(asked) < MOST_QUERIES else ""
            asked.append((str(call.get("id") or ""), query))
    return asked


def query_of(call: dict[str, Any]) -> str:
    """The query of a tool call; what models send for JSON is not always any."""
    arguments = (call.get("function") or {}).get("arguments")
    try:
        given = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        given = None
    query = given.get("query") if isinstance(given, dict) else None
    return " ".join(query.replace("\0", "").split())[:LONGEST_QUERY] if isinstance(query, str) else ""
