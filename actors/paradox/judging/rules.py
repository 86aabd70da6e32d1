"""The cascade: rules from the surest to the vaguest. Each answers with its name and a score, or passes the pair on."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from actors.paradox.judging import (
    change,
    explained,
    modality,
    polarity,
    presence,
    quantities,
    slots,
    stages,
    subject,
    ways,
    years,
)
from actors.paradox.judging.lexicon import EXCLUSIVE, OPPOSITES, WITHIN
from actors.paradox.judging.pair import Judgement, Pair, at_odds, calm, pair_of
from actors.paradox.judging.reading import Reading
from actors.paradox.judging.topic import RELATED
from actors.paradox.judging.words import stem, tokens

__all__ = ["RULES", "Rule", "complains", "judge", "repeats"]

Rule = Callable[[Pair], Judgement | None]

SHORT = 8
"""In so few words nothing else is told beside a year."""

TIME_UNITS = frozenset({"year", "day", "week", "month", "hour", "minut", "time", "tim"})
QUANTIFIED = re.compile(r"\b(?<!not )(everyone|everybody|everything|always|all of|entirely|every)\b")
NONE = re.compile(r"\b(nobody|nothing|none|never|not a single|not one|not a|not every\w*|not all of|not always)\b")
SOLE = re.compile(r"\b(whole|entire|all by|on my own|alone|the only one|myself|won)\b")
NORM = re.compile(r"\b(should|ought|must|supposed to|allowed|have to|has to|needs?|requires?|required|forbidden|optional)\b")
ASKED = re.compile(r"\bplease\b|\b(?:can|could|will|would) you\b")
COMPLAINT = re.compile(r"you (?:always|never|still|often|keep|just|are|do|did|have|give|gave|say|said|make|made)\b")
OVER = re.compile(r"\b(any ?more|no longer|used to|back when|when i|first)\b")

NO_ACT = re.compile(r"\b(?:by mistake|booked|planned|no longer)\b")
FOR_ONCE = re.compile(rf"{explained.THIS_TIME.pattern}|\b(?:on holiday|on my birthday|for fishing)\b")
HABITS = ("habit", "days")
"""Ways of life that an exception leaves as they are. One steak is not a vegetarian's."""

FILLERS = frozenset(
    {"a", "an", "the", "on", "of", "that", "just", "really", "also", "too", "very", "still", "again", "so", "well"}
)
"""Without these a statement says the same."""

PRONOUNS = frozenset({"he", "she", "it", "they", "his", "her", "their"})
BEING = frozenset({"am", "is", "are", "was", "were", "called", "in", "on"})

ADDED = re.compile(r"(?:,| and\b)")
LIMITED = re.compile(r"\b(?:but|no|not|never|only|except|unless|if|when|though|although|until|before|once|sometimes|or)\b")
"""What is added after these may take back what stands before."""


def judge(old: Reading, new: Reading, rules: Sequence[Rule] | None = None) -> Judgement:
    """The verdict on a new statement against an earlier one; by other rules than all, for measuring what each adds."""
    pair = pair_of(old, new)
    asked = RULES if rules is None else rules
    found = next((found for rule in asked if (found := rule(pair)) is not None), None) or by_topic(pair)
    return Judgement(
        found.verdict,
        round(min(found.score, 1.0), 4),
        found.why,
        round(pair.overlap, 4),
        signed=change.told(pair.new.text, pair.old.stems),
    )


def by_topic(pair: Pair) -> Judgement:
    if pair.overlap >= RELATED:
        return Judgement("compatible", 0.5 + pair.overlap / 2, "topic")
    return Judgement("unrelated", 1.0 - pair.overlap, "topic")


def repeats(old: Reading, new: Reading) -> bool:
    """Whether the same is said once more, to the word, or with something added to it."""
    if not new.words or not old.words:
        return False
    if unfilled(old) == unfilled(new) and old.quantities == new.quantities:
        return True
    short, long = sorted((old.text.rstrip(" .!"), new.text.rstrip(" .!")), key=len)
    rest = long[len(short) :]
    return long.startswith(short) and ADDED.match(rest) is not None and not LIMITED.search(rest) and not change.told(rest)


def unfilled(reading: Reading) -> tuple[str, ...]:
    return tuple(word for word in reading.words if word not in FILLERS)


def complains(old: Reading, new: Reading) -> bool:
    """Whether somebody who was asked for something is told how they do it: that may fall short, and is not at odds."""
    return COMPLAINT.match(new.text) is not None and ASKED.search(old.text) is not None


