"""Row 8: every model endpoint down, slow, lying; and more clients than the house can serve."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import aiohttp

from chaos.probing import Answered, chat
from chaos.row import Own, Row
from chaos.scene import Scene

__all__ = ["ROWS"]

HONEST = (429, 503)
"""Statuses of an answer that says that there is none."""

PATIENCE_S = 30.0
"""Within which a chat is answered, whatever its models do: an endpoint is given 20 s for its first word, once."""

QUESTIONS = 6
LIES: tuple[dict[str, Any], ...] = (
    {"fault": "garbage"},
    {"fault": "html"},
    {"fault": "wrong_type"},
    {"fault": "error_inside"},
    {"fault": "cut_clean"},
    {"fault": "status", "status": 500},
)

PLACES = 16
"""Requests that the flooded house handles at once."""

TIMES = 10
"""By which more is asked of it than it was seen to serve."""

KEPT = 0.8
"""Of its best, what it has to serve of that."""


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
        text = f"{what} {number} {scene.rng.random()}"
        answer = chat(scene.house.port, text, session=f"{scene.row.name}-{number}")
        kind = kind_of(answer, text)
        scene.count(kind)
        scene.require(kind != "wrong", f"{what}: answered {answer.status} {answer.body}")
        scene.require(answer.seconds < PATIENCE_S, f"{what}: answered after {answer.seconds:.1f} s")
        slowest = f"{what}_s"
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
        lambda: kind_of(chat(scene.house.port, "again", session=f"{scene.row.name}-again"), "again") == "whole",
        PATIENCE_S + 20.0,
    )


def flood(scene: Scene) -> None:
    """Ten times what was served at best: the rest is told so at once, and goodput stays."""
    asyncio.run(flooded(scene))


async def flooded(scene: Scene) -> None:
    """Peak by as many clients as there are places; then requests that come whether others are answered or not."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{scene.house.port}", connector=connector) as session:
        await peak_of(session, scene, 1.0)
        peak = await peak_of(session, scene, scene.seconds)
        offered = peak * TIMES
        scene.progress(f"peak {peak:.1f}/s, offering {offered:.0f}/s")

        answers: Counter[str] = Counter()
        took: list[float] = []
        asked: set[asyncio.Task[None]] = set()
        began, end = time.monotonic(), time.monotonic() + scene.seconds
        number = 0
        while (now := time.monotonic()) < end:
            due = int((now - began) * offered)
            while number < due:
                task = asyncio.create_task(ask(session, f"flood {number}", answers, took))
                asked.add(task)
                task.add_done_callback(asked.discard)
                number += 1
            await asyncio.sleep(0.005)
        await asyncio.gather(*asked)
        served = answers["200"] / (time.monotonic() - began)

    scene.figures |= {
        "peak_per_s": round(peak, 1),
        "offered_per_s": round(offered, 1),
        "served_per_s": round(served, 1),
        "slowest_refusal_s": round(max(took, default=0.0), 2),
        "answers": dict(answers),
    }
    scene.require(answers["429"], "nobody was told 429")
    scene.require(set(answers) <= {"200", "429", "503"}, f"answers: {dict(answers)}")
    scene.require(served >= KEPT * peak, f"it served {served:.1f}/s of {offered:.0f}/s, and {peak:.1f}/s at best")
    answers_again(scene)


async def peak_of(session: aiohttp.ClientSession, scene: Scene, seconds: float) -> float:
    """What is served to as many clients as there are places, a second."""
    answers: Counter[str] = Counter()
    end = time.monotonic() + seconds

    async def client(name: int) -> None:
        number = 0
        while time.monotonic() < end:
            await ask(session, f"peak {name} {number} {scene.rng.random()}", answers, [])
            number += 1

    await asyncio.gather(*(client(name) for name in range(PLACES)))
    return answers["200"] / seconds


async def ask(session: aiohttp.ClientSession, text: str, answers: Counter[str], refused: list[float]) -> None:
    """One chat, counted by its status; how long a refusal took."""
    began = time.monotonic()
    body = {"model": "gpt-test", "messages": [{"role": "user", "content": text}], "reasoning_effort": "minimal"}
    try:
        async with session.post("/v1/chat/completions", json=body) as response:
            await response.read()
            answers[str(response.status)] += 1
            if response.status == 429:
                refused.append(time.monotonic() - began)
    except aiohttp.ClientError as error:
        answers[f"{type(error).__name__}: {error}"] += 1


ROWS = (
    *(
        Row(
            name=f"models-{name}",
            number=8,
            fault=fault,
            passes="every chat is answered in 30 s: whole, without a model and said so, or with a 503; then by a model again",
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
    ),
    Row(
        name="flood",
        number=8,
        fault=f"{TIMES} times as many chats as it was seen to serve at its best",
        passes=f"the rest is told 429, goodput stays above {KEPT:.0%} of its best, and it serves as before afterwards",
        run=flood,
        own=Own(config=f"[gateway]\nmax_in_flight = {PLACES}\n"),
        load=False,
        grows_mb=256,
    ),
)
