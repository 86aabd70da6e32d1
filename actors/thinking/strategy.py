"""Strategy: how an answer is to be given, and why. Knows no actor.

Eight ways: direct, socratic, mirroring, playful, reflective, redirection, provocative, supportive. The first rule that
holds decides;
its reasons stand in the thought, and one line of guidance stands in the prompt. `direct` adds nothing to the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from actors.thinking.intent import Intent
from actors.thinking.mood import Mood

__all__ = ["GUIDANCE", "Strategy", "StrategyName", "strategy_for"]

StrategyName = Literal["direct", "socratic", "mirroring", "playful", "reflective", "redirection", "provocative", "supportive"]

GUIDANCE: Final[dict[StrategyName, str]] = {
    "direct": "",
    "socratic": "They want to understand it themselves: lead with one or two short questions or hints before you give the "
    "whole.",
    "mirroring": "First say back, in your own words, what you heard and how it seems to feel; then answer briefly.",
    "playful": "A light, inventive tone fits here; build on what they bring.",
    "reflective": "Think with them: weigh more than one view, say what speaks for each, and where you stand.",
    "redirection": "Stay calm and kind, do not argue about yourself, and bring the talk back to what can help.",
    "provocative": "Do not simply agree: name plainly, and without unkindness, what speaks against it.",
    "supportive": "Be warm and take the feeling seriously before any advice; offer no more advice than was asked for.",
}
CRISIS: Final = (
    "They may be in danger. Be warm and direct, ask whether they are safe, and point to people who can help now: someone near, "
    "a local crisis line, the emergency number."
)

SURE: Final = 0.35
"""Below this confidence an intent decides nothing."""

FELT: Final = 0.4
"""A mood of this strength counts: two plain words for it, or one strong one."""

LEARNING: Final = re.compile(
    r"\b(?:help me (?:understand|learn|figure out|see why)|teach me|quiz me|don't (?:just )?(?:tell|give) me the (?:answer"
    r"|solution)|hint|walk me through|i want to (?:learn|understand)|study(?:ing)? for|homework)\b",
    re.IGNORECASE,
)
LIKES: Final[tuple[tuple[StrategyName, re.Pattern[str]], ...]] = (
    ("direct", re.compile(r"\b(?:direct|brief|concise|short answers?|to the point|no small talk|terse)\b", re.IGNORECASE)),
    ("socratic", re.compile(r"\b(?:socratic|hints?|learns? by|questions? back)\b", re.IGNORECASE)),
    ("playful", re.compile(r"\b(?:playful|humou?r|jok(?:e|es|ing)|banter)\b", re.IGNORECASE)),
    ("provocative", re.compile(r"\b(?:debates?|push(?:ed)? back|challenged?|devil's advocate)\b", re.IGNORECASE)),
)
"""What a profile may say of how someone likes to be answered."""


class Strategy(NamedTuple):
    """The way, why, and the line that tells the model; empty where it is told nothing."""

    name: StrategyName
    why: tuple[str, ...]
    guidance: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules look at."""

    text: str
    intent: str
    """Empty where the classifier is not sure."""

    low: bool
    """Sadness, fear or shame is felt."""

    angry: bool
    happy: bool
    crisis: bool
    tension: str
    liked: StrategyName | None
    machine: bool


Rule = tuple[StrategyName, Callable[[Seen], bool], str]

RULES: Final[tuple[Rule, ...]] = (
    ("direct", lambda seen: seen.machine, "a program reads the answer"),
    ("redirection", lambda seen: seen.crisis, "someone may be in danger"),
    ("socratic", lambda seen: LEARNING.search(seen.text) is not None and not seen.low, "they want to find it themselves"),
    (
        "redirection",
        lambda seen: seen.intent == "challenge_authority" and seen.angry,
        "a challenge in anger: the matter, not the quarrel",
    ),
    ("provocative", lambda seen: seen.intent == "challenge_authority", "a challenge deserves a plain answer, not agreement"),
    (
        "provocative",
        lambda seen: seen.intent == "validation_seeking" and bool(seen.tension),
        "asks for agreement, and memory holds against it",
    ),
    ("mirroring", lambda seen: seen.intent == "validation_seeking" and seen.low, "asks for agreement out of a low mood"),
    ("reflective", lambda seen: seen.intent == "validation_seeking", "asks for agreement: honest before pleasant"),
    ("mirroring", lambda seen: seen.intent == "emotional_support" and seen.angry, "anger wants to be heard first"),
    ("supportive", lambda seen: seen.intent == "emotional_support" or seen.low, "a feeling stands before the matter"),
    ("reflective", lambda seen: bool(seen.tension), "memory holds two views of it"),
    ("playful", lambda seen: seen.intent == "creative_collaboration", "made together"),
    ("playful", lambda seen: seen.intent == "social_interaction" and seen.happy, "good company"),
    ("mirroring", lambda seen: seen.intent == "social_interaction", "company is what is asked for"),
    ("reflective", lambda seen: seen.intent == "philosophical", "a question without one answer"),
    ("direct", lambda seen: seen.intent == "mixed", "several wishes at once: each in turn"),
    ("direct", lambda seen: bool(seen.intent), "an answer is what is asked for"),
    ("direct", lambda _: True, "the intent is not clear enough to go by"),
)
"""The first that holds decides. Danger and feeling come before manner, what memory holds before what is usual."""

BEFORE_LIKING: Final = 11
"""Rules that hold whatever the profile says of how someone likes to be answered; behind them the profile decides."""


def strategy_for(
    text: str, intent: Intent, mood: Mood, *, tensions: Sequence[str] = (), profile: Sequence[str] = (), machine: bool = False
) -> Strategy:
    """Choose.

    Args:
        text: the question.
        intent: what it seems to want.
        mood: what it seems to feel.
        tensions: ids of open tensions that bear on the question.
        profile: what is known of how the user likes to be answered.
        machine: a program reads the answer (JSON, tools): it gets it straight.
    """
    seen = Seen(
        text=text,
        intent=intent.name if intent.confidence >= SURE else "",
        low=max(mood.felt.get(name, 0.0) for name in ("sadness", "fear", "shame")) >= FELT,
        angry=mood.felt.get("anger", 0.0) >= FELT,
        happy=mood.felt.get("joy", 0.0) >= FELT,
        crisis=mood.crisis,
        tension=tensions[0] if tensions else "",
        liked=next((name for name, sign in LIKES for line in profile if sign.search(line)), None),
        machine=machine,
    )
    feeling, strength = mood.strongest
    why = (f"intent {intent.name} ({intent.confidence:.2f})", f"mood {feeling} ({strength:.2f})")

    for place, (name, holds, reason) in enumerate(RULES):
        if place == BEFORE_LIKING and seen.liked is not None:
            return Strategy(seen.liked, (*why, "the profile says that they like it so"), GUIDANCE[seen.liked])
        if holds(seen):
            told = f"{reason} ({seen.tension})" if seen.tension and "memory" in reason else reason
            return Strategy(name, (*why, told), CRISIS if seen.crisis and name == "redirection" else GUIDANCE[name])

    raise AssertionError("the last rule always holds")
