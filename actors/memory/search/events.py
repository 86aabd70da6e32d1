"""Events: what a query says of a time by something that happened then ("before the trip", "while she was in Rome").

Which event is meant and when it was, is found among the records (`anchors.py`); here is what the query says, and how well a
time fits it once the event's is known. English, by rules; knows no record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from actors.memory.search.asked_times import asks_time_in
from actors.memory.search.asks import LONGEST
from actors.memory.search.lexical import WORD
from actors.memory.search.times import COUNT, UNIT, count_of, says_time
from actors.text.stopwords import STOPWORDS

__all__ = ["Anchor", "Event", "event_in", "fitting"]

Side = Literal["before", "after", "during"]

SUBJECT = r"(?-i:[A-Z])|(?:i|you|he|she|it|we|they|the|an?|my|your|his|her|its|our|their|this|that|someone|somebody)\b|\w+ing\b"
BEGIN = rf"before|prior to|until|till|after|since|during|by the time|(?:while|when)(?=\s+(?:{SUBJECT}))"
"""After "while" and "when" comes somebody who does something, or what is done: else they are words of another kind."""

SIDES: dict[str, Side] = {
    **dict.fromkeys(("before", "prior to", "until", "till", "by the time"), "before"),
    **dict.fromkeys(("after", "since"), "after"),
}
"""The others tell what went on at the same time."""

EVENT = re.compile(
    rf"(?:\b(?:(?P<near>day|night|morning|evening|week|weekend)s?|{COUNT}\s+{UNIT})\s+)?"
    rf"(?<!\w)(?P<side>{BEGIN})\s+(?!(?:when|what|which|who|how)\b)(?P<what>[^?.!,;:\n]{{1,200}})",
    re.IGNORECASE,
)
CARES = re.compile(r"\b(?:look(?:s|ed|ing)?|named|called|tak(?:es?|ing)|took)\s+$", re.IGNORECASE)
"""Before "after", which then tells no time."""

ASKS = re.compile(r"\s*(?:since\s+|until\s+)?when", re.IGNORECASE)
"""A query that begins so asks for a time, and does not tell one."""

DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
CLOSE = 7
"""Days within which "the week after" lies."""

MOST = 4
"""Words that may tell a time by an event, as many as are looked at: on the loop, and a query may be made to have hundreds."""

FADES = 30.0
"""Days after which what comes before or after an event fits half as well: who asks what was after it means what came next."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something by which a query tells a time."""

    side: Side
    text: str
    """What happened, in the query's words."""

    days: int | None = None
    """How many days before or after it; None where the query does not say."""

    slack: int = 0
    """How many days that may be wrong."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """When an event happened, as the records say."""

    event: Event
    first: int
    """The first day, counted from the year 1."""

    last: int
    number: int
    """Of the record that tells of it; what comes after it in numbers is later where days are equal."""


def event_in(text: str) -> Event | None:
    """The event by which a query tells a time; None where there is none. A query that names a date needs none."""
    text = text[:LONGEST]
    begin = 0
    for _ in range(MOST):
        match = EVENT.search(text, begin)
        if match is None:
            return None
        begin = match.end("side")
        side, what = match["side"].lower(), match["what"].strip()
        asks = side == "when" and ASKS.fullmatch(text, 0, match.end("side"))
        other = asks or CARES.search(text, 0, match.start("side"))
        dated = says_time(what) or asks_time_in(text, match.start(), match.end())
        if other or dated or all(word in STOPWORDS for word in WORD.findall(what.lower())):
            continue
        placed = SIDES.get(side, "during")
        if match["near"]:
            return Event(placed, what, CLOSE // 2, CLOSE - CLOSE // 2)
        if match["count"]:
            days = count_of(match["count"].lower()) * DAYS[match["unit"].lower()]
            return Event(placed, what, days, max(1, days // 4))
        return Event(placed, what)
    return None


def fitting(days: NDArray[np.int64], numbers: NDArray[np.int64], anchor: Anchor, half_life: float) -> NDArray[np.float64]:
    """How well each time fits, from 0 to 1.

    Args:
        days: when each record happened, counted from the year 1.
        numbers: the records' numbers.
        anchor: the event, and when it was.
        half_life: days after which what is told later of something fits half as well.
    """
    event = anchor.event
    late = days - anchor.last
    early = anchor.first - days
    if event.side == "during":
        return 0.5 ** (np.maximum(late, 0) / half_life) * (early <= 0)
    away = late if event.side == "after" else early
    later = numbers > anchor.number if event.side == "after" else numbers < anchor.number
    beyond = (away > 0) | ((away == 0) & later)
    if event.days is None:
        return np.where(beyond, 0.5 ** (np.maximum(away, 0) / FADES), 0.0)
    off = np.maximum(np.abs(away - event.days) - event.slack, 0)
    return np.where(beyond, 0.5 ** (off / half_life), 0.0)
