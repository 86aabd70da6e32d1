"""Ways of life and what they rule out: a vegetarian and bacon, an only child and a brother, "I can't drive" and a commute."""

from __future__ import annotations

import re

__all__ = ["ruled_out"]

# Each: a name; what says that one lives so; what is not done or had by who does. Over normalised texts.
WAYS = (
    (
        "abstinence",
        (r"(?:vegetarian|vegan)", r"(?:do|does|never|not) eat(?:s|en)? (?:any )?meat"),
        (r"(?:bacon|beef|steak|chicken|sausages?|ham|burger|pork|lamb|turkey|salami|meatballs?|schnitzel|brisket|duck)",),
    ),
    ("abstinence", (r"vegan",), (r"(?:cheese|omelette|milkshake|yogh?urt|eggs|butter)",)),
    (
        "abstinence",
        (
            r"(?:teetotal\w*|sober)",
            r"never (?:touche[sd]|drinks?|drank|had|tasted?) (?:any |a drop of )?alcohol",
            r"(?:do|does) not drink(?: any)?(?: alcohol)?(?=$|[.,;])",
        ),
        (r"(?:beers?|wine|whisky|whiskey|vodka|gin|rum|cocktails?|pints?|champagne|hungover|hangover|tipsy|drunk)",),
    ),
    (
        "abstinence",
        (r"(?:do|does) not smoke", r"never smoked", r"non-?smoker"),
        (r"cigarettes?", r"my (?:first )?smoke", r"smoke break", r"smoked"),
    ),
    (
        "family",
        (r"an only child", r"no (?:siblings|brothers|sisters)"),
        (r"my (?:\w+ )?(?:brother|sister|twin|siblings)",),
    ),
    (
        "family",
        (r"(?:no|not have (?:any )?|never had) ?(?:children|kids)", r"childless"),
        (r"(?:my|our) (?:\w+ )?(?:son|daughter|kids?|children|baby|toddler)",),
    ),
    (
        "family",
        (r"i (?:am|have always been) (?:single|unmarried|not married|a bachelor)", r"never (?:been )?married"),
        (r"my (?:husband|wife|ex-?wife|ex-?husband|spouse|first marriage|divorce)",),
    ),
    (
        "home",
        (r"(?:no|not have an?) garden", r"(?:live|flat) on the \w+ floor"),
        (r"(?:mow\w*|weeding|raked?|backyard)", r"(?:my|our|back) lawn"),
    ),
    (
        "travel",
        (r"never (?:been |travelled |traveled )?(?:abroad|outside|left|on a plane|flown)",),
        (r"when i (?:lived|worked|studied) in", r"my (?:first )?flight"),
    ),
    ("work", (r"(?:unemployed|out of work|no job|between jobs|retired)",), (r"my (?:boss|job|colleagues?|shift|commute)",)),
    (
        "work",
        (r"(?:run|own|founded|do) (?:the|my|this) \w+ (?:on my own|alone|by myself)",),
        (r"my (?:business )?(?:partner|co-?founder|employees)",),
    ),
    (
        "ability",
        (r"(?:can not|never learned to|never learnt to) swim", r"(?:scared|afraid) of water"),
        (r"(?:swims?|swam|swimming|laps)",),
    ),
    (
        "ability",
        (r"(?:can not|do not|never learned to|never learnt to) drive", r"no (?:driving )?licen[cs]e"),
        (r"i (?:drive|drove)", r"behind the wheel", r"my commute by car"),
    ),
    (
        "belief",
        (r"atheist", r"not believe in (?:any )?god", r"not religious"),
        (r"my faith", r"i pray", r"prayed", r"my church", r"my god"),
    ),
    ("allergy", (r"allergic to (?:cats|dogs|animals|fur)",), (r"my (?:cat|dog)s?",)),
    (
        "allergy",
        (r"allergic to (?:nuts|peanuts)",),
        (r"(?:peanut butter|walnuts?|almonds?|hazelnuts?|nutella)",),
    ),
    (
        "allergy",
        (r"lactose[- ]intolerant", r"allergic to milk"),
        (r"(?:glass of milk|milkshake|ice cream|cappuccino)",),
    ),
)
EXCLUSIONS = tuple(
    (name, re.compile(rf"\b(?:{'|'.join(states)})(?!\w)"), re.compile(rf"\b(?:{'|'.join(acts)})(?!\w)"))
    for name, states, acts in WAYS
)
NOT_MINE = re.compile(r"\b(?:no|not|never|without|if|his|her|their|your|for (?:him|her|them|my)|made (?:him|her|them))\b")


def ruled_out(text: str, other: str) -> str | None:
    """The name of the rule by which what one text says of a way of life excludes what the other tells; None when none does."""
    for name, state, act in EXCLUSIONS:
        told = act.search(other)
        if state.search(text) and told and not NOT_MINE.search(other[: told.start()][-24:]):
            return name

    return None
