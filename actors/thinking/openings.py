"""Openings: whether an answer begins as models begin that think aloud. Knows no actor.

A model whose template opens its reasoning in the prompt shows only at the end, by a closing tag, that all before it was
private. Of a model that nothing is known of, what begins like this is held back until that is known; what begins otherwise
streams at once.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from actors.text.sentences import straight

__all__ = ["Begins", "begins_like_reasoning"]

Begins = Literal["in_reasoning", "plainly", "unknown"]
"""How the answers of a model begin."""

OPENINGS: Final = (
    "alright, i ",
    "alright, let",
    "alright, so ",
    "alright, the ",
    "first, i ",
    "first, let",
    "first, the user",
    "here's a thinking process",
    "here is a thinking process",
    "hm,",
    "hmm",
    "i need to ",
    "i should ",
    "let me ",
    "let's ",
    "okay, i ",
    "okay, let",
    "okay, so ",
    "okay, the ",
    "okay, this ",
    "okay. ",
    "ok, i ",
    "ok, let",
    "ok, so ",
    "ok, the ",
    "so, i ",
    "so i ",
    "so, the ",
    "so the ",
    "the question ",
    "the user",
    "thinking process",
    "this is a ",
    "user asks",
    "user says",
    "user wants",
    "wait,",
    "we are asked",
    "we have to ",
    "we need to ",
    "we should ",
    "we're asked",
)
"""How DeepSeek-R1's, QwQ's, Qwen3's, Magistral's and gpt-oss's reasoning begins, in lower case. An answer may begin so too:
then it comes late, and whole, which is the lesser evil."""

SPACE: Final = re.compile(r"\s+")


def begins_like_reasoning(text: str) -> bool | None:
    """Whether it does; None where more of the text has to come first."""
    plain = straight(SPACE.sub(" ", text.lstrip())).lower()
    if any(plain.startswith(opening) for opening in OPENINGS):
        return True

    return None if any(opening.startswith(plain) for opening in OPENINGS) else False
