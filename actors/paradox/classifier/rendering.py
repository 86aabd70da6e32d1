"""How a pair of statements is written for the classifier: who speaks and how long after, in words; in training too."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["render"]

STAND_INS = ("Ana", "Ben", "Carla")

LONGEST = 320
"""Characters of each side that are read; the model takes 96 tokens of both."""


def render(
    old: str, new: str, speakers: tuple[str | None, str | None], times: tuple[datetime | None, datetime | None]
) -> tuple[str, str]:
    """The two texts as the model reads them."""
    first, second = old[:LONGEST], new[:LONGEST]
    early, late = speakers
    if early and late and early.casefold() != late.casefold():
        first, second = f"{called(early, late)}: {first}", f"{called(late, early, 1)}: {second}"

    before, after = times
    gap = timedelta(days=7) if before is None or after is None else after - before
    return first, f"{later(gap)}: {second}"


def called(speaker: str, other: str, number: int = 0) -> str:
    """The speaker's name, if it is one, else another: figures in it (`person88`) the model takes for what is said to differ."""
    if all(part.isalpha() for part in speaker.split()):
        return speaker
    return [name for name in STAND_INS if name.casefold() != other.casefold()][number]


def later(gap: timedelta) -> str:
    """The time between, in a word."""
    if gap <= timedelta(minutes=30):
        return "now"
    if gap <= timedelta(hours=14):
        return "today"
    if gap <= timedelta(days=3):
        return "soon"
    return "later"
