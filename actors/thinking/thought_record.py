"""The record of a thought, made from its course at whatever point it ended."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from actors.llm.messages import Usage
from actors.thinking.course import Course
from actors.thinking.messages import ThoughtRecord

__all__ = ["record_of"]

LONGEST_REASONING = 65_536


def record_of(course: Course) -> ThoughtRecord:
    """What is kept of a thought in private."""
    message, calls, ladder = course.message, course.calls, course.ladder
    answering = ladder.answering if ladder is not None else None
    return ThoughtRecord(
        thought_id=course.id,
        namespace=message.namespace,
        session=course.remembering.session,
        time=course.mind.clock.now(),
        intent=course.intent.name,
        confidence=course.intent.confidence,
        intents=course.intent.scores,
        intent_by="model" if course.intent_by_model else "classifier",
        mood=course.mood.felt,
        strategy=course.strategy.name,
        strategy_why=course.strategy.why,
        effort=message.effort,
        rung=ladder.rung if ladder is not None else "full",
        rung_why=tuple(ladder.why) if ladder is not None else (),
        context=tuple(context_told(course)),
        missing=tuple(f"{part}: {reason}" for part, reason in course.missing.items()),
        reasoning=answering.reasoning[:LONGEST_REASONING] if answering is not None else "",
        drafts=tuple(calls.drafts),
        steps=tuple(course.steps.done),
        degraded=ladder.degraded if ladder is not None else False,
        endpoint=ladder.endpoint if ladder is not None else None,
        attempts=calls.attempts,
        calls=calls.count,
        usage=calls.usage if calls.count else Usage(),
        cost=calls.cost,
        notes=tuple(calls.notes),
        reused_from=course.reused.thought_id if course.reused is not None else None,
        memories=course.remembering.left_behind,
    )


def context_told(course: Course) -> Iterator[dict[str, JsonValue]]:
    """The context by ids and scores, never by its texts."""
    material, context = course.lookup.material, course.lookup.context
    quoted = course.ladder.quoted if course.ladder is not None else ()
    shown = {memory.id for memory in (*material.memories, *quoted)}
    for part, memories in (("memory", context.recalled or quoted), ("search", context.searched)):
        for memory in memories:
            yield {
                "part": part,
                "id": memory.id,
                "score": memory.score,
                "explain": dict(memory.explain or {}),
                "shown": memory.id in shown,
            }

    for turn in material.tail:
        yield {"part": "session", "id": turn.id, "shown": True}
    for one in material.tensions:
        yield {
            "part": "paradox",
            "id": one.id,
            "tension": one.tension,
            "memories": [one.earlier.memory, one.later.memory],
            "shown": True,
        }
    for part, lines in (("profile", material.profile), ("statements", material.statements)):
        for line in lines:
            named: dict[str, JsonValue] = {"id": line.id} if line.id else {}
            yield {"part": part, **named, **line.told, "shown": True}
