"""What says more of the same, or says it the other way round: a sibling, "it's a brother"; broken, "it doesn't work"."""

from __future__ import annotations

import re

from actors.paradox.judging.lexicon import OPPOSITES
from actors.paradox.judging.pair import Pair
from actors.paradox.judging.quantities import TENS
from actors.paradox.judging.reading import Reading
from actors.paradox.judging.words import STOPWORDS, stem, tokens
from actors.text.months import MONTHS

__all__ = ["refinement"]

SHORT = 10
"""In so few words nothing else stands beside it that may be at odds."""

NOT_SO = re.compile(r"\bnot (?:at all |very |really |being |been |that |all that |an? |yet )*(\w+)")
GONE = re.compile(
    r"\b(?:gone|broke|broken|away|stolen|lost|sold|left|run off|ran off|instead|back|died|dead|quit|ended|over|off|swapped"
    r"|replaced|used to)\b"
)

HAS = re.compile(r"\b(?:i|we) (?:have|own|keep|have got|bought|got) an? ([a-z-]+)(?=$|[.,;!?])")
MINE = re.compile(r"^(?:(?:well|so|and|oh)[, ]+)*(?:my|our) ([a-z-]+)\b")

ENDS_IN_ONE = re.compile(r"\b(?:in|at|for|on|near) an? ([a-z-]+)(?=$|[.;!?])")
THE = r"\bthe {noun}(?:'s)?\b"

KINDS = (
    "instrument sport pet animal language vehicle subject relative hobby city town village country sibling child colour fruit"
    " dish drink card game trade craft bird flower tree"
)
INDEFINITE = re.compile(
    rf"\b(?:an?|some) (?:[\w-]+ )?(?:{'|'.join(KINDS.split())})\b|\b(?:something|somewhere|somebody|someone)\b"
)
CLEFT = re.compile(
    r"^(?:(?:well|so|and|oh)[, ]+)*it is (?:the |an? |in |on |at )?(?:[\w-]+ ){1,3}"
    r"(?:that|which|i|we|he|she|they|our|my|his|her)\b"
)

SEASONS = {
    "spring": "march april may",
    "summer": "june july august",
    "autumn": "september october november",
    "winter": "december january february",
}
PARTS_OF_DAY = {"morning": (5, 12), "afternoon": (12, 18), "evening": (17, 24)}
PERIOD = re.compile(rf"\bin (?:the )?(?:early |late |mid-?)?({'|'.join((*SEASONS, *PARTS_OF_DAY))})\b")
DECADE = re.compile(rf"\bin the ({'|'.join(word.removesuffix('y') + 'ies' for word in TENS)})\b")
YEAR = re.compile(r"\b(?:19|20)(\d)\d\b")
CLOCK = re.compile(r"\bat (?:about |around )?(\d{1,2})(?:[:.]\d\d)? ?([ap]m)?\b")
MONTH = re.compile(rf"\b({'|'.join(MONTHS)})\b")


def refinement(pair: Pair) -> str | None:
    """How the new statement says the same, or more of it; None where it does not."""
    old, new = pair.old, pair.new
    if pair.changed or pair.same is False:
        return None
    if the_other_way_round(old, new, pair):
        return "the same, said the other way round"
    if new.denied or old.denied or GONE.search(new.text):
        return None
    if more_of_it(old.text, new.text):
        return "more of the same"
    if pair.shared and more_exactly(old.text, new.text):
        return "the same, told more exactly"
    return None


def the_other_way_round(old: Reading, new: Reading, pair: Pair) -> bool:
    """Broken, and does not work: the opposite of what one affirms is what the other denies."""
    if not (pair.shared or pair.same or pair.pronoun) or max(len(old.words), len(new.words)) > SHORT:
        return False
    for one, other in ((old, new), (new, old)):
        said_not = {stem(found[1]) for found in NOT_SO.finditer(other.text)}
        if any(OPPOSITES.get(word, frozenset()) & said_not for word in one.affirmed) and not one.denied & other.affirmed:
            return True
    return False


def more_of_it(old: str, new: str) -> bool:
    """Something is named as one of a kind, and then told of: what it is, or what it is like."""
    has, mine = HAS.search(old), MINE.search(new)
    if has and mine and stem(has[1]) == stem(mine[1]):
        return True
    one = ENDS_IN_ONE.search(old)
    if one and re.search(THE.format(noun=re.escape(one[1])), new):
        return True
    return bool(INDEFINITE.search(old) and CLEFT.search(new) and shares_a_verb(old, new))


def shares_a_verb(old: str, new: str) -> bool:
    return bool({stem(word) for word in tokens(old) if word not in STOPWORDS} & {stem(word) for word in tokens(new)})


def more_exactly(old: str, new: str) -> bool:
    """In spring, on the 4th of April; in the morning, at ten; in the nineties, in 1994."""
    decade, year = DECADE.search(old), YEAR.search(new)
    if decade and year:
        return any(decade[1].startswith(word[:-1]) and value == 10 * int(year[1]) for word, value in TENS.items())
    period = PERIOD.search(old)
    if period is None:
        return False
    if period[1] in SEASONS:
        month = MONTH.search(new)
        return month is not None and month[1] in SEASONS[period[1]].split()
    if period[1] in PARTS_OF_DAY:
        clock = CLOCK.search(new)
        first, last = PARTS_OF_DAY[period[1]]
        return clock is not None and any(first <= hour < last for hour in hours(clock))
    return False


def hours(clock: re.Match[str]) -> list[int]:
    """Which hours of the day may be meant."""
    hour = int(clock[1])
    if clock[2]:
        return [hour % 12 + 12 * (clock[2] == "pm")]
    return [hour] if hour > 12 else [hour, hour + 12]
