"""Finding what a remembered statement is at odds with: few candidates by recall, one finding a pair."""

from __future__ import annotations

import re

from actors.memory.messages import Change, Memory, Recall, Recalled
from actors.paradox.follower import Asks
from actors.paradox.judge import asserts, judge_pair
from actors.paradox.judging.pair import Judgement
from actors.paradox.kinds import kind_of
from actors.paradox.messages import Side, Statement
from actors.paradox.settings import ParadoxSettings
from actors.paradox.store import Effect, Finding

__all__ = ["findings"]

KINDS = ("turn", "fact", "statement")
WHOLE = 300
"""Characters up to which a text is judged as one; a longer one is judged sentence by sentence."""

SENTENCES = 8
"""Of a long text, so many sentences are compared."""

LONGEST_SIDE = 16_384
"""Characters of a text that a paradox keeps: those that are compared stand at its beginning."""


async def findings(change: Change, ask: Asks, settings: ParadoxSettings) -> list[Effect]:
    """The contradictions and updates between a new memory and older ones of its namespace."""
    new = change.memory
    if new is None or new.kind not in KINDS or new.valid_to is not None or derived(new):
        return []
    if not any(asserts(part) for part in parts(new.text)):
        return []

    recalled: Recalled = await ask(
        Recall(
            namespace=change.namespace,
            query=new.text[:2000],
            k=settings.candidates,
            kinds=KINDS,
            exclude=(new.id,),
        ),
        timeout=30,
        lane="bg",
    )
    # Each pair is judged once: when the one that came in later is taken from the feed.
    candidates = [old for old in recalled.memories if old.id < new.id and comparable(old, new)]
    found: list[Effect] = []
    for old in candidates:
        earlier, later = sorted((old, new), key=lambda memory: (memory.time, memory.id))
        judgement = judge_texts(earlier, later)
        if judgement is not None and judgement.score >= settings.keep_from:
            found.append(finding(earlier, later, judgement))

    return found


def comparable(old: Memory, new: Memory) -> bool:
    """People are compared with people, the assistant with itself; what is derived from a turn would count it twice."""
    return not derived(old) and (old.role == "assistant") == (new.role == "assistant") and old.valid_to is None


def derived(memory: Memory) -> bool:
    return any(link.relation in ("derives_from", "summarises") for link in memory.links)


def judge_texts(earlier: Memory, later: Memory) -> Judgement | None:
    """The surest conflict between the two, if any."""
    best: Judgement | None = None
    for new in parts(later.text):
        for old in parts(earlier.text):
            judgement = judge_pair(
                Statement(text=old, speaker=earlier.speaker, time=earlier.time),
                Statement(text=new, speaker=later.speaker, time=later.time),
            )
            at_odds = judgement.verdict in ("contradiction", "update")
            if at_odds and (best is None or judgement.score > best.score):
                best = judgement

    return best


def parts(text: str) -> list[str]:
    """A short text whole, a long one's first sentences."""
    if len(text) <= WHOLE:
        return [text]
    sentences = [sentence.strip() for sentence in re.split(r"(?<=[.!?])\s+|\n+", text)]
    return [sentence[:WHOLE] for sentence in sentences if sentence][:SENTENCES]


def finding(earlier: Memory, later: Memory, judgement: Judgement) -> Finding:
    return Finding(
        namespace=later.namespace,
        earlier=side(earlier),
        later=side(later),
        verdict=judgement.verdict,
        type=kind_of(earlier, later, judgement.why),
        score=judgement.score,
        importance=max(earlier.importance, later.importance),
        why=judgement.why,
    )


def side(memory: Memory) -> Side:
    return Side(memory=memory.id, text=memory.text[:LONGEST_SIDE], speaker=memory.speaker, time=memory.time)
