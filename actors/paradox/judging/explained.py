"""What explains that two statements differ: a plan come true, an exception, another day, an earlier time, another thing.

Each is a way of speaking, whatever is spoken of. Nothing here says that two statements are at odds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from actors.paradox.judging import change, quantities
from actors.paradox.judging.lexicon import EXCLUSIVE
from actors.paradox.judging.pair import Pair
from actors.paradox.judging.reading import Reading
from actors.paradox.judging.refined import refinement
from actors.paradox.judging.restated import same_rough
from actors.paradox.judging.words import IRREGULAR, stem, tokens, words_of
from actors.text.sentences import sentences

__all__ = ["EXPLAINED", "explanation"]

EXPLAINED = "explained"
"""How the reason of a judgement begins that goes by this."""

PLANNED_FOR = r"(?:on|by|next|this|tomorrow|tonight|in|at the|before|soon|until)\b"
WHEN = "|".join(
    sorted(
        words_of(
            """monday tuesday wednesday thursday friday saturday sunday week weekend month year spring summer autumn winter
        morning afternoon evening january february march april may june july august september october november december"""
        )
    )
)
PLAN = re.compile(
    r"\b(?:going|plan(?:s|ned|ning)?|wants?|intends?|means?|hop(?:e|es|ing)|aim(?:s|ing)?|promise[ds]?|needs?|have|has|must|ought"
    r"|due|like|love|about|determined) to (?!the\b|an?\b|my\b|our\b)(?P<a>\w+)"
    r"|\b(?:will|shall|must) (?:also |then |soon |finally )?(?!not\b|be\b)(?P<b>\w+)"
    rf"|(?:\b(?:am|is|are)|'s) (?!going\b)(?P<c>\w+ing) (?:[\w']+ )*?{PLANNED_FOR}"
    r"|\b(?:plan|aim|goal|intention|resolution|idea) is to (?P<d>\w+)"
    rf"|\b(?:is|are|takes place|starts) (?:tomorrow|tonight|(?:on|in|this|next) (?:the )?(?:{WHEN}|\d))"
)
PAST_STATE = re.compile(
    r"\b(?:was|were|had|did|could|used to|lived|worked|owed|owned|hated|loved|liked|disliked|believed|wanted|knew|smoked"
    r"|drank|ate|played|spoke|kept|wore|slept)\b"
)
PAST_PLAN = re.compile(r"\b(?:was|were|had|did|used)\b")
DONE = re.compile(
    r"\bwent (?:\w+ )?(?:fine|well|in|off|up|smoothly|perfectly|great|brilliantly|through)\b"
    r"|\bas (?:planned|promised|agreed|announced)\b"
    r"|\b(?:is|are|all|has been|have been|have|has|am|was|were|got) (?:\w+ )?"
    r"(?:done|finished|out|in place|behind (?:me|us)|up)\b"
    r"|\b(?:the|my|our) last (?:piece|stage|stitch|box|page|brick|coat|exam|row|leg|chapter|nail|tile)\b"
    r"|^last (?:stage|piece|leg)\b"
    r"|\b(?:finished|managed|made it|completed|passed)\b|^(?:done|finished)\b|\bthanks\b"
)
UNDONE = re.compile(
    r"\b(?:instead|rather|cancel\w*|postpone\w*|called off|fell through|put off|dropped|too late|failed|refused?|forgot\w*"
    r"|missed|moved|except|unless|after all|given up|gave up|gone|stolen|booked|full)\b"
    r"|^[^,.;:!?]*\b(?:not|never|no|nobody|nothing|without)\b"
)
"""What a plan that did not come true is told with, and so what is planned not to be done."""

BY = re.compile(r"\b(?:by|before|until) (?:next |the end of )?\w+day\b")
CAN = re.compile(r"\bcan (?:now |finally |at last )?(\w+)")
LEARN = re.compile(r"\blearn (?:how )?to (\w+)")

# Of these one thing has one at a time, so that two of them tell two things apart.
CONTRASTS = (
    "left right",
    "north south east west northern southern eastern western",
    "front back rear side",
    "upper lower middle",
    "upstairs downstairs",
    "older younger elder eldest youngest middle",
    "inner outer",
    "work own private personal school office",
    "red blue green yellow black white",
)
OPENER = r"^(?:(?:well|so|but|and|oh|actually|meanwhile)[, ]+)*"
CONTRASTED = tuple(
    re.compile(rf"{OPENER}(?:the|my|our|his|her|their) ({'|'.join(group.split())}) ([a-z-]+?)(?:'s)?(?= )")
    for group in CONTRASTS
)

THIS_TIME = re.compile(
    r"\b(?:this (?:one |single )?(?:week|month|time|once|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday|weekend)"
    r"|(?:just|for) (?:this )?once|exceptionally|as an exception|today|yesterday|last night)\b"
)
FROM_NOW_ON = re.compile(
    r"\b(?:from|starting|since|as of|beginning) (?:\w+ )?this\b|\bfrom now on\b|\bnow\b|\bnever\b"
    r"|\balways\b|\bevery\b|\bany ?more\b"
)
HABIT = re.compile(
    r"\b(?:every|always|usually|each|normally|generally|at (?:the )?weekends?)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days\b"
    r"|\bon the (?:first|second|third|last|\d+(?:st|nd|rd|th))\b|\bonce an?\b|\btwice an?\b"
)
PAST_TENSE = re.compile(
    r"\b(?:was|were|had|did|had to|went|came|took|got|paid|slept|ate|made|left|stayed|skipped|[a-z]{2,}ed)\b"
)

NORM = re.compile(
    r"\b(?:must|should|supposed to|allowed|has to|have to|forbidden|prohibited|not permitted|required|ought to)\b"
)
LIFTED = re.compile(rf"{NORM.pattern}|\b(?:may|can|ban|lifted|opened|permitted|permission|licen[cs]e|sign)\b")
MY_RULE = re.compile(r"^(?:i|we|my|our)\b|\b(?:i|we) (?:must|should|have to|ought)\b")

PARTS = {
    "this morning": 0,
    "at lunch": 1,
    "this afternoon": 1,
    "this evening": 2,
    "tonight": 2,
}
OCCASION = re.compile(
    r"(?<!from )\b(this morning|at lunch|this afternoon|this evening|tonight|today|yesterday"
    r"|last night|the day before yesterday)\b"
)
DAYS_BACK = {"yesterday": 1, "last night": 1, "the day before yesterday": 2}

ONCE = re.compile(
    r"\b(?:before|during|between|until) the wars?\b|\bin (?:those|the old|the early) days\b|\bback then\b"
    r"|\byears ago\b|\bdecades ago\b"
    r"|\bas an? (?:child|kid|boy|girl|teenager|student|young (?:man|woman))\b"
    r"|\bwhen (?:i|we|he|she) (?:was|were) (?:an? )?(?:\w+ )?"
    r"(?:child|children|kids?|boy|girl|young|little|small|student|students|teenager|\w+teen)\b"
    r"|\bat (?:my|his|her|our) (?:\w+-)?(?:first|third|tenth|sixteenth|eighteenth|thirtieth|fortieth|fiftieth)\b"
    r"|\bat (?:my|his|her|our) (?:christening|school)\b"
    r"|\bat (?:nursery|kindergarten|playgroup|primary school|boarding school)\b"
    r"|\bgrowing up\b|\blast (?:spring|summer|autumn|winter)\b|\bfrom (?:19|20)\d\d (?:to|until|till) (?:19|20)\d\d\b"
    r"|\bin (?:my|his|her|their) (?:teens|twenties|thirties|youth|childhood|schooldays|student days)\b"
    r"|\b(?:all )?(?:through|throughout|during) (?:my |our |his |her )?"
    r"(?:twenties|thirties|teens|university|school|college|childhood|youth)\b"
)


def explanation(pair: Pair) -> str | None:
    """What explains that both may be true; None where nothing does."""
    if change.correction(pair.new.text) or change.retort(pair.new.text):
        return None
    return next((why for why, explains in REASONS if explains(pair)), None) or refinement(pair)


def the_same_roughly(pair: Pair) -> bool:
    """About 250 kilos; 243 kilos. The judge has written it in the same words before. A denial is not explained by it."""
    return not (pair.old.denied or pair.new.denied) and same_rough(pair.old.written, pair.new.written)


def contrasted(pair: Pair) -> bool:
    """My left knee, my right knee: each statement's subject, told apart by one word."""
    for pattern in CONTRASTED:
        one, other = pattern.search(pair.old.text), pattern.search(pair.new.text)
        if one and other and one[1] != other[1] and stem(one[2]) == stem(other[2]):
            return True
    return False


