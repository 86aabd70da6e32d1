"""Confidences: what somebody told not to be passed on stays between them and the assistant.

Several people may share a memory, and hand each other the telephone. "I'm planning a surprise, don't tell her" is of use to who
said it, and the last thing to show where somebody else asks. Which records hold such things, memory says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from actors.llm.messages import ChatMessage
from actors.memory.messages import UNNAMED, Confidences, GetConfidences, Memory
from actors.paradox.messages import Paradox
from actors.runtime import AsyncActor
from actors.text.confidences import tells_in_confidence
from actors.thinking.prompt import Material
from actors.thinking.talk import ends_of, speaker_of, text_of

__all__ = ["Discretion", "confidants"]

Record = TypeVar("Record", bound=Memory)


class Discretion:
    """One thought's: what it may show to who asks, and whether that is their own confidence.

    Args:
        actor: who asks memory.
        namespace: of the thought.
        asker: the name that whoever asks goes by, None where they have none.
    """

    def __init__(self, actor: AsyncActor, namespace: str, asker: str | None) -> None:
        self.actor = actor
        self.namespace = namespace
        self.asker = asker
        self.own: set[str] = set()
        """Ids of records that the asker told in confidence, or that were drawn from that."""

    async def allowed(self, found: Sequence[Record], *, seconds: float) -> tuple[Record, ...]:
        """Those of what was found that may be shown."""
        kept = await self._kept((memory.id for memory in found), seconds)
        return tuple(memory for memory in found if memory.id not in kept)

    async def spoken_of(self, paradoxes: Sequence[Paradox], *, seconds: float) -> tuple[Paradox, ...]:
        """Those contradictions that may be spoken of: no side of them is somebody else's confidence."""
        sides = [side for paradox in paradoxes for side in (paradox.earlier, paradox.later)]
        kept = await self._kept((side.memory for side in sides), seconds)
        kept |= {side.memory for side in sides if side.keeps(self.asker)}
        return tuple(one for one in paradoxes if kept.isdisjoint({one.earlier.memory, one.later.memory}))

    def is_shown(self, material: Material) -> bool:
        """Whether what the prompt shows has a confidence of the asker's own: an answer may say it again."""
        lines = (*material.profile, *material.statements)
        sides = (side.memory for one in material.tensions for side in (one.earlier, one.later))
        return any(line.confided_by for line in lines) or not self.own.isdisjoint((*material.ids, *sides))

    async def _kept(self, ids: Iterable[str], seconds: float) -> set[str]:
        """Of records those that are not for who asks."""
        asked = tuple(dict.fromkeys(ids))
        if not asked:
            return set()

        reply: Confidences = await self.actor.ask(GetConfidences(namespace=self.namespace, ids=asked), timeout=seconds)
        kept = {name for name in asked if reply.keeps(self.asker, name)}
        self.own |= reply.told.keys() - kept
        return kept


def confidants(messages: Sequence[ChatMessage]) -> frozenset[str]:
    """Who tells something in confidence in a client's messages: an answer in that talk may say it again."""
    return frozenset(
        speaker_of(message) or UNNAMED
        for message in messages
        if message.get("role") == "user" and tells_in_confidence(ends_of(text_of(message)))
    )
