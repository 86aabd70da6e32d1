"""Finding what a remembered statement is at odds with: few candidates by recall, one finding a pair."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from actors.asks import Asks
from actors.memory.messages import Change, Memory, Recall, Recalled
from actors.paradox.effects import Doubt, Effect, Finding, Revision, says_one_thing
from actors.paradox.judge import asserts, is_read, parts
from actors.paradox.judging.pair import Judgement
from actors.paradox.kinds import kind_of
from actors.paradox.messages import Side, Statement
from actors.paradox.settings import ParadoxSettings

__all__ = ["DOUBT_FROM", "KINDS", "comparable_by", "finding", "findings", "revised", "said"]

KINDS = ("turn", "fact", "statement")

DOUBT_FROM = 0.3
"""What is less probable than this is no doubt: otherwise a model would have to be asked about nearly everything."""

UNREAD_AT_MOST = 0.5
"""How probable something that nobody has read is at most."""

READ_ALONE = 30
"""Words of a text up to which the network is believed alone: it was taught on texts of up to 21, and finds something in most
that go on for longer."""

LONGEST_SIDE = 16_384
"""Characters of a text that a paradox keeps: those that are compared stand at its beginning."""

Judges = Callable[[Sequence[tuple[Statement, Statement]]], Awaitable[list[Judgement]]]


async def findings(change: Change, ask: Asks, judges: Judges, settings: ParadoxSettings) -> list[Effect]:
    """The contradictions and updates between a new memory and those of its namespace that were there before."""
    new = change.memory
    if new is None:
        return []
    if change.cause == "import":
        # It may have kept an old id: what has a newer one may have been judged before it came. Two that are imported are
        # judged twice, and found once.
        return [*await against(new, ask, judges, settings, lambda old: old.id != new.id)]
    # Each pair is judged once: when the one that came in later is taken from the feed.
    return [*await against(new, ask, judges, settings, lambda old: old.id < new.id)]


async def revised(change: Change, texts: set[str], ask: Asks, judges: Judges, settings: ParadoxSettings) -> list[Effect]:
    """What a record is at odds with now that its text was corrected; nothing where `texts`, its old ones, stand."""
    new = change.memory
    if new is None or texts == {new.text[:LONGEST_SIDE]}:
        return []
    found = await against(new, ask, judges, settings, lambda old: old.id != new.id)
    return [Revision(change.namespace, change.id, tuple(found))]


async def against(
    new: Memory, ask: Asks, judges: Judges, settings: ParadoxSettings, wanted: Callable[[Memory], bool]
) -> list[Finding | Doubt]:
    """A record against what recall finds beside it: what it is at odds with, and the one of which that is most in doubt."""
    if new.kind not in KINDS or new.valid_to is not None or derived(new):
        return []
    if not any(asserts(part) for part in parts(new.text)):
        return []

    candidates = [old for old in await beside(new, ask, settings.candidates) if wanted(old) and comparable(old, new)]
    ordered = [sorted((old, new), key=lambda memory: (memory.time, memory.id)) for old in candidates]
    judged = await judges([(stated(earlier), stated(later)) for earlier, later in ordered])
    found = []
    guesses = []
    for (earlier, later), judgement in zip(ordered, judged, strict=True):
        if judgement.verdict in ("contradiction", "update"):
            found.append(finding(earlier, later, judgement, settings))
            if is_guess(judgement, (earlier.text, later.text), later.role, settings):
                guesses.append(found[-1])
    # Rules and network read English: what they say of another language is a doubt at most.
    read = [one for one in found if is_read(one.earlier.text, one.later.text)]
    unread = [replace(one, score=min(one.score, UNREAD_AT_MOST), settled=False, ends=False) for one in found if one not in read]
    kept = [one for one in read if one.score >= settings.keep_from and one not in guesses]
    doubts = [one for one in (*read, *unread) if one.score >= DOUBT_FROM and one not in kept]
    if not settings.judge_model or not doubts:
        return [*kept]
    return [*kept, Doubt(max(doubts, key=lambda one: (one.score, one.id)))]


async def beside(new: Memory, ask: Asks, most: int) -> list[Memory]:
    """What recall finds for a record's text; where that is mostly others' words, what it finds of its own speaker's as well.

    What was derived from turns is found beside them, word for word: twice as much is asked for, so that it takes no places.
    """
    recall = Recall(namespace=new.namespace, query=new.text[:2000], k=2 * most, kinds=KINDS, exclude=(new.id,))
    found = said(await ask(recall, timeout=30, lane="bg"), most)
    others = sum(old.speaker != new.speaker for old in found)
    if new.speaker is None or len(found) < most or 2 * others <= most:
        return found

    known = (new.id, *(old.id for old in found))
    own = recall.model_copy(update={"speaker": new.speaker, "exclude": known})
    return [*found, *said(await ask(own, timeout=30, lane="bg"), most)]


def said(recalled: Recalled, most: int) -> list[Memory]:
    """The best of what was found that is not derived."""
    found: list[Memory] = [memory for memory in recalled.memories if not derived(memory)]
    return found[:most]


def comparable(old: Memory, new: Memory) -> bool:
    """People are compared with people, the assistant with itself; what has ended with nobody."""
    return (old.role == "assistant") == (new.role == "assistant") and old.valid_to is None


def is_guess(judgement: Judgement, texts: tuple[str, str], role: str | None, settings: ParadoxSettings) -> bool:
    """Whether too little speaks for it: nothing but the network, taught on short memories that were picked for being alike.

    In a talk most of what stands beside each other has nothing to do with each other, an assistant's courtesies least of all.
    """
    if not judgement.alone:
        return False
    if role == "assistant" or not judgement.overlap or judgement.score < settings.keep_alone_from:
        return True
    return any(len(text.split()) > READ_ALONE for text in texts)


def comparable_by(speaker: str | None, other: str | None) -> bool:
    """Whether both may be the same person's words."""
    return speaker is None or other is None or speaker == other


def derived(memory: Memory) -> bool:
    """Made from other records, which are compared themselves."""
    return any(link.relation in ("derives_from", "summarises") for link in memory.links)


def stated(memory: Memory) -> Statement:
    return Statement(text=memory.text[:65_536], speaker=memory.speaker, time=memory.time)


def finding(earlier: Memory, later: Memory, judgement: Judgement, settings: ParadoxSettings) -> Finding:
    """What is kept of a judgement, and whether it settles itself."""
    sure = judgement.verdict == "update" and judgement.signed and judgement.score >= settings.supersede_from
    settled = sure and comparable_by(earlier.speaker, later.speaker)
    return Finding(
        namespace=later.namespace,
        earlier=side(earlier),
        later=side(later),
        verdict=judgement.verdict,
        type=kind_of(earlier, later, judgement.why),
        score=judgement.score,
        importance=max(earlier.importance, later.importance),
        why=judgement.why,
        settled=settled,
        ends=settled and says_one_thing(earlier.text),
    )


def side(memory: Memory) -> Side:
    return Side(memory=memory.id, text=memory.text[:LONGEST_SIDE], speaker=memory.speaker, time=memory.time)