def another_occasion(pair: Pair) -> bool:
    """It rained today; not a drop today, said three days later."""
    if pair.changed or pair.old.time is None or pair.new.time is None:
        return False
    one, other = (OCCASION.search(side.text) for side in (pair.old, pair.new))
    if one is None or other is None or change.lifelong(pair.new.text):
        return False
    days = [day_meant(side, match[1]) for side, match in ((pair.old.time, one), (pair.new.time, other))]
    parts = [PARTS.get(match[1]) for match in (one, other)]
    return days[0] != days[1] or (None not in parts and parts[0] != parts[1])


def day_meant(time: datetime, said: str) -> date:
    """The day that is meant; what is said soon after midnight is meant of the day before."""
    return (time - timedelta(days=DAYS_BACK.get(said, 0), hours=4)).date()


def an_earlier_time(pair: Pair) -> bool:
    """The harbour has no crane; there was one before the war."""
    old, new = pair.old, pair.new
    if change.lifelong(WITHOUT_ONCE.sub(" ", old.text)) or change.lifelong(WITHOUT_ONCE.sub(" ", new.text)):
        return False
    if change.ended(old.text) or change.ended(new.text) or quantities.at_odds(old.quantities, new.quantities):
        return False
    for once, other in ((old.text, new.text), (new.text, old.text)):
        told = next((part for part in sentences(once) if ONCE.search(part) and PAST_STATE.search(part)), None)
        if told and not STILL.search(told):
            return not ONCE.search(other) and not PAST_TENSE.search(other) and not LASTING.search(other)
    return False


