"""What turns say of the people who speak, without a model: whom they know, what they are after, how they talk. Pure.

English only; in other languages it finds little and claims nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from actors.daemon.endings import GIVEN_UP, Ending, endings
from actors.daemon.extract import content
from actors.daemon.interests import interests_in, names_in
from actors.daemon.own_words import own_sentences, own_words
from actors.text.months import MONTHS

__all__ = [
    "Plan",
    "Reading",
    "Relationship",
    "goals",
    "plans",
    "read",
    "recurring",
    "relationships",
    "style",
]

RELATIVES: Final = (
    "mother|mom|mum|father|dad|sister|brother|wife|husband|partner|girlfriend|boyfriend|fiancee?|son|daughter|aunt|uncle|cousin"
    "|niece|nephew|grand(?:mother|father|ma|pa|son|daughter)|friend|best friend|boss|colleague|coworker|neighbou?r|roommate"
    "|flatmate|teacher|therapist|doctor|dog|cat"
)
NAME: Final = r"[^\W\d_]+(?:-[^\W\d_]+)*(?:'(?!s\b)[^\W\d_]+)?"
TITLE: Final = r"(?:Dr|Prof|Mr|Mrs|Ms|Miss)\.? "
RELATIONSHIP = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur|I have an?|I've got an?) (?:(?:older|younger|little|big|twin|new|old|dear) )?"
    rf"((?:ex-)?(?:{RELATIVES})(?:-in-law)?)\b"
    rf"(?:(?:,? (?:is called |is named |named |called )?|'s name is )((?:{TITLE})?{NAME}))?"
)
SEVERAL: Final = {
    "sons": "son",
    "daughters": "daughter",
    "kids": "child",
    "children": "child",
    "twins": "twin",
    "boys": "son",
    "girls": "daughter",
    "brothers": "brother",
    "sisters": "sister",
    "cats": "cat",
    "dogs": "dog",
    "friends": "friend",
    "cousins": "cousin",
}
GROUP = re.compile(
    rf"\b(?:[Mm]y|[Oo]ur|[Tt]wo|[Tt]hree|[Ff]our|have|got)(?: \w+)?? ({'|'.join(SEVERAL)})"
    rf"(?:,|:|,? called|,? named| are)? ({NAME}(?:(?:, and |,? and |, ){NAME})*)"
)
"""Several people or animals of somebody's, by name."""

IN_TURN = re.compile(rf"\b(?:{'|'.join(SEVERAL)}):(.*)")
EACH = re.compile(rf"(?:^|,|\band) (?P<name>{NAME}) (?:is|was|\d|\()")
"""Of whom it is said one after the other what they are: "two kids: Ida is 4, Emil is 2"."""

