"""Confidences: who told in confidence what an aspect or a statement was drawn from, and is the only one to hear of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loguru import logger

from actors.asks import Asks
from actors.daemon.messages import Aspect
from actors.memory.messages import Confidences, GetConfidences
from transport.errors import LatticeError

__all__ = ["tellers", "with_tellers"]

AT_ONCE = 1000
ASK_S = 5.0


async def tellers(ask: Asks, namespace: str, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of records that hold what was told in confidence: who told it."""
    asked = tuple(dict.fromkeys(ids))
    told: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(asked), AT_ONCE):
        page = GetConfidences(namespace=namespace, ids=asked[start : start + AT_ONCE])
        reply: Confidences = await ask(page, timeout=ASK_S)
        told |= reply.told
    return told


async def with_tellers(ask: Asks, namespace: str, speakers: Mapping[str, tuple[Aspect, ...]]) -> dict[str, tuple[Aspect, ...]]:
    """A profile whose aspects name those who told them in confidence, and nowhere openly.

    How somebody writes is no secret. While memory gives no answer the rest is for the person alone of whom it is.
    """
    ids = [one for aspects in speakers.values() for aspect in aspects if aspect.kind != "style" for one in aspect.evidence]
    try:
        told = await tellers(ask, namespace, ids)
    except LatticeError as error:
        logger.info("who told something in confidence could not be asked", error=error.code)
        told = {one: (speaker,) for speaker, aspects in speakers.items() for aspect in aspects for one in aspect.evidence}
    return {
        speaker: tuple(aspect.model_copy(update={"confided_by": confided_by(aspect, told)}) for aspect in aspects)
        for speaker, aspects in speakers.items()
    }


def confided_by(aspect: Aspect, told: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Who told an aspect in confidence; nobody where some of its evidence is open."""
    if aspect.kind == "style" or not all(one in told for one in aspect.evidence):
        return ()
    return tuple(sorted({teller for one in aspect.evidence for teller in told[one]}))
