"""How an answer is to be given, and what it is told of that."""

import pytest

from actors.thinking.intent import Intent
from actors.thinking.messages import INTENTS, GetThought, Think
from actors.thinking.mood import mood_of, mood_with
from actors.thinking.strategy import CRISIS, GUIDANCE, strategy_for
from tests.thinking.house import house
from tests.thinking.test_think import prompt_of, user


def intent(name: str, confidence: float = 0.9) -> Intent:
    return Intent(name, confidence, dict.fromkeys(INTENTS, 0.0))


@pytest.mark.parametrize(
    ("text", "name", "more", "strategy"),
    [
        ("When does it open?", "information_seeking", {}, "direct"),
        ("How do I fix it?", "problem_solving", {}, "direct"),
        ("Help me understand why it breaks, don't just tell me the answer", "problem_solving", {}, "socratic"),
        ("I feel so alone and sad", "emotional_support", {}, "supportive"),
        ("I'm furious, I hate him", "emotional_support", {}, "mirroring"),
        ("Write a song", "creative_collaboration", {}, "playful"),
        ("We had a wonderful happy day", "social_interaction", {}, "playful"),
        ("Good evening", "social_interaction", {}, "mirroring"),
        ("What is time?", "philosophical", {}, "reflective"),
        ("I was right, wasn't I?", "validation_seeking", {}, "reflective"),
        ("I was right, wasn't I?", "validation_seeking", {"tensions": ["px_1"]}, "provocative"),
        ("Prove it", "challenge_authority", {}, "provocative"),
        ("You stupid useless liar", "challenge_authority", {}, "redirection"),
        ("I want to die", "emotional_support", {}, "redirection"),
        ("When does it open?", "information_seeking", {"profile": ["Ada: likes banter"]}, "playful"),
        ("I feel so alone and sad", "emotional_support", {"profile": ["Ada: likes banter"]}, "supportive"),
        ("Does Ana live in Porto?", "information_seeking", {"tensions": ["px_1"]}, "reflective"),
        ("Write a song", "creative_collaboration", {"machine": True}, "direct"),
    ],
)
def test_the_strategy_follows_from_intent_mood_tensions_and_profile(text, name, more, strategy) -> None:
    found = strategy_for(text, intent(name), mood_of(text), **more)

    assert found.name == strategy
    assert found.why


def test_an_intent_in_doubt_decides_nothing() -> None:
    assert strategy_for("Hm", intent("creative_collaboration", 0.2), mood_of("Hm")).name == "direct"


def test_who_may_be_in_danger_is_pointed_to_people_who_can_help() -> None:
    assert strategy_for("I want to end it all", intent("philosophical"), mood_of("I want to end it all")).guidance == CRISIS


@pytest.mark.parametrize(
    ("text", "feeling"),
    [
        ("I'm so sad and lonely", "sadness"),
        ("This is wonderful, thanks", "joy"),
        ("I am not sad", "neutral"),
        ("", "neutral"),
    ],
)
def test_the_mood_is_read_from_words(text, feeling) -> None:
    assert mood_of(text).strongest[0] == feeling


def test_what_was_felt_in_the_turn_before_counts_half() -> None:
    assert mood_with(mood_of("whatever"), {"grief": 0.9, "joy": 0.05}).felt == {"sadness": 0.45}
    assert mood_with(mood_of("I'm sad, so sad"), {"grief": 0.9}).felt["sadness"] > 0.6


async def test_the_model_is_told_in_a_line_and_the_thought_says_why(short_dir, model) -> None:
    asked = Think(session="s", messages=(user("I feel so sad and lonely since she left me."),))
    async with house(short_dir, url=model.base_url) as host:
        answer = await host.ref("thinking").ask(asked)
        record = await host.ref("thinking").ask(GetThought(thought_id=answer.thought_id))

    assert GUIDANCE["supportive"] in prompt_of(model.log()[-1])
    assert record.strategy == "supportive"
    assert record.mood["sadness"] > 0.4
    assert record.strategy_why


async def test_it_is_told_nothing_where_the_settings_say_so(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, guide=False) as host:
        await host.ref("thinking").ask(Think(messages=(user("I feel so sad and lonely since she left me."),)))

    assert GUIDANCE["supportive"] not in prompt_of(model.log()[-1])
