"""Confidences: who told in confidence what an aspect or a statement was drawn from, and is the only one to hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loguru import logger

from actors.asks import Asks
from actors.daemon.messages import Aspect
from actors.memory.messages import Confidences, GetConfidences
from transport.errors import LatticeError

__all__ = ["confidences_of", "with_tellers"]

AT_ONCE = 1000
ASK_S = 5.0


async def confidences_of(ask: Asks, namespace: str, ids: Iterable[str]) -> Confidences:
    """Who told in confidence what stands in records, of however many."""
    asked = tuple(dict.fromkeys(ids))
    told: dict[str, tuple[str, ...]] = {}
    gone: list[str] = []
    for start in range(0, len(asked), AT_ONCE):
        page = GetConfidences(namespace=namespace, ids=asked[start : start + AT_ONCE])
        reply: Confidences = await ask(page, timeout=ASK_S)
        told |= reply.told
        gone += reply.gone
    return Confidences(told=told, gone=tuple(gone))


async def with_tellers(ask: Asks, namespace: str, speakers: Mapping[str, tuple[Aspect, ...]]) -> dict[str, tuple[Aspect, ...]]:
    """A profile whose aspects name those who told them in confidence, and nowhere openly.

    How somebody writes is no secret. What was drawn from records that are all forgotten is left out: the daemon is still to
    follow. While memory gives no answer the rest is for the person alone of whom it is.
    """
    ids = [one for aspects in speakers.values() for aspect in aspects if aspect.kind != "style" for one in aspect.evidence]
    try:
        known = await confidences_of(ask, namespace, ids)
    except LatticeError as error:
        logger.info("who told something in confidence could not be asked", error=error.code)
        known = Confidences(
            told={one: (speaker,) for speaker, aspects in speakers.items() for aspect in aspects for one in aspect.evidence}
        )
    gone = frozenset(known.gone)
    left = {
        speaker: tuple(
            named(aspect, known.told, gone)
            for aspect in aspects
            if aspect.kind == "style" or not gone.issuperset(aspect.evidence)
        )
        for speaker, aspects in speakers.items()
    }
    return {speaker: aspects for speaker, aspects in left.items() if aspects}


def named(aspect: Aspect, told: Mapping[str, tuple[str, ...]], gone: frozenset[str]) -> Aspect:
    """An aspect with those who told it in confidence; with nobody where some of its evidence that is left is open."""
    left = [one for one in aspect.evidence if one not in gone]
    if aspect.kind == "style" or not all(one in told for one in left):
        return aspect
    return aspect.model_copy(update={"confided_by": tuple(sorted({teller for one in left for teller in told[one]}))})
