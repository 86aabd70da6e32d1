"""Of whom a phrase within a statement is told: "i", the noun of somebody or something else, or nobody who is named."""

from __future__ import annotations

import re

from actors.paradox.judging.words import stem, words_of

__all__ = ["holder"]

SELF = frozenset({"i", "we", "me", "us", "my", "our"})
OTHERS = words_of("he she it they you who that this everybody everyone nobody somebody someone people")
DETERMINERS = words_of("my our your his her their its the a an this that these those some every no both one another")
BEFORE_A_VERB = words_of(
    """have has had am is are was were been do does did will would can could should might must just then also always never
    usually often still even really once now already only finally actually not already almost quickly happily secretly
    both all myself himself herself themselves together and"""
)
MINE = words_of(
    """house flat home apartment room place cottage village street building shift job work hours day days diet hair teeth
    eyes sight eyesight hearing household contract car kitchen"""
)
"""What is told of these is told of whom they belong to."""

WORD = re.compile(r"[a-z][\w'-]*")
POSSESSIVE = re.compile(
    r"^(?:(?:both|with|of|at|from|in|on|after|when|lost|never) ){0,2}(?:(my|our)|(his|her|their|your|its)|([\w-]+)'s)\b"
)


def holder(text: str, phrase: re.Match[str]) -> str | None:
    """Of the speaker "i", else the stem of a noun, a pronoun, or None where the phrase does not say."""
    whose = POSSESSIVE.search(phrase[0])
    if whose:
        return "i" if whose[1] else whose[2] or stem(whose[3])
    words = WORD.findall(phrase[0])
    if words and words[0] in SELF:
        return "i"
    return doer(re.split(r"[.;:!?]|, (?:and|but|so) ", text[: phrase.start()])[-1])


def doer(clause: str) -> str | None:
    """Who does what is told next."""
    words = WORD.findall(clause)
    while words and words[-1] in BEFORE_A_VERB:
        words.pop()
    last = words[-1] if words else ""
    if last in SELF or last in OTHERS:
        return "i" if last in SELF else last
    for at in range(len(words) - 2, max(-1, len(words) - 5), -1):
        if words[at] in ("my", "our") and last in MINE:
            return "i"
        if words[at] in DETERMINERS or words[at].endswith("'s"):
            return stem(last.removesuffix("'s"))
        if words[at] in ("i", "we"):
            return "i"
    return "i" if {"i", "we"} & set(words) else None
