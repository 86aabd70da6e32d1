"""What an operator may set of the memory actor.

Every command reads these, so this knows no contracts, whose import would be a tenth of a command's start.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Weight = Annotated[float, Field(ge=-1e6, le=1e6)]
"""The weight of a term of a score. With larger ones sums would lose what tells records apart, or overflow."""


class RecallWeights(BaseModel):
    """How much each term of a score counts.

    Relevance is in deviations above the mean of all that could have been found, so that weights mean the same for every query;
    other terms lie between 0 and 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dense: Weight = 1.0
    """For the meaning: how well each word of the query is matched in its context (MaxSim)."""

    gist: Weight = 0.4
    """For how near the mean of its vectors is to the question's: what a turn is about as a whole, beside how well its words
    match one by one. On three kinds of talks 0.2 to 0.4 do; with 0.6 one of them loses."""

    bm25: Weight = 0.15
    """For the words, beside the meaning: names and numbers, which vectors blur. 0.1 to 0.3 do; 1 is worse than none."""

    bm25_alone: Weight = 1.0
    """For the words of a record that has no vectors, or of all where there is no model."""

    context: Weight = 1.0
    """For words of the query that the turns beside it match better than it does: an answer says "it" where its question names
    the thing."""

    previous: Weight = 0.15
    """For the relevance of the turn before, in the same session: an answer is found by its question."""

    earlier: Weight = 0.1
    """For the relevance of the turn before that."""

    next: Weight = 0.1
    """For the relevance of the turn after. These three were chosen on two kinds of talks: long turns by two people want more of
    them, and scenes in which several cut each other short want less."""

    session: Weight = 0.35
    """For the relevance of the best turn in the session: what a talk was about."""

    speaker: Weight = 3.0
    """For what was said by the one speaker whom the query names: as much as three deviations of relevance."""

    subject: Weight = 1.0
    """For what was said by the first of several speakers whom the query names: most often it is the one who did something."""

    time: Weight = 5.0
    """For what was said at the time that the query names ("in May", "two weeks ago"): no topic outweighs it easily."""

    event: Weight = 1.0
    """For what happened when the query says by an event ("after the trip"). Less than for a date: it may be another trip, and
    who asks "when she won" has an answer in mind that tells of it (2 is worse for those)."""

    when: Weight = 2.0
    """For a text that tells a time, where the query asks for one."""

    names: Weight = 0.5
    """For a text that names something: what people ask about later has a name more often than not."""

    question: Weight = -0.8
    """For a text that ends by asking: the answer is in another one."""

    recency: Weight = 0.02
    """Halves with every `recency_half_life_days` before the newest candidate: hardly more than it takes to part equals."""

    importance: Weight = 0.05

    affect: Weight = 0.0
    """For what was felt as the request's `felt` says; without that, for what was felt strongly. Off: people ask for what was
    said, and no measurement says that feeling alike finds it."""


