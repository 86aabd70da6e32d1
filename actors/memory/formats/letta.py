"""Letta's agent files (`.af`), of both forms: one agent, or lists of agents and blocks.

Messages become turns of a talk, memory blocks statements, archival passages facts. System prompts, tools' schemas and
heartbeats do not come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from actors.memory.formats.taken import Broken, Taken, digest, moment_of, pieces, taken

__all__ = ["is_agent_file", "read"]


def is_agent_file(value: Any) -> bool:
    """Whether this is an agent file."""
    if not isinstance(value, dict):
        return False
    several = isinstance(value.get("agents"), list) and isinstance(value.get("blocks"), list)
    return several or (isinstance(value.get("core_memory"), list) and isinstance(value.get("messages"), list))


def read(document: dict[str, Any]) -> Iterator[Taken]:
    """Turns, statements and facts of every agent in the file."""
    agents = document.get("agents")
    for number, agent in enumerate(agents if isinstance(agents, list) else [document], 1):
        if not isinstance(agent, dict):
            yield Broken(f"agent {number}", "it is not an object")
            continue
        name = str(agent.get("name") or agent.get("id") or number)
        yield from turns_of(agent, name)
        yield from held(agent.get("core_memory"), name, "value", "statement")
        for passages in ("passages", "archival_memory", "archival_passages"):
            yield from held(agent.get(passages), name, "text", "fact")
    yield from held(document.get("blocks"), "", "value", "statement")
    if agents is not None:
        yield from held(document.get("passages"), "", "text", "fact")


def turns_of(agent: dict[str, Any], name: str) -> Iterator[Taken]:
    """An agent's messages."""
    messages = agent.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else [], 1):
        where = f"agent {name}, message {number}"
        if not isinstance(message, dict):
            yield Broken(where, "it is not an object")
            continue
        role = message.get("role")
        own = number if message.get("id") is None else message["id"]
        for part, (kind, speaker, said) in enumerate(said_in(message)):
            for piece, text in enumerate(pieces(said)):
                yield taken(
                    where,
                    {
                        "text": text,
                        "role": "tool" if kind == "tool" else role,
                        "speaker": speaker,
                        "kind": kind,
                        "session": f"letta:{name}"[:256],
                        "time": moment_of(message.get("created_at")),
                        "metadata": {"source": "letta"},
                        "key": f"letta:{digest(name, own, message.get('created_at'), part, piece)}",
                    },
                )


def said_in(message: dict[str, Any]) -> Iterator[tuple[str, str | None, str]]:
    """Kind, speaker and text of what a message holds: an agent speaks by calling `send_message`."""
    role, name = message.get("role"), message.get("name")
    text = content_of(message)
    if role == "user":
        said = in_envelope(text)
        if said:
            yield "turn", name if isinstance(name, str) and name else "user", said
    elif role == "assistant":
        calls = message.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if (sent := sent_by(call)) is not None:
                yield "turn", "assistant", sent
        if text and not calls:
            yield "turn", "assistant", text
    elif role == "tool" and text and name != "send_message":
        yield "tool", name if isinstance(name, str) and name else None, text


def content_of(message: dict[str, Any]) -> str:
    """A message's text, whichever way it is written."""
    content = message.get("content")
    if content is None:
        content = message.get("text")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type", "text") == "text"]
        return "\n".join(text for text in texts if isinstance(text, str)).strip()
    return content.strip() if isinstance(content, str) else ""


def in_envelope(text: str) -> str:
    """What the user said: agents get it wrapped in JSON, beside heartbeats and logins that nobody said."""
    try:
        wrapped = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(wrapped, dict) or "type" not in wrapped:
        return text
    said = wrapped.get("message")
    return said.strip() if wrapped["type"] == "user_message" and isinstance(said, str) else ""


def sent_by(call: Any) -> str | None:
    """What a call of `send_message` says; None for other calls."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or function.get("name") != "send_message":
        return None
    try:
        arguments = json.loads(function.get("arguments") or "")
    except (ValueError, TypeError, RecursionError):
        return None
    said = arguments.get("message") if isinstance(arguments, dict) else None
    return said.strip() or None if isinstance(said, str) else None


def held(entries: Any, agent: str, field: str, kind: str) -> Iterator[Taken]:
    """What blocks or passages hold."""
    for number, entry in enumerate(entries if isinstance(entries, list) else [], 1):
        text = entry.get(field) if isinstance(entry, dict) else None
        if not isinstance(text, str) or not text.strip():
            continue
        label = entry.get("label")
        found = {"source": "letta", "block": label, "agent": agent}
        for piece, part in enumerate(pieces(text.strip())):
            yield taken(
                f"{kind} {number}",
                {
                    "text": part,
                    "kind": kind,
                    "time": moment_of(entry.get("created_at")),
                    "metadata": {key: value for key, value in found.items() if isinstance(value, str) and value},
                    "key": f"letta:{digest(agent, kind, entry.get('id', number), label, piece, text)}",
                },
            )
