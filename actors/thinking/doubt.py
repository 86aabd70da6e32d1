"""Doubt: an intent that the classifier is not sure of is asked of a model, where the answer is worth several calls anyway."""

from __future__ import annotations

import re
from typing import Final

from actors.llm.messages import ChatMessage
from actors.thinking.calls import ModelCalls
from actors.thinking.intent import Intent
from actors.thinking.messages import INTENTS

__all__ = ["asked_of_a_model"]

QUESTION: Final = (
    "What does this message want? Reply with one of these words alone: {intents}. `mixed` only where two of them are wanted at "
    "once.\n\nThe message:\n{text}"
)
NAMED: Final = re.compile("|".join(INTENTS))
LONGEST: Final = 2_000
BELIEVED: Final = 0.8
"""The confidence of an intent that a model named. A model names something whatever it is asked."""


async def asked_of_a_model(text: str, intent: Intent, calls: ModelCalls, *, seconds: float) -> Intent | None:
    """The intent by a model's word; None where it gave none in time."""
    prompt: tuple[ChatMessage, ...] = (
        {"role": "user", "content": QUESTION.format(intents=", ".join(INTENTS), text=text[:LONGEST])},
    )
    answer = await calls.tried("intent", prompt, seconds=seconds, options={}, tags=("cheap",))
    found = NAMED.search(answer.text.lower()) if answer is not None else None
    if found is None:
        return None

    scores = {name: round(score * (1 - BELIEVED), 3) for name, score in intent.scores.items()}
    return Intent(found[0], BELIEVED, {**scores, found[0]: BELIEVED})