Days = Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class LifeSettings(BaseModel):
    """When a record moves from one stage to the next, and how its importance fades."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    echo_contexts: Annotated[int, Field(ge=1, le=256)] = 2
    """Recalled in so many different contexts, a record is echoed: once may be an accident, twice is a use for it."""

    echo_half_life_days: Days = 30.0
    """A context that recalled it counts half after so long: as a turn's own importance, so that old uses do not outlive it."""

    crystallize_at: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.1
    """Echo (0 to 1) plus significance (0 to 1) from which an echoed record is crystallized. A record of the usual importance
    (0.5) needs three contexts of late (echo 0.65), one that matters (0.8) no more than made it echoed, a trifle (0.1) never
    gets there."""

    half_life_days: dict[str, Days] = {
        "turn": 30.0,
        "tool": 7.0,
        "fact": 180.0,
        "summary": 90.0,
        "reflection": 60.0,
        "statement": 30.0,
        "dream": 7.0,
    }
    """Of importance, by kind. What people said loses its weight in a month, what was concluded from it is meant to last; what
    nobody said is of use for days. A kind that is not named does not fade."""

    slower: dict[str, Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)]] = {"echoed": 2.0, "crystallized": 8.0}
    """By how much a stage stretches half-lives: what is used fades slower. A crystallized turn halves in eight months."""

    floor: Share = 0.05
    """Nothing fades below this: old is not worthless."""

    step: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Smaller changes of importance are not worth a write; they do not change an order of recall that anyone would notice."""

    archive_below: Share = 0.1
    """A record whose importance has faded to this is archived: a turn of the usual importance after 70 days."""

    archive_after_days: Annotated[float, Field(ge=0, le=36_500, allow_inf_nan=False)] = 90.0
    """It is not archived before so many days since it came in, or was last recalled: a quarter, since people come back to
    things by the season."""


class MemorySettings(BaseModel):
    """Settings of the memory actor; every one has a default that needs no thought."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: RecallWeights = RecallWeights()
    recency_half_life_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    time_half_life_days: Annotated[float, Field(gt=0, le=36_500)] = 5.0
    """How fast what was said after the time that a query names fits it less. What happened is told within days."""

    life: LifeSettings = LifeSettings()
    candidates: Annotated[int, Field(ge=10, le=1000)] = 200
    """How many hits, half of them by words and half by gists, are measured with the turns beside them, where there are too many
    records for all to be. With 100 the same is found first, and 0.5 % less among the first ten."""

    shelf_records: Annotated[int, Field(ge=0, le=1_000_000)] = 2_000
    """Of a namespace of up to so many records every one is measured: 1 ms for a thousand. Beyond, what is found does not get
    worse by measuring some (R@10 .841 for .840 on three conversations in one namespace)."""

    shelf_bytes: Annotated[int, Field(ge=0, le=1 << 40)] = 256 << 20
    """What the namespaces that are held for searching take together, about; those longest unused go. A record takes 370
    bytes, and 2 kB more with its vectors: of a namespace that does not fit with these (100,000 records), they are read as they
    are needed, which makes a search of it take a third longer."""

    embedder: Literal["minilm", "llm", "none"] = "minilm"
    """Who makes the vectors: MiniLM in the encoder actor, an embeddings endpoint of the llm actor, or nobody. Changing it makes
    them anew in the background; until all are there, recall goes on with the old ones."""

    embedding_model: str | None = None
    """The endpoint's model (`embedder = "llm"`); the endpoint's first without it."""

    questions_kept: Annotated[int, Field(ge=0, le=100_000)] = 512
    """Latest questions whose vectors are kept, about 1 kB each: asked again, as paging does, they cost nothing."""

    importance: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The importance of a record that is remembered without one."""

    accesses_kept: Annotated[int, Field(ge=0, le=1000)] = 32
    """How many of its latest recalls a record's history shows; the count goes on."""

    contexts_kept: Annotated[int, Field(ge=2, le=256)] = 16
    """How many of the latest contexts a record was recalled in are told apart: more of them say nothing new about it."""

    calls_kept_days: Annotated[float, Field(gt=0, le=36_500)] = 7.0
    """How long a write's idempotency key is remembered. Keys of records are kept as long as the records."""

    index_pause_s: Annotated[float, Field(ge=0, le=10)] = 0.02
    """How long what was written waits for more before it goes into the full-text index, in seconds. Meanwhile it is found by
    looking through it, which costs a recall some microseconds a record."""

    index_at_once: Annotated[int, Field(ge=1, le=4096)] = 1024
    """Records that one transaction indexes. It bounds how long a write waits behind it: about 12 ms."""

    waiting_feeds: Annotated[int, Field(ge=1, le=1024)] = 64
    """How many followers of the feed may wait at once."""

    page_bytes: Annotated[int, Field(ge=1024, le=768 * 1024)] = 640 * 1024
    """About the most text in one answer, which has to fit a frame of 1 MiB. A page ends early rather than fail, with one record
    at least."""