GOAL = re.compile(
    r"\bI(?:'m| am|'d| would|'ve| have)? (?:really |also |still |always )?(?:wan(?:t|ted)|hop(?:e|ing)|plan(?:ning)?|intend"
    r"|aim(?:ing)?|love|like|sav(?:e|ing) (?:up )?(?:for|to)|train(?:ing)? for|learn(?:ing)?(?: how)?|dream(?:ing)?"
    r"|work(?:ing)? (?:on|towards?)|decided|prepar(?:e|ing) for|stud(?:y|ying) for|try(?:ing)?)\b(?: to| of| for| on)?\s+\w+",
)
# Liking something is a taste, no aim: "I like to", "I love to" are left out, "I'd like to", "I would love to" are not.
TASTE = re.compile(r"\bI (?:really |also |always )?(?:love|like)\b")
# What somebody wants of the assistant, or thought that they would do here, is no aim of theirs.
OF_YOU = re.compile(
    r"\bI(?:'d| would)? (?:like|love|want|need) (?:you|your)\b|\b(?:thought|figured|guessed) I(?:'d| would|'ll)\b"
)
UNREAL = re.compile(r"\b(?:if|wish|imagine|suppose|used to|wanted|joking|kidding)\b", re.IGNORECASE)
NEGATED = re.compile(r"\b(?:not|never|no longer)\b|n't\b", re.IGNORECASE)
POLITE = re.compile(r"\b(?:please|thanks?|thank you|sorry|appreciate)\b", re.IGNORECASE)
EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]|[:;]-?[)(DP]")
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS: Final = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
A_MONTH: Final = "|".join(MONTHS)
COMING = re.compile(
    r"\b(?:I(?:'m| am)|we(?:'re| are)|(?:I|we)(?:'ll| will|'ve got| have| fly| leave| move| travel| marry| go))\b"
    rf".*\b(?:on (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{A_MONTH})|on (?:{A_MONTH}) \d{{1,2}}(?:st|nd|rd|th)?"
    r"|tomorrow|tonight|this (?:weekend|evening)|next (?:week|month|year)"
    rf"|(?:next|this|on) (?:{'|'.join(WEEKDAYS)})|in (?:{'|'.join(NUMBERS)}|\d{{1,2}}) (?:days?|weeks?|months?)"
    rf"|in (?:{A_MONTH}))\b",
    re.IGNORECASE,
)
DATE = re.compile(rf"(\d+)(?:st|nd|rd|th)?(?: of)? ({A_MONTH})|({A_MONTH}) (\d+)(?:st|nd|rd|th)?")
LONG_TURN: Final = 60
"""Words of a turn that count as fully long-winded."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """Somebody whom a speaker calls theirs, with a name where one was said."""

    relation: str
    name: str | None

    @property
    def label(self) -> str:
        """As a person would say it: "sister Ana"."""
        return f"{self.relation} {self.name}" if self.name else self.relation


@dataclass(frozen=True, slots=True)
class Plan:
    """A sentence about something that is coming up, and when it will be over."""

    sentence: str
    over: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says of its speaker."""

    text: str
    words: frozenset[str]
    relationships: tuple[Relationship, ...]
    goals: tuple[str, ...]
    ends: tuple[Ending, ...]

    interests: frozenset[str]
    """Interests of any kind, names of people among them."""

    names: frozenset[str]
    """Names of people, in lower case."""

    def gives_up(self, goal: str) -> bool:
        """Whether it says that a goal is reached or dropped."""
        return any(ending.is_of(goal) for ending in self.ends)


def relationships(text: str) -> list[Relationship]:
    """Whom a speaker calls theirs."""
    found = [one for _, own in own_sentences(text) for one in (*single(own), *several(own))]
    return list(dict.fromkeys(found))


def single(sentence: str) -> list[Relationship]:
    """Whom a sentence calls the speaker's, one by one."""
    return [
        Relationship(relation.lower(), name if is_name(name) else None) for relation, name in RELATIONSHIP.findall(sentence)
    ]


def several(sentence: str) -> list[Relationship]:
    """Those that a sentence calls the speaker's together: "my sons Max and Tim"."""
    named = [
        (relation, name)
        for relation, names in GROUP.findall(sentence)
        for name in re.split(r",? and |, ", names)
        if is_name(name)
    ]
    if (told := IN_TURN.search(sentence)) is not None:
        relation = told.group().partition(":")[0]
        named += [(relation, found["name"]) for found in EACH.finditer(told[1]) if is_name(found["name"])]
    return [Relationship(SEVERAL[relation], name) for relation, name in named]


def is_name(word: str) -> bool:
    """Whether a word is written as names are."""
    return len(word) > 1 and word[0].isupper() and not word.startswith("I'")


def goals(text: str) -> list[str]:
    """The sentences that say what the speaker is after, as they were said."""
    found = []
    for sentence, read in own_sentences(text):
        if len(read) > 300 or read.endswith("?") or any(sign.search(read) for sign in (UNREAL, TASTE, OF_YOU)):
            continue
        if GOAL.search(read) and not GIVEN_UP.search(read) and len(content(read)) >= 1:
            found.append(sentence)
    return found