def speak_of_themselves(old: Reading, new: Reading) -> bool:
    """Whether two people each tell of themselves or of what is theirs, and neither answers the other."""
    kinds = {old.subject.kind, new.subject.kind}
    if not kinds <= {"self", "own"} or subject.same(old.subject, new.subject, (old.speaker, new.speaker)) is not False:
        return False
    one_voice = (old.speaker or "").casefold() == (new.speaker or "").casefold()
    return not one_voice and not change.correction(new.text) and not change.retort(new.text)


def repeated_rule(pair: Pair) -> Judgement | None:
    """I have two lemon trees; I have two lemon trees."""
    return calm(pair, "said again") if repeats(pair.old, pair.new) else None


def unasserted_rule(pair: Pair) -> Judgement | None:
    """Who asks, supposes, wishes, quotes or jokes asserts nothing."""
    if pair.new.modality is not None:
        return calm(pair, f"{modality.UNASSERTED}: {pair.new.modality}")
    if complains(pair.old, pair.new):
        return calm(pair, f"{modality.UNASSERTED} before: request")
    if pair.old.modality is not None and not modality.request(pair.old.text):
        return calm(pair, f"{modality.UNASSERTED} before: {pair.old.modality}")
    return None


def explained_rule(pair: Pair) -> Judgement | None:
    """What differs is another day, another thing, an exception or a plan that came true."""
    why = explained.explanation(pair)
    return calm(pair, f"{explained.EXPLAINED}: {why}") if why else None


def way_of_life_rule(pair: Pair) -> Judgement | None:
    """A vegetarian and bacon; an only child and a brother."""
    for state, act in ((pair.old, pair.new), (pair.new, pair.old)):
        found = ways.ruled_out(state.text, act.text)
        if found is None:
            continue
        if found.name == "days":
            named = len(pair.shared) > 1 or (first_person(pair.old) and first_person(pair.new))
            if not named or pair.same is False:
                continue
        elif not of_one(pair, (state, found.state_of), (act, found.act_of)):
            continue
        if NO_ACT.search(act.text) or (found.name in HABITS and FOR_ONCE.search(act.text)):
            continue
        if not found.always and any(change.earlier_time(side.text) for side in (state, act)):
            continue
        return at_odds(pair, 0.85, f"rules out: {found.name}")

    return None


def stage_rule(pair: Pair) -> Judgement | None:
    """I'm engaged; my husband. The piano is out of tune; the tuner was here and it sings."""
    for found in stages.turned(pair.old.text, pair.new.text):
        if found.same and of_one(pair, (pair.old, found.of[0]), (pair.new, found.of[1])) and not pair.changed:
            return calm(pair, f"{explained.EXPLAINED}: the same, in other words")
        if not found.excluding or any(change.earlier_time(side.text) for side in (pair.old, pair.new)):
            continue
        if found.about == "thing":
            named = pair.shared or pair.new.subject.kind == "pronoun"
            if not named or pair.same is False:
                continue
        elif not of_one(pair, (pair.old, found.of[0]), (pair.new, found.of[1])):
            continue
        if found.again and not found.onwards and not pair.soon:
            continue
        if found.onwards and not change.lifelong(pair.new.text):
            return Judgement("update", 0.8, f"state: {found.name}")
        return at_odds(pair, 0.8, f"state: {found.name}")

    return None


def years_rule(pair: Pair) -> Judgement | None:
    """I'm thirty-four; I was born in 1971. Married for twenty years; the wedding in 2019."""
    if pair.same is False:
        return None
    found = years.compared(pair.old.text, pair.new.text, (pair.old.time, pair.new.time))
    if found is None:
        return None
    if not found.apart:
        short = max(len(pair.old.words), len(pair.new.words)) <= SHORT and not (pair.old.denied or pair.new.denied)
        return calm(pair, f"{explained.EXPLAINED}: the same, reckoned") if short else None
    return at_odds(pair, 0.8, f"reckoned: {found.what}")


def of_one(pair: Pair, one: tuple[Reading, str | None], other: tuple[Reading, str | None]) -> bool:
    """Whether both phrases are told of the same person or thing."""
    (first, first_of), (second, second_of) = ((side, who or subject_of(side)) for side, who in (one, other))
    if first_of == "i" and second_of == "i":
        voices = {(side.speaker or "").casefold() for side in (first, second)}
        return len(voices - {""}) < 2
    if "i" in (first_of, second_of):
        return pair.same is True and first.subject.kind != second.subject.kind  # One says "I", the other one names the speaker.
    if first_of == second_of:
        return pair.same is not False and bool(first_of)
    return pair.pronoun and second_of in PRONOUNS if second is pair.new else pair.pronoun and first_of in PRONOUNS


def subject_of(side: Reading) -> str:
    """Of whom a phrase is told that does not say: the statement's subject, the speaker where there is none."""
    return "i" if side.subject.kind in ("self", "none", "thing") else side.subject.head


