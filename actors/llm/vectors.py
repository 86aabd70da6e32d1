"""Vectors out of an embeddings answer, checked: as many as texts, all of one length."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from actors.llm.failure import Failure
from actors.llm.messages import Usage, Vectors

ROWS = TypeAdapter(tuple[tuple[float, ...], ...])


def vectors(body: Any, *, count: int, model: str, endpoint: str) -> Vectors:
    """The vectors in the order of their texts.

    Raises:
        Failure: when the answer is not what was asked for.
    """
    try:
        if body.get("error"):
            raise Failure("an error inside the answer")

        data = sorted(body["data"], key=lambda row: row["index"])
        rows = ROWS.validate_python([row["embedding"] for row in data])
        usage = body.get("usage") or {}
        tokens = int(usage.get("prompt_tokens") or 0)
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError):
        raise Failure("its vectors have an unknown form") from None

    if len(rows) != count or len({len(row) for row in rows}) > 1:
        raise Failure(f"it gave {len(rows)} vectors for {count} texts, or of several lengths")

    usage = Usage(prompt_tokens=tokens, total_tokens=tokens)
    return Vectors(vectors=rows, model=str(body.get("model") or model)[:256], usage=usage, endpoint=endpoint)
