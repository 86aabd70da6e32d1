"""How much two statements are about the same: shared words weigh by length of the shorter, shared families weigh less."""

from __future__ import annotations

from actors.paradox.judging.reading import Reading

__all__ = ["RELATED", "overlap"]

RELATED = 0.2
"""Overlap from which statements count as being about the same; found on the project's own development set (0.1 to 0.5)."""

FAMILY_WEIGHT = 0.5


def overlap(old: Reading, new: Reading) -> float:
    """Share of the shorter statement's content that both have, in [0, 1]; words of one topic count half."""
    if not old.stems or not new.stems:
        return 0.0

    shared = old.stems & new.stems
    in_families = len(old.families & new.families)
    by_family = FAMILY_WEIGHT * min(in_families, min(len(old.stems), len(new.stems)) - len(shared))
    return min(1.0, (len(shared) + max(0.0, by_family)) / min(len(old.stems), len(new.stems)))
