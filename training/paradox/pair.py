"""A training pair: an earlier statement, a later one, and how they stand to each other; and the noise of a chat."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["COMPATIBLE", "CONTRADICTION", "LABELS", "NOT_AT_ODDS", "SPEAKERS", "UNRELATED", "UPDATE", "Pair", "Told", "capital"]

LABELS = ("contradiction", "update", "compatible", "unrelated")
CONTRADICTION, UPDATE, COMPATIBLE, UNRELATED = range(4)
NOT_AT_ODDS = 4
"""Compatible or unrelated: it does not matter which, and nobody has looked."""

SPEAKERS = ("ana", "ben", "carla", "dmitri", "eve", "farid", "user", "assistant", "gus", "hana")


@dataclass(slots=True)
class Pair:
    """Two statements and what they are to each other."""

    old: str
    new: str
    label: int
    speakers: tuple[str, str] = ("user", "user")
    gap: timedelta = timedelta(days=20)


class Told:
    """How pairs are told: with the noise of a chat, after some time."""

    def __init__(self, chance: random.Random) -> None:
        self.random = chance

    def noised(self, pair: Pair) -> Pair:
        """Small letters and missing stops, as in a chat."""
        if pair.speakers == ("user", "user") and self.random.random() < 0.1:
            name = self.random.choice(SPEAKERS)
            pair.speakers = (name, name)
        for side in ("old", "new"):
            text = getattr(pair, side)
            if self.random.random() < 0.12:
                text = text.lower().rstrip(".")
            elif self.random.random() < 0.08:
                text = text.replace("'", "")
            setattr(pair, side, text)
        return pair

    def any_gap(self) -> timedelta:
        """Minutes to months."""
        return self.random.choice((self.short, self.long, self.long))()

    def short(self) -> timedelta:
        """Minutes to hours."""
        return timedelta(minutes=self.random.choice((1, 3, 10, 25, 60, 200, 500)))

    def long(self) -> timedelta:
        """A day to half a year."""
        return timedelta(days=self.random.choice((1, 2, 5, 9, 20, 40, 90, 180)))


def capital(text: str) -> str:
    """With a capital at the beginning."""
    return text[:1].upper() + text[1:]
