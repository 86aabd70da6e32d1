"""Traits: what the text of a record is like, whatever is asked. By rules, from the text alone; knows no query."""

from __future__ import annotations

import re

from actors.memory.search.times import says_time

__all__ = ["LONGEST", "NAMES", "QUESTION", "TELLS_TIME", "traits_of"]

QUESTION = 1
"""It ends by asking something: rather what an answer follows than the answer."""

TELLS_TIME = 2
"""It says when something was or will be."""

NAMES = 4
"""It names something: a place, a title, a person who is not just addressed."""

LONGEST = 2000
"""Characters that are looked at. A text that is longer is no turn that only asks."""

ASKS = re.compile(r"\?[\s\"'”)]*$")
QUOTED = re.compile(r"[\"“][A-Z][^\"”]+[\"”]")
PROPER = re.compile(r"\b([A-Za-z]*[a-z]) [A-Z][a-z]{2,}")
GREETINGS = ("hey", "hi", "hello", "thanks", "you", "congrats", "congratulations", "bye", "sorry", "dear", "same", "morning")
CALLS = ("oh", "wow", "woah", "yeah", "yes", "no", "sure", "ok", "okay", "and", "so", "awesome", "great", "cool")
ADDRESSING = frozenset([*GREETINGS, *CALLS])
"""After these a name is that of the one who is spoken to."""


def traits_of(text: str) -> int:
    """The traits of a text, as a sum of the constants above."""
    said = without_note(text[:LONGEST])
    asks = len(text) <= LONGEST and ASKS.search(said) is not None
    names = QUOTED.search(said) is not None or any(word.lower() not in ADDRESSING for word in PROPER.findall(said))
    return QUESTION * asks | TELLS_TIME * says_time(said) | NAMES * names


def without_note(text: str) -> str:
    """Without a note in brackets at its end ("[image]"), which the speaker did not say."""
    shown = text.rstrip()
    return shown[: shown.rfind("[")] if shown.endswith("]") and "[" in shown else text
