"""Mood: what a text seems to feel, from words alone. Knows no actor.

It reads a few hundred English words in seven groups. Where memory or a message brings an affect vector (28 GoEmotions
labels), that is folded into the same groups instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["GROUPS", "Mood", "mood_of", "mood_with"]

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "sadness": ("sadness", "grief", "disappointment", "remorse"),
    "fear": ("fear", "nervousness"),
    "anger": ("anger", "annoyance", "disapproval", "disgust"),
    "joy": (
        "joy",
        "amusement",
        "excitement",
        "love",
        "optimism",
        "pride",
        "relief",
        "gratitude",
        "admiration",
        "caring",
        "approval",
    ),
    "curiosity": ("curiosity", "confusion", "realization", "surprise"),
    "shame": ("embarrassment",),
    "desire": ("desire",),
}
"""Which GoEmotions labels a group stands for."""

WORDS: Final[dict[str, str]] = {
    "sadness": """sad sadness lonely alone grief grieving mourning crying cried cry tears heartbroken depressed hopeless
    miserable
        empty numb devastated lost loss died death funeral miss missing hurt hurts hurting broken worthless tired exhausted
        drained disappointed unhappy gloomy homesick""",
    "fear": """afraid scared scary fear anxious anxiety worried worry worrying nervous panic panicking terrified dread dreading
        overwhelmed stressed stress insecure frightened uneasy""",
    "anger": """angry furious mad rage annoyed annoying irritated hate hates sick stupid idiot ridiculous unacceptable
    outrageous useless fed pissed disgusting awful terrible nonsense rubbish garbage liar lying""",
    "joy": """happy glad excited thrilled love loved loving great wonderful amazing awesome fantastic proud grateful
    thankful thanks delighted yay haha lol fun funny hilarious cheerful joy relieved finally celebrate""",
    "curiosity": """curious wonder wondering interesting fascinated confused confusing puzzled strange odd""",
    "shame": """ashamed embarrassed embarrassing guilty guilt humiliated regret""",
    "desire": """wish wishing want wanting hope hoping dream longing""",
}
LEXICON: Final = {word: group for group, words in WORDS.items() for word in words.split()}
WEIGHT: Final = {"desire": 0.2, "curiosity": 0.3}
"""How far one word speaks for its group; 0.4 where nothing is said here. "Want" says less than "furious"."""

WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
NEGATION: Final = frozenset(
    {"not", "no", "never", "isn't", "don't", "doesn't", "didn't", "wasn't", "aren't", "won't", "can't", "nothing"}
)
REACH: Final = 3
"""Words after a negation that it turns off."""

LONGEST: Final = 4_000
FADED: Final = 0.5
LEAST: Final = 0.1

CRISIS: Final = re.compile(
    r"\b(?:kill(?:ing)? myself|suicid\w*|end (?:my life|it all)|want(?:ed)? to die|hurt(?:ing)? myself|self[- ]harm\w*"
    r"|don't want to (?:live|be here|exist|wake up)|better off without me|no reason to (?:live|go on))\b"
)
"""Someone may be in danger. No classifier: what it misses and what it takes for more than it was are both on the safe side."""


class Mood(NamedTuple):
    """How strongly each group is felt, in [0, 1], those that are not left out; and whether someone may be in danger."""

    felt: dict[str, float]
    crisis: bool = False

    @property
    def strongest(self) -> tuple[str, float]:
        """The group felt most, and how much; ("neutral", 0) where there is none."""
        return max(self.felt.items(), key=lambda one: (one[1], one[0]), default=("neutral", 0.0))


def mood_of(text: str) -> Mood:
    """The mood of a text: a noisy or over its words, so that several weigh more than one."""
    seen = text[-LONGEST:].lower().replace("\u2019", "'")
    felt: dict[str, float] = {}
    turned_off = 0
    for word in WORD.findall(seen):
        if word in NEGATION:
            turned_off = REACH
            continue

        group = LEXICON.get(word)
        if group is not None and turned_off == 0:
            felt[group] = 1 - (1 - felt.get(group, 0.0)) * (1 - WEIGHT.get(group, 0.4))
        turned_off = max(turned_off - 1, 0)

    return Mood({group: round(value, 3) for group, value in felt.items()}, CRISIS.search(seen) is not None)


def mood_with(mood: Mood, affect: Mapping[str, float]) -> Mood:
    """A mood with what was felt in the turn before it, at half its strength: people do not change as fast as they write.

    `affect` is by GoEmotions' labels, as memory keeps it.
    """
    felt = dict(mood.felt)
    for group, labels in GROUPS.items():
        before = FADED * max((affect.get(label, 0.0) for label in labels), default=0.0)
        if before >= LEAST:
            felt[group] = round(max(felt.get(group, 0.0), before), 3)

    return Mood(felt, mood.crisis)
