"""What texts mostly say, in their own sentences: a cycle cuts them one after the other, and stands aside between two."""

from __future__ import annotations

from collections.abc import Sequence

from actors.daemon.extract import Said, candidates, chosen
from actors.daemon.work import Work

__all__ = ["salient"]


async def salient(work: Work, said: Sequence[Said], most: int) -> list[tuple[Said, str]]:
    """At most that many sentences, in the order of the texts, each with the text that it is from; see `chosen`."""
    cut = await work.each(said, candidates)
    return chosen([found for one in cut for found in one], most)
