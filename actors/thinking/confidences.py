"""Confidences: what somebody said not to be passed on stays between them and the assistant. Knows no actor.

Several people may share a memory, and hand each other the telephone. "I'm planning a surprise, don't tell her" is of use to who
said it, and the last thing to show where somebody else asks. Only the words themselves are gone by: a secret that is not called
one is not known for one.
"""

from __future__ import annotations

import re
from typing import Final

from actors.memory.messages import Memory
from actors.paradox.messages import Paradox
from actors.text.sentences import straight
from actors.thinking.talk import ends_of

__all__ = ["is_kept_from", "pits_a_confidence", "tells_in_confidence"]

SOMEBODY: Final = r"(?:he|she|they|[Mm]y \w+|[A-Z]\w+)"
CONFIDED: Final = re.compile(
    r"(?i:\bpss+t\b|\b(?:don't|do not|never) (?:tell(?! me\b| us\b)|mention (?:it|this|that|any of this) to"
    r"|say (?:anything|a word) to|show"
    r" (?:it|this|that) to)\b|\b(?:keep|stays?|strictly|just)\b[^.!?]{0,20}\b(?:secret|between us"
    r"|between the two of us|to yourself)\b"
    r"|\b(?:it|this|that)(?:'s| is) (?:still )?(?:a |our |my )?secret\b|\bbetween you and me\b|\bin confidence\b"
    r"|\b(?:nobody|no one) (?:must|may|should|can) (?:know|find out|hear)\b|\bwithout (?:him|her|them"
    r"|my \w+) (?:knowing|noticing)\b"
    r"|\b(?:as|plan(?:ning)?|organi[sz](?:e|ing)|it's|it is|prepar(?:e|ing)) (?:a|the) surprise\b|\bsurprise party\b)"
    rf"|\b{SOMEBODY} (?:mustn't|must not|shouldn't|may not|can't|cannot|doesn't|don't) (?:know (?:yet|about|of|that)"
    rf"|find out)\b"
)
LINE: Final = re.compile(r"^([^:\n]{1,64}): (.*)$", re.MULTILINE)
"""A line of a summary or a reflection: who said what."""

UNNAMED: Final = "user"
"""As memory calls whoever has no name."""


def tells_in_confidence(text: str) -> bool:
    """Whether a text says of itself that it is not to be passed on."""
    return CONFIDED.search(straight(ends_of(text))) is not None


def is_kept_from(asker: str | None, memory: Memory) -> bool:
    """Whether a record has what somebody else told in confidence."""
    if not tells_in_confidence(memory.text):
        return False
    if memory.speaker is not None or memory.kind == "turn":
        return (memory.speaker or UNNAMED) != (asker or UNNAMED)
    return any(speaker != (asker or UNNAMED) and tells_in_confidence(said) for speaker, said in LINE.findall(memory.text))


def pits_a_confidence(asker: str | None, paradox: Paradox) -> bool:
    """Whether a side of a contradiction is what somebody else told in confidence."""
    return any(
        (side.speaker or UNNAMED) != (asker or UNNAMED) and tells_in_confidence(side.text)
        for side in (paradox.earlier, paradox.later)
    )