def read(text: str) -> Reading:
    """All that a text says of its speaker."""
    return Reading(
        text=text,
        words=frozenset(content(own_words(text))),
        relationships=tuple(relationships(text)),
        goals=tuple(goals(text)),
        ends=endings(text),
        interests=frozenset(interests_in(own_words(text))),
        names=frozenset(names_in(own_words(text))),
    )


def recurring(texts: Sequence[Reading]) -> dict[str, float]:
    """What may be an interest and came up in two texts at least, and the share of texts that each came up in."""
    people = {name for text in texts for name in text.names}
    people |= {found.name.lower() for text in texts for found in text.relationships if found.name is not None}
    counts = Counter(word for text in texts for word in text.interests if word.removesuffix("'s") not in people)
    return {word: count / len(texts) for word, count in counts.items() if count >= 2}


def style(texts: Sequence[str]) -> dict[str, float]:
    """How somebody talks, each in [0, 1]: how long, how often asking, exclaiming, polite, with emoji."""
    number = len(texts)
    words = sum(len(text.split()) for text in texts)
    return {
        "long-winded": min(1.0, words / number / LONG_TURN),
        "asking": sum("?" in text for text in texts) / number,
        "exclaiming": sum("!" in text for text in texts) / number,
        "polite": sum(bool(POLITE.search(text)) for text in texts) / number,
        "emoji": sum(bool(EMOJI.search(text)) for text in texts) / number,
    }


def plans(text: str, said: datetime) -> list[Plan]:
    """The sentences about what the speaker will do by a time that they name, and when that is over."""
    found = []
    for sentence, read in own_sentences(text):
        if len(read) > 300 or read.endswith("?") or UNREAL.search(read):
            continue
        match = COMING.search(read)
        if match is None or NEGATED.search(match.group()):
            continue
        over = over_of(match.group().lower(), said)
        if over is not None:
            found.append(Plan(sentence, over))
    return found


def over_of(phrase: str, said: datetime) -> datetime | None:
    """The end of the time that the end of a phrase names, seen from when it was said."""
    day = said.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if found := DATE.search(phrase):
        return end_of_date(day, int(found[1] or found[4]), MONTHS.index(found[2] or found[3]) + 1)
    before, last = phrase.split()[-2:]
    if last in MONTHS:
        return end_of_month(day, MONTHS.index(last) + 1)
    return None if (days := days_until_over(before, last, day.weekday())) is None else day + timedelta(days=days)


def days_until_over(before: str, last: str, weekday: int) -> int | None:
    """Days from a day of the week to the end of "tomorrow", "this weekend", "on friday", "next week" or "in two months"."""
    if last in WEEKDAYS:
        ahead = (WEEKDAYS.index(last) - weekday) % 7 or 7
        # "Next Friday", said shortly before a Friday, is not that one.
        return ahead + (7 if before == "next" and ahead <= 2 else 0) + 1
    fixed = {"tonight": 1, "evening": 1, "tomorrow": 2, "weekend": (6 - weekday) % 7 + 1}
    if last in fixed:
        return fixed[last]
    if before == "next":
        return {"week": 14, "month": 62, "year": 366}[last]
    unit = {"day": 1, "week": 7, "month": 31}.get(last.rstrip("s"))
    count = NUMBERS.get(before) or (int(before) if before.isdecimal() else 0)
    return unit * count + 1 if unit else None


def end_of_date(day: datetime, number: int, month: int) -> datetime | None:
    """The end of the next day of that date that is not over; None where there is none."""
    for year in (day.year, day.year + 1):
        try:
            date = datetime(year, month, number, tzinfo=UTC)
        except ValueError:
            continue
        if date >= day:
            return date + timedelta(days=1)
    return None


def end_of_month(day: datetime, month: int) -> datetime:
    """The end of the next month of that number that is not over."""
    year = day.year if month >= day.month else day.year + 1
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
