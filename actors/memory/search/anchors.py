"""Anchors: when the event was by which a query tells a time. Found as anything else is: by a recall of what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import apsw

from actors.memory.embedding.embedders import Question
from actors.memory.search.asks import named_in
from actors.memory.search.candidates import Query, Wanted
from actors.memory.search.events import Anchor, Event
from actors.memory.search.finding import find
from actors.memory.search.lexical import words_of
from actors.memory.search.scoring import DAY_US, EPOCH, score
from actors.memory.search.shelves import NamespaceArrays
from actors.memory.search.times import spans_of
from actors.memory.settings import MemorySettings, RecallWeights
from actors.memory.tail import Tail
from actors.moments import moment

__all__ = ["anchor_of"]

SURE = 3.0
"""Deviations above the mean that a record's meaning has to be to tell of an event of whose words it has none."""


def anchor_of(  # noqa: PLR0917 (what a recall has)
    connection: apsw.Connection,
    event: Event,
    wanted: Wanted,
    held: NamespaceArrays,
    tail: Tail,
    settings: MemorySettings,
    question: Question | None,
) -> Anchor | None:
    """When an event was; None where no record tells of it.

    Args:
        connection: to read from.
        event: what happened.
        wanted: the recall whose query tells a time by it: its filters hold here too.
        held: the namespace's arrays.
        tail: what the full-text index has not yet.
        settings: as of the recall. Requests' own weights are meant for what they look for, not for this.
        question: the event's vectors.
    """
    text = event.text
    if not named_in(text, held.shelf.names):
        text = " ".join([*named_in(wanted.message.query, held.shelf.names), text])
    message = wanted.message.model_copy(update={"query": text})
    words = tuple(words_of(event.text))
    found = find(connection, replace(wanted, message=message, words=words, question=question), held, tail, settings.candidates)
    if not len(found.candidates):
        return None
    scores = score(found.candidates, found.measures, Query(text, words, moment(wanted.now)), RecallWeights(), settings)
    best = scores.best(1, found.candidates.numbers)
    if not len(best):
        return None
    row = int(best[0])
    meant = float(scores.terms["dense"][row] + scores.terms["context"][row])
    if found.measures.bm25_around[row] <= 0 and meant < SURE:
        return None
    number, time = int(found.candidates.numbers[row]), int(found.candidates.times[row])
    return told_by(connection, event, number, time)


def told_by(connection: apsw.Connection, event: Event, number: int, time: int) -> Anchor:
    """When an event was of which a record tells: as its text says ("last week"), or else when that was said."""
    said = moment(time).date()
    row: Any = connection.execute("SELECT text FROM memory WHERE number = ?", (number,)).fetchone()
    for span in spans_of(row[0], said):
        if not span.vague and span.first <= said:
            return Anchor(event, span.first.toordinal(), min(span.last, said).toordinal(), number)
    return Anchor(event, time // DAY_US + EPOCH, time // DAY_US + EPOCH, number)
