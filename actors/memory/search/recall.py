"""Recall: from a query to the records that answer it best.

What is searched is held as arrays (`shelves.py`). Candidates are found and measured, by words and by meaning (`finding.py`),
then scored (`scoring.py`); only the records that are answered are read from the database.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import apsw

from actors.memory.embedding.embedders import Question
from actors.memory.embedding.passages import LONG, pieces
from actors.memory.messages import Recall, Recalled, Recollection
from actors.memory.search.anchors import anchor_of
from actors.memory.search.candidates import Measured, Query, Wanted
from actors.memory.search.events import event_in
from actors.memory.search.feeling import feelings_of
from actors.memory.search.finding import find
from actors.memory.search.lexical import WORD, words_of
from actors.memory.search.scoring import Scores, score
from actors.memory.search.shelves import Shelves
from actors.memory.settings import MemorySettings, RecallWeights
from actors.memory.store import NONSENSE, leave_out, rows_of, weight_of
from actors.memory.tail import Tail
from actors.memory.transaction import namespace_number
from actors.moments import moment
from transport.errors import Invalid

__all__ = ["View", "recall", "weights_of", "words_of"]


@dataclass(frozen=True, slots=True)
class View:
    """What a recall sees besides the database. Used by the reader's thread alone."""

    settings: MemorySettings
    shelves: Shelves
    tail: Tail


def recall(  # noqa: PLR0917 (what it is asked, and by whom)
    connection: apsw.Connection,
    message: Recall,
    now: int,
    view: View,
    question: Question | None,
    happened: Question | None = None,
) -> Recalled:
    """The best `k` records; none when the query has no words.

    Args:
        connection: in a transaction in which nothing was read yet.
        message: what to look for.
        now: microseconds since 1970; what is valid then is found, unless the message has `as_of`.
        view: settings, and what is held of the database.
        question: the query's vectors by the model that is in use; None to go by words alone.
        happened: those of the event by which the query tells a time (`events.event_in`).

    Raises:
        Invalid: a weight that there is not.
    """
    settings = view.settings
    weights = weights_of(message, settings)
    view.shelves.follow(connection)
    words = words_of(message.query)
    namespace = namespace_number(connection, message.namespace)
    if not words or namespace is None:
        return Recalled(memories=())

    view.tail.refresh(connection)
    wanted = Wanted(message, namespace, now, tuple(words), question)
    held = view.shelves.of(connection, namespace, records_in(connection, namespace))
    event = event_in(message.query) if weights.event else None
    if event is not None:
        wanted = replace(wanted, anchor=anchor_of(connection, event, wanted, held, view.tail, settings, happened))
    found = find(connection, wanted, held, view.tail, settings.candidates)
    if not len(found.candidates):
        return Recalled(memories=())
    query = Query(message.query, wanted.words, moment(now), wanted.anchor)
    feelings = feelings_of(connection, found.candidates.numbers, message.felt) if weights.affect else None
    scores = score(found.candidates, found.measures, query, weights, settings, feelings=feelings)
    return Recalled(memories=told(connection, wanted, found, scores, settings.page_bytes))


def weights_of(message: Recall, settings: MemorySettings) -> RecallWeights:
    """The settings' weights with the message's in their place."""
    for name in message.weights or {}:
        if name not in RecallWeights.model_fields:
            known = ", ".join(RecallWeights.model_fields)
            raise Invalid(f"weights.{name}: no such term; there are {known}", detail={"field": f"weights.{name}"})
    return settings.weights.model_copy(update=message.weights) if message.weights else settings.weights


def records_in(connection: apsw.Connection, namespace: int) -> int:
    """How many records a namespace has."""
    row: Any = connection.execute("SELECT coalesce(sum(count), 0) FROM tally WHERE namespace = ?", (namespace,)).fetchone()
    count: int = row[0]
    return count


def told(
    connection: apsw.Connection, wanted: Wanted, found: Measured, scores: Scores, page_bytes: int
) -> tuple[Recollection, ...]:
    """As many of the best as fit one answer."""
    message = wanted.message
    numbers = found.candidates.numbers
    chosen = [(int(numbers[row]), int(row)) for row in scores.best(message.k, numbers)]
    listed = json.dumps([number for number, _ in chosen])
    rows = dict(rows_of(connection, "WHERE m.number IN (SELECT value FROM json_each(?))", (listed,)))
    memories: list[Recollection] = []
    left = page_bytes
    for number, row in chosen:
        fields = rows.get(number)
        if fields is None:
            continue
        passage = None
        if len(fields["text"]) > LONG:
            start, stop = found.passage(number) or by_words(fields["text"], wanted.words)
            passage = fields["text"][start:stop]
        explain = scores.explain(row) if message.explain else None
        try:
            total = float(scores.total[row])
            memory = Recollection(**fields, score=total, nearness=near(found, row), explain=explain, passage=passage)
        except NONSENSE as error:
            leave_out("record", number, error)
            continue
        left -= weight_of(memory)
        if memories and left < 0:
            break
        memories.append(memory)
    return tuple(memories)


def near(found: Measured, row: int) -> float | None:
    """How near a candidate is to the question in meaning; see `Recollection.nearness`."""
    nearness = float(found.measures.dense[row])
    return None if isnan(nearness) else round(nearness, 4)


def by_words(text: str, words: Sequence[str]) -> tuple[int, int]:
    """The passage of a text that has most of the words; the first of equals."""
    wanted = set(words)
    best = max(pieces(text), key=lambda piece: len(wanted.intersection(WORD.findall(text[piece.start : piece.stop].lower()))))
    return best.start, best.stop
