"""A talk's mood: what was felt in its turns, the recent ones counting most. Pure; explained turn by turn.

Each label's strength is an exponentially weighted mean over the turns: by age in turns and by age in time, so that a mood is
gone after a night although nothing else was said. What the assistant felt counts half: a mood is first of all the user's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.affect.labels import NEGATIVE, NEUTRAL, POSITIVE

__all__ = ["Felt", "Mood", "mood"]

TURNS = 4.0
"""Half-life in turns."""

QUIET = timedelta(hours=3)
"""Half-life in time."""

ASSISTANT = 0.5
FELT = 0.15
"""Strength from which a label is told."""


@dataclass(frozen=True, slots=True)
class Felt:
    """What was felt in a turn: label to probability."""

    turn: str
    time: datetime
    labels: Mapping[str, float]
    by_user: bool = True


@dataclass(frozen=True, slots=True)
class Mood:
    """A mood: label to strength, how good (-1 to 1, near 0 where little is felt), and how much each turn adds to the strongest.

    `strongest` is neutral where no label is worth telling.
    """

    labels: dict[str, float]
    valence: float
    strongest: str
    because: dict[str, float]

    @property
    def felt(self) -> dict[str, float]:
        """The labels that are worth telling, strongest first."""
        told = {label: value for label, value in self.labels.items() if value >= FELT and label != NEUTRAL}
        return dict(sorted(told.items(), key=lambda entry: (-entry[1], entry[0])))


def mood(turns: Sequence[Felt], now: datetime) -> Mood:
    """The mood at `now` after these turns, oldest first. Nothing felt, or too long ago: neutral."""
    weights = [
        0.5 ** ((len(turns) - 1 - number) / TURNS)
        * 0.5 ** (max(timedelta(0), now - turn.time) / QUIET)
        * (1.0 if turn.by_user else ASSISTANT)
        for number, turn in enumerate(turns)
    ]
    # Time takes away from the whole, turns only share it: an old mood is a faint one, not the same one.
    whole = sum(
        0.5 ** ((len(turns) - 1 - number) / TURNS) * (1.0 if turn.by_user else ASSISTANT) for number, turn in enumerate(turns)
    )
    strengths: dict[str, float] = {}
    for turn, weight in zip(turns, weights, strict=True):
        for label, value in turn.labels.items():
            strengths[label] = strengths.get(label, 0.0) + weight * value / whole

    told = {label: round(value, 4) for label, value in strengths.items() if round(value, 4) > 0}
    felt = {label: value for label, value in told.items() if label != NEUTRAL}
    strongest = max(felt, key=lambda label: (felt[label], label), default=NEUTRAL)
    if felt.get(strongest, 0.0) < FELT:
        strongest = NEUTRAL
    because = {
        turn.turn: round(weight * turn.labels.get(strongest, 0.0) / whole, 4)
        for turn, weight in zip(turns, weights, strict=True)
        if strongest != NEUTRAL and weight * turn.labels.get(strongest, 0.0) / whole >= 0.01
    }
    good = sum(value for label, value in told.items() if label in POSITIVE)
    bad = sum(value for label, value in told.items() if label in NEGATIVE)
    return Mood(told, round((good - bad) / max(1.0, good + bad), 4), strongest, because)
