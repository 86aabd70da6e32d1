"""What clients say: numbered, so that each is found again, and different enough that nobody takes two for one."""

from __future__ import annotations

import random

__all__ = ["fact", "question"]

WHO = ("heron", "miller", "ferry", "orchard", "lantern", "glazier", "harbour", "beekeeper", "weaver", "lighthouse")
DOES = ("waits by", "walks past", "looks over", "belongs to", "hums near", "leans on", "points at", "rests under")
WHAT = ("the old mill", "the north gate", "the salt road", "the long table", "the river bend", "the empty stage")
WHEN = ("at dawn", "in the rain", "on market days", "after the bells", "before the frost", "when nobody calls")


def fact(rng: random.Random, name: str, number: int) -> str:
    """A fact that nobody has written before."""
    return f"{name} notes as number {number} that the {sentence(rng)}."


def question(rng: random.Random, name: str, number: int) -> str:
    """What a talk goes on with; the scripted model says it back."""
    return f"Entry {number} of {name}: the {sentence(rng)}, and that is all for now."


def sentence(rng: random.Random) -> str:
    """Somebody does something somewhere."""
    return f"{rng.choice(WHO)} {rng.choice(DOES)} {rng.choice(WHAT)} {rng.choice(WHEN)}"