def presence_rule(pair: Pair) -> Judgement | None:
    """I have no car; somebody scratched my car."""
    word = presence.implied(pair.old.text, pair.new.text)
    if word is None or pair.same is False or not first_person(pair.old) or not first_person(pair.new):
        return None
    return None if change.earlier_time(pair.old.text) else at_odds(pair, 0.8, f"has and has not: {word}")


def subject_rule(pair: Pair) -> Judgement | None:
    """Two did the whole of the same; else another's affairs are no conflict."""
    sole = SOLE.search(pair.old.text) and SOLE.search(pair.new.text)
    persons = pair.old.subject.kind in ("self", "named") and pair.new.subject.kind in ("self", "named")
    if sole and persons and pair.old.subject != pair.new.subject and not pair.same and len(pair.shared) >= 2:
        return at_odds(pair, 0.7, "sole doer")
    return calm(pair, "other subject") if pair.same is False else None


def earlier_time_rule(pair: Pair) -> Judgement | None:
    """As a child I was afraid of dogs; I love dogs."""
    if change.earlier_time(pair.old.text) and not change.earlier_time(pair.new.text) and not change.lifelong(pair.new.text):
        return calm(pair, "another time")
    return None


def one_word_rule(pair: Pair) -> Judgement | None:
    """The shop is open; the shop is closed. Nothing but one word differs, and the two exclude each other."""
    differing = [at for at, (one, other) in enumerate(zip(pair.old.words, pair.new.words, strict=False)) if one != other]
    if len(pair.old.words) != len(pair.new.words) or len(differing) != 1 or differing[0] < 2 or pair.same is False:
        return None
    at = differing[0]
    early, late = pair.old.words[at], pair.new.words[at]
    one, other = stem(early), stem(late)
    is_one = any(word in BEING for word in pair.old.words[at - 2 : at])
    if other in OPPOSITES.get(one, frozenset()) or (is_one and one in EXCLUSIVE and EXCLUSIVE[one] == EXCLUSIVE.get(other)):
        return at_odds(pair, 0.9, f"all but one word the same: {early}, {late}")
    return None


def slot_rule(pair: Pair) -> Judgement | None:
    """Two homes, two names, two birthdays."""
    found = slots.at_odds(slots.find(pair.old.text), slots.find(pair.new.text))
    if found is None or (found[0].owner == "i" and pair.same is False):
        return None
    if found[0].name in {"workplace", "place"} and not pair.changed and pair.overlap < RELATED:
        return None
    return at_odds(pair, 0.85, f"slot: {found[0].name}")


def figure_rule(pair: Pair) -> Judgement | None:
    """Forty members, thirty members; the 12th, the 21st."""
    found = quantities.at_odds(pair.old.quantities, pair.new.quantities)
    if found is None:
        return None
    counted = found[0].kind == "count" and found[0].noun not in TIME_UNITS and pair.overlap > 0
    replaced = found[0].kind == "version" and pair.changed
    if pair.overlap >= RELATED or counted or replaced:
        return at_odds(pair, 0.6 + 0.4 * pair.overlap, f"figure: {found[0].kind}")
    return None


def quantifier_rule(pair: Pair) -> Judgement | None:
    """Everyone wants it; nobody wants it."""
    for one, other in ((pair.old, pair.new), (pair.new, pair.old)):
        if QUANTIFIED.search(one.text) and NONE.search(other.text):
            if polarity.opposed(one.stems, frozenset(), other.stems, frozenset()):
                return calm(pair, "the same, said the other way round")
            if len(pair.shared) < 2:
                continue
            return at_odds(pair, 0.5 + 0.4 * pair.overlap, "quantifiers")

    return None


def never_rule(pair: Pair) -> Judgement | None:
    """Never done, and told as done or as over."""
    for one, other in ((pair.old, pair.new), (pair.new, pair.old)):
        if "never" not in one.words or "never" in other.words or not (first_person(one) and first_person(other)):
            continue
        done = other.affirmed & one.denied and presence.practised(other.text)
        over = other is pair.new and other.stems & one.denied and OVER.search(other.text)
        if (done or over) and pair.overlap >= RELATED and pair.same is not False:
            return Judgement("contradiction", 0.5 + 0.3 * pair.overlap, "never, yet done")

    return None


