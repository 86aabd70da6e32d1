"""Exclusive slots: of where one lives, what one is called, was born, holds, likes best, there is one answer at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from actors.paradox.judging.lexicon import COUNTRIES, VALUES
from actors.paradox.judging.words import STOPWORDS, stem, tokens, words_of
from actors.text.months import MONTHS

__all__ = ["Slot", "at_odds", "find"]

VALUE_END = r"(?=$|[.,;:!?)]|\s(?:and|but|with|since|because|right|near|now|for|in|at|on|by|who|which|where|from|so)\b)"
VALUE = rf"((?:[\w'-]+ ?){{1,4}}?){VALUE_END}"
WHO = r"(i|we|(?:my|our) [\w-]+)"
OWNER = r"(my|our|his|her|their|the|your) ((?:[\w-]+ ){0,2}?[\w-]+)"


COUNTRY = frozenset(map(stem, COUNTRIES))


@dataclass(frozen=True, slots=True)
class Slot:
    """One thing's one answer: `residence` of `i` is `porto`."""

    name: str
    owner: str
    value: frozenset[str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a slot is said. `owner` and `value` are groups of the expression; an owner given by name stands as it is."""

    name: str
    expression: re.Pattern[str]
    owner: int | str
    value: int


def said(name: str, expression: str, owner: int | str, value: int) -> Pattern:
    return Pattern(name, re.compile(expression), owner, value)


MORE_PROFESSIONS = words_of(
    """waiter waitress translator programmer developer physicist chemist biologist paramedic firefighter
    roofer mason welder optician
    pharmacist psychologist physiotherapist secretary judge mechanic blacksmith florist beekeeper potter"""
)
PROFESSIONS = "|".join(
    sorted(
        [
            *VALUES["profession"].split(),
            *(f"{word} driver" for word in ("bus", "taxi", "lorry", "truck", "tram", "train")),
            *MORE_PROFESSIONS,
        ],
        key=len,
        reverse=True,
    )
)
FUELS = "gas|oil|wood|logs|coal|pellets|electricity|a heat pump|district heating|solar"
BRANDS = (
    "volvo|fiat|toyota|honda|skoda|saab|bmw|audi|ford|opel|renault|peugeot|citroen|seat|kia|hyundai|mazda|nissan|subaru|suzuki|tesla"
    "|volkswagen|vw|golf|mercedes|porsche|mini|dacia|lada|jaguar|lexus|mitsubishi"
)
COLOURS = "blue|brown|green|grey|gray|hazel|black"
SIGNS = "aries|taurus|gemini|cancer|leo|virgo|libra|scorpio|sagittarius|capricorn|aquarius|pisces"
NATIONS = {
    "irish": "ireland", "italian": "italy", "german": "germany", "french": "france", "spanish": "spain",
    "portuguese": "portugal",
    "dutch": "netherlands", "belgian": "belgium", "swiss": "switzerland", "austrian": "austria", "polish": "poland",
    "czech": "czechia", "danish": "denmark", "swedish": "sweden", "norwegian": "norway", "finnish": "finland",
    "greek": "greece",
    "turkish": "turkey", "russian": "russia", "ukrainian": "ukraine", "hungarian": "hungary", "romanian": "romania",
    "scottish": "scotland", "english": "england", "welsh": "wales", "american": "usa", "canadian": "canada",
    "mexican": "mexico", "brazilian": "brazil", "chilean": "chile", "indian": "india", "chinese": "china", "japanese": "japan",
    "korean": "korea", "vietnamese": "vietnam", "australian": "australia", "egyptian": "egypt", "nigerian": "nigeria",
    "kenyan": "kenya", "croatian": "croatia", "bulgarian": "bulgaria", "icelandic": "iceland", "moroccan": "morocco",
}  # fmt: skip

MONTHS_OF = {
    "spring": "march april may june",
    "summer": "june july august september",
    "autumn": "september october november december",
    "winter": "december january february march",
    "christmas": "december",
    "midsummer": "june",
    "easter": "march april",
    "halloween": "october",
    "hot": "june july august",
    "snow": "november december january february march",
} | {month: month for month in MONTHS}
"""In which months it may have been, by what is said of it."""

EVENTS = {
    "wedding": r"(?:we|i) (?:\w+ )?(?:got |get |were )?married|our wedding|tied the knot|(?:we|i) got hitched",
    "moving in": r"(?:i|we) (?:\w+ )?moved in(?:to)?|our (?:moving day|housewarming)",
    "birthday": r"my birthday|i was born",
}
SEASON = re.compile(rf"\b({'|'.join(MONTHS_OF)})\b")
EVENT = {name: re.compile(rf"\b(?:{words})\b") for name, words in EVENTS.items()}

PATTERNS = (
    said(
        "residence",
        rf"\b(i|we) (?:now |still |currently |have )?(?:live|am living|are living|lived all my life"
        rf"|am based|are based|reside) in {VALUE}",
        "i",
        2,
    ),
    said("residence", rf"\b(i|we) (?:have |just |finally |recently )*(?:moved|relocated) (?:house )?to {VALUE}", "i", 2),
    said("residence", rf"\b(?:my|our|the|a) new (?:flat|house|home|place) in {VALUE}", "i", 1),
    said("residence", rf"(?<!holiday )(?<!summer )\b(?:my|our) (?:flat|apartment) (?:is )?in {VALUE}", "i", 1),
    said(
        "residence",
        rf"\b((?:my|our) [\w-]+) (?:now |still )?(?:lives|resides|is living|is based|has moved|moved) (?:in|to) {VALUE}",
        1,
        2,
    ),
    said("birthplace", rf"\b((?:my|our) [\w-]+) (?:was|is) born (?:and raised )?in {VALUE}", 1, 2),
    said("profession", rf"\b{WHO} (?:am|is) (?:an? )(?:trained |qualified |retired )?({PROFESSIONS})\b", 1, 2),
    said("profession", rf"\b(?:i work|my job|i earn my living|i trained) (?:is )?as an? ({PROFESSIONS})\b", "i", 1),
    said("profession", rf"\bi am an? ({PROFESSIONS}) by (?:trade|profession|training)", "i", 1),
    said(
        "heating",
        rf"\b(?:we|our house|our flat|our heating|(?:our|the) house) (?:is |are )?(?:heat|heated|heating|runs|run)\b"
        rf"(?: \w+){{0,2}}? (?:with|on|by) ({FUELS})\b",
        "i",
        1,
    ),
    said("car", rf"\b(?:i|we) (?:still |now )?drive an? (?:\w+ )?({BRANDS})\b", "i", 1),
    said("car", rf"\b(?:my|our) car is an? (?:\w+ )?({BRANDS})\b", "i", 1),
    said("mother tongue", rf"\b(?:my|our) (?:mother tongue|native language|first language) is {VALUE}", "i", 1),
    said("mother tongue", rf"\b(?:i|we) grew up speaking (?:only )?{VALUE}", "i", 1),
    said("colour of eyes", rf"\bmy eyes are ({COLOURS})\b", "i", 1),
    said("colour of eyes", rf"\bi have ({COLOURS}) eyes\b", "i", 1),
    said("colour of eyes", rf"\b((?:my|our) [\w-]+)'s eyes are ({COLOURS})\b", 1, 2),
    said("colour of eyes", rf"\b((?:my|our) [\w-]+) has ({COLOURS}) eyes\b", 1, 2),
    said(
        "star sign",
        rf"\b(?:my star sign is|i am an?) ({SIGNS})\b(?! (?:survivor|patient|nurse|researcher|doctor|specialist))",
        "i",
        1,
    ),
    said("blood group", r"\bblood (?:group|type) is ((?:ab|a|b|o)[ -]?(?:positive|negative))\b", "i", 1),
    said("blood group", r"\b(?:i am|it is|card says) ((?:ab|a|b|o)[ -](?:positive|negative))\b", "i", 1),
    said("origin", rf"\bi am (?:an? )?({'|'.join(NATIONS)})\b(?! (?:teacher|restaurant|food|student|by marriage))", "i", 1),
    said(
        "origin",
        rf"\bi (?:am|come) (?:originally )?from (?!(?:an?|the|here|there|work|my|our|up|down|out|all)\b){VALUE}",
        "i",
        1,
    ),
    said("birthplace", rf"\bi was born (?:and raised )?in {VALUE}", "i", 1),
    said("name", rf"\b{OWNER}(?: name)? is (?:called|named) {VALUE}", 2, 3),
    said("name", rf"\b{OWNER}(?:'s)? name is {VALUE}", 2, 3),
    said("name", rf"\b(?:my name is|i am called|call me|address me as|everyone calls me) {VALUE}", "i", 1),
    said(
        "workplace",
        rf"\bi (?:now |still |currently )?(?:work|am working|started working|have a job) (?:at|in|for) {VALUE}",
        "i",
        1,
    ),
    said("workplace", rf"\bfirst (?:day|week|month) (?:at|in) {VALUE}", "i", 1),
    said("profession", rf"\bi (?:now |still )?work as (?:an? )?{VALUE}", "i", 1),
    said("favourite", rf"\bmy favou?rite ([\w-]+(?: [\w-]+)?) (?:is|are|has always been) {VALUE}", 1, 2),
    said("role", rf"\b{OWNER} is {VALUE}", 2, 3),
    said(
        "role",
        r"\b([\w-]+) is (?:my|our|the) (?:new )?((?:team |project |flat|room)?[\w-]+(?: of (?:the|our|my) [\w-]+)?)"
        r"(?=$|[.,;!?])",
        2,
        1,
    ),
    said("name", rf"\b{OWNER} (?:answers to|goes by|was christened|was baptised) {VALUE}", 2, 3),
    said("birthday", rf"\bmy birthday is (?:on |in )?{VALUE}", "i", 1),
    said("place", rf"\b(?:the|my|our) ([\w-]+) (?:is|are) (?:kept |stored |located )?(?:in|at|on|under) {VALUE}", 1, 2),
)
ROLES = frozenset(
    stem(word)
    for word in [
        "boss",
        "manager",
        "lead",
        "teacher",
        "doctor",
        "dentist",
        "landlord",
        "wife",
        "husband",
        "girlfriend",
        "boyfriend",
        "partner",
        "captain",
        "chair",
        "chairman",
        "director",
        "head",
        "president",
        "mayor",
        "ceo",
        "cto",
        "editor",
        "supervisor",
        "flatmate",
        "roommate",
        "neighbour",
        "coach",
        "trainer",
    ]
)


@lru_cache(maxsize=4096)
def find(text: str) -> tuple[Slot, ...]:
    """The slots that a normalised text fills."""
    found: list[Slot] = []
    for pattern in PATTERNS:
        for match in pattern.expression.finditer(text):
            owner = match[pattern.owner] if isinstance(pattern.owner, int) else pattern.owner
            if pattern.name == "blood group":
                found.append(Slot(pattern.name, "i", frozenset({re.sub(r"[ -]", "", match[pattern.value])})))
                continue
            value = frozenset(stem(NATIONS.get(word, word)) for word in tokens(match[pattern.value]) if word not in STOPWORDS)
            # "Our head of department" is a head, not a department.
            head = "i" if owner in ("i", "we") else stem(owner.split(" of ")[0].split()[-1].removesuffix("'s"))
            if match[pattern.value].startswith("not "):
                continue
            if value and (pattern.name != "role" or head in ROLES):
                found.append(Slot(pattern.name, head, value))

    return (*found, *seasons(text))


def seasons(text: str) -> list[Slot]:
    """In which months something was that one has once, or once a year."""
    named = SEASON.findall(text)
    if len(named) != 1 and not (len(named) == 2 and "hot" in named):
        return []
    months = frozenset.intersection(*(frozenset(MONTHS_OF[name].split()) for name in named))
    return [Slot("time of year", event, months) for event, pattern in EVENT.items() if pattern.search(text)] if months else []


def at_odds(old: tuple[Slot, ...], new: tuple[Slot, ...]) -> tuple[Slot, Slot] | None:
    """The first slot that both fill with answers that exclude each other."""
    for late in new:
        for early in old:
            if (
                (early.name, early.owner) == (late.name, late.owner)
                and not (early.value & late.value)
                and not contains(early, late)
            ):
                return early, late

    return None


def contains(one: Slot, other: Slot) -> bool:
    """One is a country and the other is not: a town and its country are both where one lives."""
    return bool(one.value & COUNTRY) != bool(other.value & COUNTRY)
