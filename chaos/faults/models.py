"""Row 8: every model endpoint down, slow, lying."""

from __future__ import annotations

from typing import Any

from chaos.probing import Answered, chat
from chaos.row import Own, Row
from chaos.scene import Scene

__all__ = ["ROWS"]

HONEST = (429, 503)
"""Statuses of an answer that says that there is none."""

PATIENCE_S = 45.0
"""How long a chat may take, whatever its models do, in seconds. An endpoint is given 20 s for its first word, and an only
endpoint twice that, once (docs/models.md)."""

NEXT_S = 10.0
"""How long the chats after the first may take, in seconds: by then it is known that the models are mute."""

QUESTIONS = 6
LIES: tuple[dict[str, Any], ...] = (
    {"fault": "garbage"},
    {"fault": "html"},
    {"fault": "wrong_type"},
    {"fault": "error_inside"},
    {"fault": "cut_clean"},
    {"fault": "status", "status": 500},
)


def down(scene: Scene) -> None:
    """The only endpoint is gone."""
    scene.models.stop()
    try:
        ask_all(scene, "down")
    finally:
        scene.models.start()
        scene.models.always(mode="echo")
    answers_again(scene)


def slow(scene: Scene) -> None:
    """The only endpoint takes a minute for its first word."""
    scene.models.always(mode="echo", delay_first_s=60.0)
    try:
        ask_all(scene, "slow")
    finally:
        scene.models.reset()
        scene.models.always(mode="echo")
    answers_again(scene)


def lying(scene: Scene) -> None:
    """The only endpoint answers, and what it answers is none: each kind of lie in turn."""
    for lie in scene.rng.sample(LIES, len(LIES)):
        scene.models.always(mode="echo", **lie)
        ask_all(scene, str(lie["fault"]), questions=2)
    scene.models.reset()
    scene.models.always(mode="echo")
    answers_again(scene)


def ask_all(scene: Scene, what: str, questions: int = QUESTIONS) -> None:
    """Some questions: each answer is whole, or says that it is none, or that it is made without a model; all in time."""
    for number in range(questions):
        within_s = NEXT_S * scene.slowness if number else PATIENCE_S
        text = f"{what} {number} {scene.rng.random()}"
        answer = chat(scene.house.port, text, session=f"{scene.name}-{number}")
        kind = kind_of(answer, text)
        scene.count(kind)
        scene.require(kind != "wrong", f"{what}: answered {answer.status} {answer.body}")
        scene.require(answer.seconds < within_s, f"{what}: question {number} was answered after {answer.seconds:.1f} s")
        slowest = f"{what}_next_s" if number else f"{what}_s"
        scene.figures[slowest] = max(scene.figures.get(slowest, 0.0), round(answer.seconds, 2))


def kind_of(answer: Answered, text: str) -> str:
    """whole, degraded (and says so), refused (and says so), or wrong."""
    if answer.status in HONEST:
        return "refused"
    if answer.degraded:
        return "degraded"
    return "whole" if answer.status == 200 and answer.text == text else "wrong"


def answers_again(scene: Scene) -> None:
    """The models are well: a chat is answered by one."""
    scene.until(
        "a chat is answered by a model again",
        lambda: kind_of(chat(scene.house.port, "again", session=f"{scene.name}-again"), "again") == "whole",
        PATIENCE_S + 20.0,
    )


ROWS = tuple(
    Row(
        name=f"models-{name}",
        number=8,
        fault=fault,
        passes="the first chat of a fault is answered in 45 s, the next in 10: whole, without a model and said so, or with a"
        " 503; then by a model again",
        run=run,
        own=Own(),
        load=False,
        grows_mb=256,
    )
    for name, fault, run in (
        ("down", "every model endpoint is gone", down),
        ("slow", "every model endpoint takes a minute for its first word", slow),
        ("lying", "every model endpoint answers with garbage, pages, errors inside, half of it", lying),
    )
)
