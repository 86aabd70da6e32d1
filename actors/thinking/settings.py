"""What can be set of the thinking actor. Every field has a default that serves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Budgets", "ThinkingSettings"]

Characters = Annotated[int, Field(ge=0, le=1_000_000)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Fraction = Annotated[float, Field(gt=0, le=1)]


class Budgets(BaseModel):
    """Characters that each part of the context may take in the prompt; what does not fit is cut by score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memories: Characters = 6_000
    session: Characters = 4_000
    tensions: Characters = 1_500
    item: Characters = 1_200
    """The most that one memory, turn or tension takes of its part."""


class ThinkingSettings(BaseModel):
    """The thinking actor's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: Annotated[str, Field(max_length=100_000)] = ""
    """Text that stands first in every prompt."""

    context_deadline_s: Seconds = 0.5
    context_fraction: Fraction = 0.2
    """The context is gathered for at most `context_deadline_s`, and at most this fraction of the call's time left."""

    recall_k: Annotated[int, Field(ge=1, le=100)] = 12
    tail_turns: Annotated[int, Field(ge=0, le=200)] = 20
    """Earlier turns of the session that are looked at when the client did not send them."""

    tensions: Annotated[int, Field(ge=0, le=50)] = 4
    budgets: Budgets = Budgets()

    remember_deadline_s: Seconds = 5.0
    """How long a finished answer waits at most until memory has it on disk."""

    reserve_s: Seconds = 1.0
    reserve_fraction: Fraction = 0.1
    """Kept back from the model's time for what comes after it: the smaller of the two."""

    continuations: Annotated[int, Field(ge=0, le=10)] = 3
    """How often one answer is taken up again after the llm actor was replaced in the middle of it."""

    quotes: Annotated[int, Field(ge=1, le=50)] = 5
    """Memories that a degraded answer quotes."""

    kept_thoughts: Annotated[int, Field(ge=1)] = 20_000
    kept_days: Annotated[float, Field(gt=0)] = 30.0
    """A thought is dropped when it is older than `kept_days`, or more than `kept_thoughts` newer ones are there."""
