"""A talk's mood from its records: what memory was told to be felt in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from actors.affect.mood import Felt, mood
from actors.memory.messages import Memory
from actors.paradox.messages import MoodTold

__all__ = ["mood_of"]


def mood_of(turns: Sequence[Memory], now: datetime) -> MoodTold:
    """The mood at `now`, from the turns that were judged and said by then."""
    felt = []
    for turn in turns:
        by_user = turn.role != "assistant"
        labels = turn.affect.user if by_user else turn.affect.assistant
        if labels is not None and turn.time <= now:
            felt.append(Felt(turn.id, turn.time, labels, by_user))

    told = mood(felt, now)
    return MoodTold(labels=told.felt, valence=told.valence, strongest=told.strongest, because=told.because, turns=len(felt))
