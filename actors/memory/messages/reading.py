"""What memory is asked: to recall, to list, to show one record, its history, a talk, figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, StringConstraints

from actors.memory.messages.feed import Happening
from actors.memory.messages.fields import Felt, Identifier, Kind, Limit, Metadata, Name, Namespace, Stage, Time
from actors.memory.messages.records import Memory
from actors.memory.settings import Weight
from actors.message import Data, Message, Reply

UNNAMED: Final = "user"
"""What whoever has no name is called where people are told apart."""

CONFIDED_BY: Final = "confided_by"
"""In metadata: the names of those who told in confidence what stands in a record."""


class Recollection(Memory):
    """A record found, with its score; `explain` has the terms that add up to it."""

    score: float
    nearness: float | None = None
    """In meaning, word by word: 1 where each of the question's words stands in it, 0.3 and less where it has nothing to do with
    the question. Unlike the score it means the same whatever else is remembered. None while it has no vectors."""

    explain: dict[str, float] | None = None
    passage: str | None = None
    """The part of a long text that was found."""


class Recalled(Reply, type="memory.recalled"):
    """What was found, best first, ties by id."""

    memories: tuple[Recollection, ...]


class Recall(Message, type="memory.recall", reply=Recalled, idempotent=True):
    """Find what was said. All filters hold at once; tools' outputs are found only when `kinds` names them."""

    namespace: Namespace = "default"
    query: Annotated[str, StringConstraints(max_length=16_384)]
    k: Annotated[int, Field(ge=1, le=200)] = 10
    kinds: tuple[Kind, ...] | None = None
    session: Name | None = None
    speaker: Name | None = None
    since: Time | None = None
    until: Time | None = None
    as_of: Time | None = None
    """Only what was valid at that moment; None: what has not ended by now."""

    metadata: Metadata | None = None
    explain: bool = False
    weights: Annotated[dict[Name, Weight], Field(max_length=32)] | None = None
    felt: Felt | None = None
    """What is felt now: records in which the like was felt are preferred by the weight `affect`, which is 0 unless set."""

    exclude: Annotated[tuple[Identifier, ...], Field(max_length=4096)] = ()
    context: Name | None = None
    """In which talk it is asked. What was recalled in two different ones is echoed; None: the query's words stand for it."""


class Found(Reply, type="memory.found"):
    """One record."""

    memory: Memory


class Get(Message, type="memory.get", reply=Found, idempotent=True):
    """One record by its id. `not_found` when it is of another namespace."""

    namespace: Namespace = "default"
    id: Identifier


class GetAnswer(Message, type="memory.get_answer", reply=Found, idempotent=True):
    """The assistant's turn that was remembered under a key (`Answer.key`). `not_found` where there is none in the namespace."""

    namespace: Namespace = "default"
    key: Name


class Confidences(Reply, type="memory.confidences_told"):
    """Which of the records hold what was told in confidence: by id, who told it. What nobody did is not named."""

    told: dict[Identifier, tuple[str, ...]]
    gone: tuple[Identifier, ...] = ()
    """Those that there are not (any more): what they held nobody can say, so they are for nobody."""

    def keeps(self, asker: str | None, *ids: str) -> bool:
        """Whether one of the records is not for who asks: it is gone, or somebody else told in confidence what stands there."""
        return any(one in self.gone or not may_hear(asker, self.told.get(one, ())) for one in ids)


def may_hear(asker: str | None, tellers: Iterable[str]) -> bool:
    """Whether what these told in confidence is for who asks: nobody else told it.

    Who asks without a name is taken for who told it without one.
    """
    return set(tellers) <= {asker or UNNAMED}


class GetConfidences(Message, type="memory.confidences", reply=Confidences, idempotent=True):
    """Who told in confidence what stands in records: by the words of each, and of everything that it was derived from.

    Memory answers all that is in a namespace to whoever has its key; this says which of it is for one of its people alone. It
    is read off the sources as they stand, so that it holds for what was derived anew, corrected, or has lost a source.
    Metadata may say it too: `"confided_by": ["Ana"]`.
    """

    namespace: Namespace = "default"
    ids: Annotated[tuple[Identifier, ...], Field(max_length=1000)]


class Listed(Reply, type="memory.listed"):
    """Records oldest first, and where to go on; None at the end."""

    memories: tuple[Memory, ...]
    next_cursor: str | None


class List(Message, type="memory.list", reply=Listed, idempotent=True):
    """Page through records, oldest first. A cursor belongs to its namespace."""

    namespace: Namespace = "default"
    limit: Limit = 100
    cursor: Name | None = None
    kind: Kind | None = None
    session: Name | None = None
    stage: Stage | None = None
    before: Time | None = None
    """Only what happened before."""

    current: bool = False
    """Leave out what is superseded, and what is withheld."""

    newest: bool = False
    """Newest first: a session's tail."""


class Event(Data):
    """One step of a record's history."""

    seq: int
    change: Happening | Literal["recalled"]
    time: Time
    cause: str
    detail: dict[str, JsonValue]


class History(Reply, type="memory.history_told"):
    """What happened to a record, oldest first."""

    events: tuple[Event, ...]


class GetHistory(Message, type="memory.history", reply=History, idempotent=True):
    """A record's history."""

    namespace: Namespace = "default"
    id: Identifier


class Stats(Reply, type="memory.stats_told"):
    """Figures of one namespace; `pending` is what waits to be embedded, `bytes` the size of its texts."""

    count: int
    pending: int
    bytes: int
    by_kind: dict[str, int]
    by_stage: dict[str, int]
    feed_cursor: int
    """Seq of the newest change, over all namespaces."""


class GetStats(Message, type="memory.stats", reply=Stats, idempotent=True):
    """A namespace's figures; waits up to `wait_embedded_ms` until nothing is pending."""

    namespace: Namespace = "default"
    wait_embedded_ms: Annotated[int, Field(ge=0, le=30_000)] = 0


class VectorsHeld(Reply, type="memory.vectors_held"):
    """How many records wait for vectors meanwhile, over all namespaces, is `pending` of the stats."""

    for_ms: int


class HoldVectors(Message, type="memory.hold_vectors", reply=VectorsHeld, idempotent=True):
    """Make no vectors for records for so long, counted from now; 0: go on. What was begun is finished.

    It is a lease: who wants it held says so again. Questions get their vectors as before.
    """

    for_ms: Annotated[int, Field(ge=0, le=600_000)]


class Session(Data):
    """A talk: its turns counted, its first and last event times, how it began."""

    name: Name
    namespace: Namespace
    turns: int
    started: Time
    last: Time
    title: str
    """The first words of its first turn."""


class Sessions(Reply, type="memory.sessions_listed"):
    """Talks, latest first."""

    sessions: tuple[Session, ...]
    next_cursor: str | None


class ListSessions(Message, type="memory.sessions", reply=Sessions, idempotent=True):
    """The talks of a namespace, latest first."""

    namespace: Namespace = "default"
    limit: Limit = 100
    cursor: Name | None = None


class SessionFound(Reply, type="memory.session_found"):
    """One talk and its current turns, oldest first."""

    session: Session
    turns: tuple[Memory, ...]


class GetSession(Message, type="memory.session", reply=SessionFound, idempotent=True):
    """One talk, its latest `limit` current turns."""

    namespace: Namespace = "default"
    name: Name
    limit: Limit = 100