def value_rule(pair: Pair) -> Judgement | None:
    """The same frame with another value of an exclusive family: painting the wall blue, painting the wall purple."""
    old, new = pair.old, pair.new
    if pair.same is None and old.subject.head and new.subject.head and old.subject.head != new.subject.head:
        return None
    rest = min(len(old.stems), len(new.stems)) - 1
    framed = len(pair.shared) / rest if rest > 0 else 0.0
    if not pair.shared or framed < 0.5:
        return None
    for late in sorted(new.affirmed - old.stems):
        for early in sorted(old.affirmed - new.stems):
            family = EXCLUSIVE.get(late)
            if family and EXCLUSIVE.get(early) == family and WITHIN.get(late) != early and WITHIN.get(early) != late:
                return at_odds(pair, 0.5 + 0.4 * min(framed, 1.0), f"exclusive: {family}")

    return None


def negation_rule(pair: Pair) -> Judgement | None:
    """One affirms what the other denies."""
    flipped = (pair.old.denied & pair.new.affirmed) | (pair.new.denied & pair.old.affirmed)
    if not flipped or pair.old.denied & pair.new.denied or pair.overlap < 0.3:
        return None
    if {pair.old.subject.kind, pair.new.subject.kind} == {"named", "self"} and pair.same is None:
        return None
    if bool(NORM.search(pair.old.text)) != bool(NORM.search(pair.new.text)):
        return calm(pair, "a rule, and what is done")
    return at_odds(pair, 0.45 + 0.5 * pair.overlap, f"negation: {as_said(min(flipped), pair)}")


def as_said(stemmed: str, pair: Pair) -> str:
    """The word as it stands in one of the texts: people read the reason."""
    words = (word for text in (pair.new.text, pair.old.text) for word in tokens(text))
    return next((word for word in words if stem(word) == stemmed), stemmed)


def opposite_rule(pair: Pair) -> Judgement | None:
    """Open and shut; brilliant and a disaster."""
    found = polarity.opposed(pair.old.stems, pair.old.denied, pair.new.stems, pair.new.denied)
    if found and (pair.shared or pair.same or pair.pronoun) and not (pair.old.denied or pair.new.denied):
        return at_odds(pair, 0.5 + 0.4 * pair.overlap, f"opposites: {found}")

    old, new = (polarity.sentiments(side.affirmed, side.denied) for side in (pair.old, pair.new))
    alike = pair.shared or (pair.old.subject == pair.new.subject and pair.old.subject.kind in ("pronoun", "thing", "named"))
    if old * new < 0 and alike and pair.soon:
        return at_odds(pair, 0.5 + 0.4 * pair.overlap, "opposite judgements")
    return None


def correction_rule(pair: Pair) -> Judgement | None:
    """A taken-back plan that need not name what it takes back; the kind of figure in both says which is meant."""
    if not change.correction(pair.new.text):
        return None
    kinds = {quantity.kind for quantity in pair.old.quantities} & {quantity.kind for quantity in pair.new.quantities}
    if pair.overlap >= RELATED:
        return Judgement("update", 0.5 + 0.4 * pair.overlap + 0.1 * bool(kinds), "taken back")
    if pair.soon:
        asked = modality.request(pair.old.text)
        return Judgement("update", 0.4 + 0.2 * bool(kinds) + 0.1 * asked + 0.2 * pair.overlap, "taken back, just said")
    return None


def retort_rule(pair: Pair) -> Judgement | None:
    """No it isn't. What was said last is meant."""
    if not change.retort(pair.new.text) or not pair.soon:
        return None
    minutes = (pair.new.time - pair.old.time).total_seconds() / 60 if pair.new.time and pair.old.time else 0.0
    return Judgement("contradiction", 0.5 + 0.35 * math.exp(-minutes / 15), "a retort") if minutes <= 45 else None


def ended_rule(pair: Pair) -> Judgement | None:
    """A sign of change about the same thing."""
    if not pair.changed or change.lifelong(pair.new.text) or pair.overlap < RELATED:
        return None
    if pair.old.time is not None and pair.new.time is not None and pair.new.time <= pair.old.time:
        return None
    head = pair.new.subject.head
    if pair.same is None and pair.new.subject.kind in ("thing", "own") and head not in pair.old.stems:
        return None
    if change.of_something_else(pair.new.text, pair.old.stems, pair.old.families):
        return None
    return Judgement("update", 0.4 + 0.4 * pair.overlap + 0.1 * bool(pair.same), "changed")


def first_person(reading: Reading) -> bool:
    """Whether the speaker comes into it."""
    return not {"i", "my", "we", "our", "me", "us"}.isdisjoint(reading.words)


RULES: tuple[Rule, ...] = (
    repeated_rule,
    retort_rule,
    unasserted_rule,
    explained_rule,
    way_of_life_rule,
    stage_rule,
    years_rule,
    presence_rule,
    subject_rule,
    earlier_time_rule,
    one_word_rule,
    slot_rule,
    figure_rule,
    quantifier_rule,
    never_rule,
    value_rule,
    negation_rule,
    opposite_rule,
    correction_rule,
    ended_rule,
)
