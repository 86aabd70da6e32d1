"""What an operator may set of the memory actor."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(allow_inf_nan=False)]


class RecallWeights(BaseModel):
    """How much each term of a score counts. Terms lie between 0 and 1: relevance is relative to the best hit of the query."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bm25: Weight = 1.0
    previous: Weight = 0.4
    """Of the relevance of the turn before, in the same session: an answer is found by its question."""

    next: Weight = 0.1
    """Of the relevance of the turn after."""

    session: Weight = 0.5
    """Of the relevance of the best turn in the session: what a talk was about."""

    speaker: Weight = 0.5
    """For what was said by the one speaker whom the query names. Half of the best hit, as the 4 deviations of the reference."""

    recency: Weight = 0.02
    """Halves with every `recency_half_life_days` before the newest candidate: hardly more than it takes to part equals."""

    importance: Weight = 0.05


class MemorySettings(BaseModel):
    """Settings of the memory actor; every one has a default that needs no thought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: RecallWeights = RecallWeights()
    recency_half_life_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 30.0
    candidates: Annotated[int, Field(ge=10, le=1000)] = 200
    """How many of the best lexical hits are scored further."""

    importance: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Of a record that was remembered without one."""

    accesses_kept: Annotated[int, Field(ge=0, le=1000)] = 32
    """How many of its latest recalls a record's history shows; the count goes on."""

    contexts_kept: Annotated[int, Field(ge=2, le=256)] = 16
    """How many of the latest contexts a record was recalled in are told apart: more of them say nothing new about it."""

    calls_kept_days: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 7.0
    """How long a write's idempotency key is remembered. Keys of records are kept as long as the records."""

    index_pause_s: Annotated[float, Field(ge=0, le=10)] = 0.02
    """How long what was written waits for more before it goes into the full-text index, in seconds. Meanwhile it is found by
    looking through it, which costs a recall some microseconds a record."""

    index_at_once: Annotated[int, Field(ge=1, le=4096)] = 512
    """Records that one transaction indexes. It bounds how long a write waits behind it: about 15 ms."""

    waiting_feeds: Annotated[int, Field(ge=1, le=1024)] = 64
    """How many followers of the feed may wait at once."""

    page_bytes: Annotated[int, Field(ge=1024)] = 640 * 1024
    """About the most text in one answer. A page ends early rather than fail, with one record at least."""