STILL = re.compile(r"\b(?:still|even|ever since|already|like that|same as)\b")
LASTING = re.compile(
    r"\b(?:have|has|had) (?:\w+ )*since\b"
    r"|\b(?:have|has|had) (?:\w+ )*for (?!(?:one|two|three|four|five|six|seven|eight|nine|ten|an?|some|several|\d)\b)"
    r"|\b(?:all (?:my|his|her|their|our) life|ever|naturally|every time)\b"
)
WITHOUT_ONCE = re.compile(r"\bwhen i was\b|\bas an? \w+\b")


def fulfilled(pair: Pair) -> bool:
    """I'm going to paint the shed; I painted it."""
    old, new = pair.old, pair.new
    plan = PLAN.search(old.text)
    if plan is None or PAST_PLAN.search(old.text) or any(UNDONE.search(side.text) for side in (old, new)):
        return False
    if PLAN.search(new.text) or quantities.at_odds(old.quantities, new.quantities) or another_value(old, new):
        return False
    verb = plan["a"] or plan["b"] or plan["c"] or plan["d"]
    learnt, can = LEARN.search(old.text), CAN.search(new.text)
    if learnt and can and stem(can[1]) == stem(learnt[1]):
        return True
    planned = old.stems - {stem(word) for word in TIMES}
    shared = planned & new.stems
    done = DONE.search(new.text) is not None or (verb is not None and past_of(verb, new))
    return done and len(shared) >= 1 and len(shared) >= 0.4 * len(planned)


TIMES = (*WHEN.split("|"), "tomorrow", "soon", "next", "plan", "want", "intend", "hope", "promise", "like", "love")


def another_value(old: Reading, new: Reading) -> bool:
    """Whether a plan named one day, colour or the like and another one is told."""
    if BY.search(old.text):  # A deadline.
        return False
    values = [{word: EXCLUSIVE[word] for word in side.stems if word in EXCLUSIVE} for side in (old, new)]
    kinds = set(values[0].values()) & set(values[1].values())
    return any(
        not {word for word, kind in values[0].items() if kind == one}
        & {word for word, kind in values[1].items() if kind == one}
        for one in kinds
    )


def past_of(verb: str, new: Reading) -> bool:
    """Whether the new statement has the verb as something done."""
    base = stem(verb)
    return any(
        COMMON_PAST.get(word) == verb
        or (stem(word) == base and (word.endswith("ed") or (word in IRREGULAR and word != verb and not word.endswith("ing"))))
        for word in tokens(new.text)
    )


COMMON_PAST = {"got": "get", "went": "go", "made": "make", "had": "have", "having": "have", "did": "do", "brought": "bring"} | {
    "put": "put", "set": "set", "read": "read", "cut": "cut", "told": "tell", "said": "say", "caught": "catch", "drew": "draw"
}  # fmt: skip


def broken_rule(pair: Pair) -> bool:
    """Everybody must sign the book; nobody signed it. What was done once does not make another rule."""
    old, new = pair.old, pair.new
    if not NORM.search(old.text) or MY_RULE.search(old.text) or LIFTED.search(new.text):
        return False
    return PAST_TENSE.search(new.text) is not None and not FROM_NOW_ON.search(new.text) and not change.told(new.text)


def exception(pair: Pair) -> bool:
    """We have fish on Fridays; this week it was pizza."""
    old, new = pair.old, pair.new
    if pair.overlap == 0 or not HABIT.search(old.text) or not THIS_TIME.search(new.text):
        return False
    return PAST_TENSE.search(new.text) is not None and not FROM_NOW_ON.search(new.text)


REASONS: tuple[tuple[str, Callable[[Pair], bool]], ...] = (
    ("the same figure, told roughly", the_same_roughly),
    ("another one", contrasted),
    ("another day", another_occasion),
    ("an earlier time", an_earlier_time),
    ("a plan that came true", fulfilled),
    ("an exception", exception),
    ("a rule, and what was done", broken_rule),
)
