"""ChatGPT's export: `conversations.json`, a list of talks, each a tree of messages whose current branch ends at `current_node`.

Other branches (what was edited or regenerated) come too, superseded by what stands beside them. Hidden system messages do not.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime
from typing import Any

from actors.memory.formats.taken import Broken, Taken, digest, moment_of, pieces, taken

__all__ = ["is_talk", "read"]

ROLES = {"user": "user", "assistant": "assistant", "tool": "tool"}


def is_talk(value: Any) -> bool:
    """Whether this is a talk of such an export."""
    return isinstance(value, dict) and isinstance(value.get("mapping"), dict)


def read(talks: Iterator[Any]) -> Iterator[Taken]:
    """Every message of every talk."""
    for number, talk in enumerate(talks, 1):
        if is_talk(talk):
            yield from messages_of(talk, number)
        else:
            yield Broken(f"conversation {number}", "it has no mapping of messages")


def messages_of(talk: dict[str, Any], number: int) -> Iterator[Taken]:
    """A talk's messages: first the other branches, then the current one, in order."""
    mapping: dict[str, Any] = talk["mapping"]
    name = str(talk.get("conversation_id") or talk.get("id") or digest(talk.get("title"), talk.get("create_time")))
    current = branch_of(mapping, talk.get("current_node")) or list(mapping)
    placed = set(current)
    others = [node for node in mapping if node not in placed]
    times = times_of(mapping, moment_of(talk.get("create_time")))
    for node in (*others, *current):
        entry = mapping[node]
        message = entry.get("message") if isinstance(entry, dict) else None
        if not isinstance(message, dict):
            continue
        said = text_of(message)
        role = role_of(message)
        if not said or role is None:
            continue
        time = times.get(node)
        for part, text in enumerate(pieces(said)):
            yield taken(
                f"conversation {number}, message {node}",
                {
                    "text": text,
                    "role": role,
                    "speaker": role,
                    "kind": "turn" if role != "tool" and message.get("recipient", "all") in {"all", None} else "tool",
                    "session": f"chatgpt:{name}"[:256],
                    "time": time,
                    "placed": node in placed,
                    "valid_to": None if node in placed else time,
                    "metadata": metadata_of(talk, message),
                    "key": f"chatgpt:{digest(name, node, part)}",
                },
            )


def branch_of(mapping: dict[str, Any], node: Any, known: Container[str] = ()) -> list[str]:
    """The nodes from the root, or from the last that is known, to `node`; a circle ends it."""
    branch: list[str] = []
    seen = set()
    while isinstance(node, str) and node in mapping and node not in seen:
        seen.add(node)
        branch.append(node)
        if node in known:
            break
        entry = mapping[node]
        node = entry.get("parent") if isinstance(entry, dict) else None
    return branch[::-1]


def times_of(mapping: dict[str, Any], begun: datetime | None) -> dict[str, datetime | None]:
    """When each message was said: one that does not tell has the time of the one before it."""
    times: dict[str, datetime | None] = {}
    for leaf in mapping:
        before = begun
        for node in branch_of(mapping, leaf, times):
            if node not in times:
                entry = mapping[node]
                message = entry.get("message") if isinstance(entry, dict) else None
                told = moment_of(message.get("create_time")) if isinstance(message, dict) else None
                times[node] = told or before
            before = times[node] or before
    return times


def role_of(message: dict[str, Any]) -> str | None:
    """Who says it; None for what nobody saw."""
    author = message.get("author")
    metadata = message.get("metadata")
    if isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation"):
        return None
    return ROLES.get(str(author.get("role"))) if isinstance(author, dict) else None


def text_of(message: dict[str, Any]) -> str:
    """What a message says: its parts that are text, or its text; thoughts and pictures are left out."""
    content = message.get("content")
    if not isinstance(content, dict):
        return ""
    if content.get("content_type") in {"thoughts", "reasoning_recap", "user_editable_context", "model_editable_context"}:
        return ""
    parts = content.get("parts")
    if isinstance(parts, list):
        texts = [part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, str | dict)]
        return "\n".join(text for text in texts if isinstance(text, str) and text).strip()
    text = content.get("text") or content.get("result")
    return text.strip() if isinstance(text, str) else ""


def metadata_of(talk: dict[str, Any], message: dict[str, Any]) -> dict[str, str]:
    """The talk's title, and the model that answered."""
    title, metadata = talk.get("title"), message.get("metadata")
    model = metadata.get("model_slug") if isinstance(metadata, dict) else None
    found = {"source": "chatgpt", "title": title, "model": model}
    return {key: "".join(pieces(value))[:256] for key, value in found.items() if isinstance(value, str) and value}
