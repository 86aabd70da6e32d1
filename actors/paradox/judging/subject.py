"""Whom or what a statement is about. An "I" belongs to its speaker; my sister is not me; one door is not the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from actors.paradox.judging.lexicon import FAMILIES
from actors.paradox.judging.words import stem, words_of

__all__ = ["Subject", "of", "same"]

VERBS = words_of(
    """am
    is are was were be been being do does did have has had can could will would shall should may might must live lives lived
    works worked work plays played play likes liked like loves loved love hates hated hate eats ate eat drinks
    drank drink drives
    drove drive goes went go comes came come got gets get runs ran run starts started start ends ended begins began opens opened
    closes closed takes took take makes made make says said say wants wanted want needs needed need leaves left
    leave speaks spoke
    speak reads read writes wrote write studies studied study teaches taught owns owned own keeps kept keep
    moved moves move costs
    cost paid pays pay sleeps slept sleep stands stood sits sat swims swam swim smokes smoked smoke prefers
    preferred prefer knows
    knew know thinks thought think believes believed uses used use called calls call met meet meets won wins
    win lost loses found
    finds wore wears holds held gave gives never always usually just also still only now finally bought buys
    sold sells turned turns
    became becomes beat beats grew grows broke breaks sings sang feels felt looks looked seems stays stayed
    handed pushed dropped
    slipped switched changed quit retired brings brought has not no serves served belongs contains lasts lasted arrives arrived
    ought collects"""
)
SELF = frozenset({"i", "we", "me", "my", "our", "myself"})
PRONOUNS = frozenset({"he", "she", "it", "they", "that", "this", "there", "these", "those", "you", "one", "people", "who"})
DETERMINERS = frozenset(
    {"the", "a", "an", "this", "that", "these", "those", "some", "any", "every", "no", "both", "all", "each"}
)
POSSESSIVES = frozenset({"my", "our", "your", "his", "her", "their", "its"})
OPENERS = words_of(
    """well so but and oh ah actually no nope yes yeah sorry wait now today yesterday also anyway honestly finally apparently
    obviously then okay ok hmm still"""
)
COMMON = words_of(
    """everything everyone everybody nobody nothing someone somebody something dinner lunch breakfast traffic half most many
    several few lots production release"""
)
DAYS = re.compile(r"^(on|in|at|since|after|before|as|from|with|during|when|every|last|next|by)\b[^,]{0,60}, ")


@dataclass(frozen=True, slots=True)
class Subject:
    """`kind`: self (I, we), own (my sister), thing (the front door), named, pronoun, or none found."""

    kind: Literal["self", "own", "thing", "named", "pronoun", "none"]
    head: str = ""
    modifiers: frozenset[str] = frozenset()


def of(text: str, written: str) -> Subject:
    """The subject of a normalised text's first clause; `written` is the text with its capitals."""
    return subject_of(text, frozenset(re.findall(r"\b[A-Z][\w]*", written.replace("\u2019", "'"))))


def same(old: Subject, new: Subject, speakers: tuple[str | None, str | None]) -> bool | None:
    """Whether both are about the same one: True, False, or None where it cannot be told."""
    old_voice, new_voice = ((speaker or "").casefold() for speaker in speakers)
    one_voice = not old_voice or not new_voice or old_voice == new_voice
    kinds = {old.kind, new.kind}
    if kinds == {"self"}:
        return one_voice
    if kinds == {"named", "self"}:
        return same_person(old, new, old_voice, new_voice)
    if kinds == {"named"}:
        return old.head == new.head
    if not one_voice and kinds <= {"self", "own"}:
        return False
    if kinds <= {"own", "thing"}:
        return same_thing(old, new, one_voice=one_voice)
    return None


def same_person(old: Subject, new: Subject, old_voice: str, new_voice: str) -> bool | None:
    """One is named and the other says "I": the same where that is the name of who says it."""
    name, voice = (old.head, new_voice) if old.kind == "named" else (new.head, old_voice)
    return True if name == voice else None


def same_thing(old: Subject, new: Subject, *, one_voice: bool) -> bool | None:
    """The same noun; not when told apart by other words before it, or by whose it is."""
    if old.head != new.head:
        return None
    if not one_voice and "own" in (old.kind, new.kind):
        return False
    return not (old.modifiers and new.modifiers and old.modifiers != new.modifiers)


def subject_of(text: str, capitals: frozenset[str]) -> Subject:
    words = re.findall(r"[\w'-]+|[,;:]", DAYS.sub("", text))
    while words and (words[0] in OPENERS or words[0] in {",", ";"}):
        words = words[1:]

    phrase: list[str] = []
    for word in words[:8]:
        side = word == "left" and phrase and phrase[-1] in DETERMINERS | POSSESSIVES
        if (word in VERBS and not side) or word in {",", ";", ":"}:
            break
        phrase.append(word)
    else:
        return first_word(words)

    if not phrase:
        return Subject("none")
    if "i" in phrase or (phrase[0] in SELF and phrase[0] not in POSSESSIVES):
        return Subject("self")
    if phrase[0] in PRONOUNS and len(phrase) == 1:
        return Subject("pronoun", phrase[0])

    lowered = {name.lower() for name in capitals}
    return noun_phrase(phrase, lowered)


def noun_phrase(phrase: list[str], capitals: set[str]) -> Subject:
    for preposition in ("of", "in", "at", "on", "with", "from", "for", "by"):
        if preposition in phrase[1:]:
            phrase = phrase[: phrase.index(preposition, 1)]

    nouns = [stem(word.removesuffix("'s")) for word in phrase if word not in DETERMINERS and word not in POSSESSIVES]
    if not nouns:
        return Subject("none")
    head, modifiers = nouns[-1], frozenset(nouns[:-1])
    if phrase[0] in {"my", "our"}:
        return Subject("own", head, modifiers)
    if phrase[0] not in DETERMINERS and phrase[0] not in POSSESSIVES and is_name(phrase[0], capitals) and len(phrase) == 1:
        return Subject("named", phrase[0].removesuffix("'s"))
    return Subject("thing", head, modifiers)


def is_name(word: str, capitals: set[str]) -> bool:
    """Written with a capital, and no common noun that merely opens the sentence."""
    return word.removesuffix("'s") in capitals and word not in COMMON and stem(word) not in FAMILIES


@lru_cache(maxsize=256)
def opens_with_self(word: str) -> bool:
    return word in SELF and word not in POSSESSIVES


def first_word(words: list[str]) -> Subject:
    """No verb that is known: the first word alone may still tell."""
    if words and opens_with_self(words[0]):
        return Subject("self")
    return Subject("none")
