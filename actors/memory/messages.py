"""Contracts of the memory actor: what others may say to it, and what it answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, ValidationInfo, field_validator, model_validator

from actors import message as base
from actors.affect.labels import LABELS
from actors.message import Data, Message, Reply

LARGE = 16 << 20
"""Largest body in bytes where there are many records or a whole talk: what HTTP and `thinking.think` may bring."""

ONE = 2 << 20
"""Where there is one record: the longest text is 1 MiB in a script of four bytes a character, and its metadata comes on top."""

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)

DEPTH = 8
"""Levels of a metadata value: the wire ends at 16, and an answer wraps it in more than the message that brought it."""


def plain(text: str) -> str:
    """`text`, if it can be stored and sent whole.

    Raises:
        ValueError: it holds NUL, or half of a surrogate pair.
    """
    if "\0" in text:
        raise ValueError("holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half of a surrogate pair") from None
    return text


def plain_json(value: JsonValue) -> JsonValue:
    """`value`, if it can be stored and sent whole.

    Raises:
        ValueError: a string or key in it is not plain, an integer needs more than 64 bits, or it is nested too deeply.
    """
    _check_json(value, DEPTH)
    return value


def _check_json(value: JsonValue, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"is nested deeper than {DEPTH} levels")
    if isinstance(value, str):
        plain(value)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("holds an integer of more than 64 bits")
    elif isinstance(value, dict):
        for key, item in value.items():
            plain(key)
            _check_json(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, depth - 1)


def on_the_calendar(time: datetime) -> datetime:
    """`time`, if it stays within the years 1 to 9999 in every time zone."""
    if not EARLIEST <= time <= LATEST:
        raise ValueError("lies outside the years 1 to 9999")
    return time


Name = Annotated[base.Name, AfterValidator(plain)]
Namespace = Annotated[base.Namespace, AfterValidator(plain)]
Time = Annotated[base.Time, AfterValidator(on_the_calendar)]

Kind = Literal["turn", "fact", "summary", "reflection", "statement", "tool", "dream"]
"""What a record is. See `UNSAID` for the last two."""

UNSAID: tuple[Kind, ...] = ("tool", "dream")
"""What nobody said: a tool's output, and what was put together in the background. Recalled only when asked for by kind."""

Stage = Literal["raw", "echoed", "crystallized", "archived"]
"""Where a record stands in its life; see docs/memory.md."""

Relation = Literal["follows", "derives_from", "contradicts", "supersedes", "summarises", "relates"]

SOURCES: tuple[Relation, ...] = ("derives_from", "summarises")
"""The relations of what was derived to what it was derived from."""

EMOTIONS = LABELS
"""GoEmotions' 28 labels (Demszky et al., 2020), in the order in which vectors of them are stored."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=262_144), AfterValidator(plain)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(plain)]
Metadata = Annotated[dict[Name, Annotated[JsonValue, AfterValidator(plain_json)]], Field(max_length=64)]
Limit = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]


class Link(Data):
    """A directed relation from a record to an older one."""

    relation: Relation
    target: Identifier


def has_sources(links: tuple[Link, ...]) -> bool:
    """Whether there is a source among what a record is linked to."""
    return any(link.relation in SOURCES for link in links)


def known_emotions(felt: dict[str, float]) -> dict[str, float]:
    """`felt`, if it names nothing but emotions.

    Raises:
        ValueError: it names something else.
    """
    if unknown := felt.keys() - set(EMOTIONS):
        raise ValueError(f"there is no emotion {min(unknown)[:64]!r}; there are {', '.join(EMOTIONS)}")
    return felt


Felt = Annotated[dict[str, Share], Field(max_length=len(EMOTIONS)), AfterValidator(known_emotions)]
"""How strongly each emotion is felt; those that are left out are not. Kept to 1/255."""


class Affect(Data):
    """What the two sides felt; None where nobody has judged it."""

    user: Felt | None = None
    assistant: Felt | None = None


class Provenance(Data):
    """Who derived a record, and how; what from, its links say."""

    by: Name
    """A cycle of the daemon, an actor, or `client`."""

    model: Name | None = None
    rule: Name | None = None
    version: Name | None = None
    """Of the rule or the prompt."""


class NewMemory(Data):
    """A record to be remembered. `time` is the event's; None means now.

    What was derived says so: by its `provenance`, or by a `derives_from` or `summarises` link. It needs one such link at least;
    where it names nobody who derived it, that is its `client`.
    """

    text: Text
    speaker: Name | None = None
    role: Name | None = None
    session: Name | None = None
    time: Time | None = None
    kind: Kind = "turn"
    importance: Share | None = None
    valid_from: Time | None = None
    """Since when it holds; None: since its `time`."""

    valid_to: Time | None = None
    metadata: Metadata = {}
    links: Annotated[tuple[Link, ...], Field(max_length=256)] = ()
    provenance: Provenance | None = None
    affect: Affect = Affect()
    key: Name | None = None
    """The same key in the same namespace gives the same record, however often it is sent."""

    @field_validator("valid_to")
    @classmethod
    def not_before_it_begins(cls, valid_to: datetime | None, info: ValidationInfo) -> datetime | None:
        """Nothing ends before it began."""
        begins = info.data.get("valid_from") or info.data.get("time")
        if valid_to is not None and begins is not None and valid_to < begins:
            raise ValueError("lies before valid_from")
        return valid_to

    @field_validator("provenance")
    @classmethod
    def with_sources(cls, provenance: Provenance | None, info: ValidationInfo) -> Provenance | None:
        """Nothing derived is without its sources."""
        if provenance is not None and not has_sources(info.data.get("links", ())):
            raise ValueError("what was derived needs a derives_from or summarises link to its source")
        return provenance

    @property
    def derived(self) -> bool:
        """Whether it has a source."""
        return has_sources(self.links)


class Memory(Data):
    """A record as it stands; what it holds was checked when it came in.

    `valid_to` is set once another supersedes it; it stays readable.
    """

    id: str
    namespace: str
    text: str
    speaker: str | None
    role: str | None
    session: str | None
    time: base.Time
    ingested: base.Time
    kind: Kind
    stage: Stage
    importance: float
    valid_from: base.Time
    valid_to: base.Time | None
    metadata: dict[str, JsonValue]
    links: tuple[Link, ...]
    provenance: Provenance | None = None
    """Who derived it; None for what was said or given."""

    affect: Affect = Affect()
    recalls: int = 0
    """How often it was recalled."""

    recalled: base.Time | None = None
    """When it was last recalled."""

    withheld: bool = False
    """One of its sources was forgotten: its text is empty and it is not recalled until it is derived anew from the others."""


class Stored(Data):
    """One remembered record; `created` is False when its key was known already."""

    id: Identifier
    created: bool


class Remembered(Reply, type="memory.remembered"):
    """All records are on disk; in the order in which they were sent."""

    memories: tuple[Stored, ...]


class Remember(Message, type="memory.remember", reply=Remembered, max_bytes=LARGE):
    """Remember records: all of them or none. An envelope `key` makes the whole call idempotent."""

    namespace: Namespace = "default"
    memories: Annotated[tuple[NewMemory, ...], Field(min_length=1, max_length=1000)]


class Turn(Data):
    """One turn of a talk as a client's history has it, without its system prompts."""

    role: Literal["user", "assistant", "tool"]
    text: Text
    speaker: Name | None = None


class Conversed(Reply, type="memory.conversed"):
    """Which session the history belongs to, and what of it was new."""

    session: Name
    last: Identifier
    """The turn that the answer will follow."""

    created: tuple[Identifier, ...]
    superseded: tuple[Identifier, ...]


class Converse(Message, type="memory.converse", reply=Conversed, idempotent=True, max_bytes=LARGE):
    """Take over what is new in a client's history, up to and with the turn that is to be answered.

    Clients send everything each time. Turns that are known are left alone; at the first that differs, what followed it is
    superseded (an edit), and the rest is remembered. With `session` None the talk is found by what was said in it, or begun.
    """

    namespace: Namespace = "default"
    session: Name | None = None
    turns: Annotated[tuple[Turn, ...], Field(min_length=1, max_length=4096)]
    time: Time | None = None
    begin_as: Name
    """The session's name when a new talk begins: chosen by the caller, so that asking again begins no second one."""

    again: bool = False
    """It may have been told before, by a caller that is dead and under another `begin_as`: rather than begin a talk with a turn
    that ends one already, unanswered, go on with that one."""


class Answered(Reply, type="memory.answered"):
    """The assistant's turn is on disk."""

    id: Identifier
    created: bool
    superseded: tuple[Identifier, ...]


class Answer(Message, type="memory.answer", reply=Answered, idempotent=True, max_bytes=ONE):
    """Remember the assistant's turn after the turn `after`; another answer there is superseded (a regeneration).

    Where the user has gone on meanwhile without an answer, it comes last instead, and nothing is superseded.
    """

    namespace: Namespace = "default"
    session: Name
    after: Identifier
    text: Text
    speaker: Name = "assistant"
    time: Time | None = None
    metadata: Metadata = {}
    key: Name


class Recollection(Memory):
    """A record found, with its score; `explain` has the terms that add up to it."""

    score: float
    explain: dict[str, float] | None = None
    passage: str | None = None
    """Of a long text, the part that was found."""


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
    """Only what was valid at that moment; None: what is valid now."""

    metadata: Metadata | None = None
    explain: bool = False
    weights: Annotated[dict[Name, float], Field(max_length=32)] | None = None
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


class Revise(Message, type="memory.revise", reply=Found, idempotent=True, max_bytes=ONE):
    """Change a record's metadata or importance, or correct its text (the old text stays in its history)."""

    namespace: Namespace = "default"
    id: Identifier
    text: Text | None = None
    importance: Share | None = None
    metadata: Metadata | None = None


class Supersede(Message, type="memory.supersede", reply=Found, idempotent=True):
    """End a record's validity: `by` says what took its place, and is linked to it. The record stays."""

    namespace: Namespace = "default"
    id: Identifier
    by: Identifier | None = None
    time: Time | None = None
    cause: Name


class Relate(Message, type="memory.link", reply=Found, idempotent=True):
    """Link a record to another of its namespace. A link that is there already is left as it is."""

    namespace: Namespace = "default"
    source: Identifier
    relation: Relation
    target: Identifier


class Unrelate(Message, type="memory.unlink", reply=Found, idempotent=True):
    """Take a link away. `invalid` for the last source of what was derived."""

    namespace: Namespace = "default"
    source: Identifier
    relation: Relation
    target: Identifier


class Judged(Data):
    """What somebody judged to be felt in a record. A side that is None is left as it is."""

    id: Identifier
    user: Felt | None = None
    assistant: Felt | None = None


class Noted(Reply, type="memory.affect_noted"):
    """How many records took it, and the ids that there are not (any more)."""

    noted: int
    missing: tuple[Identifier, ...]


class NoteAffect(Message, type="memory.note_affect", reply=Noted, idempotent=True):
    """Fill in what is felt in records, judged after they were remembered."""

    namespace: Namespace = "default"
    affects: Annotated[tuple[Judged, ...], Field(min_length=1, max_length=1000)]


class Aged(Reply, type="memory.aged"):
    """What came of a page of records; ask on from `next_cursor`, None at the end."""

    seen: int
    faded: int
    """Whose importance fell by a step worth writing."""

    staged: int
    """That moved to another stage."""

    next_cursor: str | None


class Age(Message, type="memory.age", reply=Aged, idempotent=True):
    """Let a page of a namespace's records age to this moment: importance fades, stages change. A repeat changes nothing."""

    namespace: Namespace = "default"
    limit: Limit = 500
    cursor: Name | None = None


class Compressed(Reply, type="memory.compressed"):
    """The summary, and which of its sources are archived."""

    id: Identifier
    created: bool
    archived: tuple[Identifier, ...]


class Compress(Message, type="memory.compress", reply=Compressed, idempotent=True, max_bytes=ONE):
    """Remember a summary and archive what it summarises, at once. What is crystallized stays as it is."""

    namespace: Namespace = "default"
    summary: NewMemory

    @model_validator(mode="after")
    def summarises(self) -> Self:
        """A summary without a key could be written twice, one without a source would be made of nothing."""
        if self.summary.kind != "summary" or self.summary.key is None:
            raise ValueError("summary: has to be of kind summary and have a key")
        if not any(link.relation == "summarises" for link in self.summary.links):
            raise ValueError("summary.links: needs a summarises link")
        return self


class Rederive(Message, type="memory.rederive", reply=Found, idempotent=True, max_bytes=ONE):
    """Give a withheld record the text that was derived anew from the sources it still has. `conflict` when none is withheld."""

    namespace: Namespace = "default"
    id: Identifier
    text: Text
    provenance: Provenance


class Forgotten(Reply, type="memory.forgotten"):
    """The ids that are gone, with what had been derived from them alone."""

    ids: tuple[Identifier, ...]
    withheld: tuple[Identifier, ...] = ()
    """What had been derived from them and others: emptied, until it is derived anew."""


class Forget(Message, type="memory.forget", reply=Forgotten, idempotent=True):
    """Forget records for good. Ids that are unknown are `not_found`, unless their forgetting is on record."""

    namespace: Namespace = "default"
    ids: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=1000)]


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


Happening = Literal["remembered", "revised", "superseded", "forgotten", "staged", "linked", "unlinked", "withheld", "rederived"]
"""What the feed tells. `staged` has the stages before and after in its history's detail, and the rule as its cause."""


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


class Change(Data):
    """One entry of the feed. `memory` is the record after the change; None once it is forgotten."""

    seq: int
    change: Happening
    namespace: Namespace
    id: Identifier
    time: Time
    cause: str
    memory: Memory | None


class Fed(Reply, type="memory.fed"):
    """Changes in order; ask on from `cursor`. Empty when nothing came within the wait."""

    changes: tuple[Change, ...]
    cursor: int


class Feed(Message, type="memory.feed", reply=Fed, idempotent=True):
    """The ordered changes after `cursor` (0: from the start), waiting up to `wait_ms` for the first.

    With `changes`, only those kinds are told; the cursor moves past the others all the same.
    """

    cursor: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    changes: tuple[Happening, ...] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    wait_ms: Annotated[int, Field(ge=0, le=30_000)] = 0


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


class ForgetSession(Message, type="memory.forget_session", reply=Forgotten, idempotent=True):
    """Forget a talk: every record in it."""

    namespace: Namespace = "default"
    name: Name


class Past(Data):
    """A step of a record's history, as an export tells it."""

    change: Happening | Literal["recalled"]
    time: Time
    cause: Annotated[str, StringConstraints(max_length=256), AfterValidator(plain)]
    detail: dict[str, JsonValue] = {}


class Echoed(Data):
    """A context in which a record was recalled: a digest of it, how often, first and last."""

    context: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{2}){1,32}$")]
    count: Annotated[int, Field(ge=1, lt=1 << 53)]
    first: Time
    last: Time


class Portable(NewMemory):
    """A record with all that belongs to it, to be taken to another house. See docs/export.md."""

    links: Annotated[tuple[Link, ...], Field(max_length=4096)] = ()
    id: Identifier | None = None
    ingested: Time | None = None
    stage: Stage = "raw"
    base: Share | None = None
    """Importance as it was last set, from which it fades, and since when."""

    since: Time | None = None
    recalls: Annotated[int, Field(ge=0, lt=1 << 53)] = 0
    recalled: Time | None = None
    echoes: Annotated[tuple[Echoed, ...], Field(max_length=256)] = ()
    placed: bool | None = None
    """Whether it has a place in its talk; one that was edited away has none. None: turns and tools' outputs have."""

    history: Annotated[tuple[Past, ...], Field(max_length=512)] = ()


class Exported(Reply, type="memory.exported"):
    """Records oldest first, and where to go on; None at the end."""

    records: tuple[Portable, ...]
    before: int
    """How many stood on the pages before this one."""

    next_cursor: str | None


class Export(Message, type="memory.export", reply=Exported, idempotent=True):
    """A page of a namespace's records with all that belongs to them. What comes in after the first page is not exported.

    A cursor stays good for as long as the database lives: an export that broke off goes on from the last one it was given.
    """

    namespace: Namespace = "default"
    limit: Limit = 200
    cursor: Name | None = None


class BroughtIn(Data):
    """What became of a record: `created`, `known` already, or `forgotten` here before, which it stays."""

    outcome: Literal["created", "known", "forgotten"]
    id: Identifier | None
    """Its own where that was free, else a new one; None where it was forgotten."""


class Imported(Reply, type="memory.imported"):
    """All are on disk, in the order in which they were sent."""

    records: tuple[BroughtIn, ...]


class Import(Message, type="memory.import", reply=Imported, idempotent=True, max_bytes=LARGE):
    """Take records over: all of them or none. A record is known by its id, or by its key; links wait for their targets."""

    namespace: Namespace = "default"
    records: Annotated[tuple[Portable, ...], Field(min_length=1, max_length=1000)]


class BackedUp(Reply, type="memory.backed_up"):
    """The copy is whole, checked, and on disk."""

    bytes: int


class Backup(Message, type="memory.backup", reply=BackedUp):
    """Copy the database to `backups/<name>.memory.db` in the data directory, while everything goes on."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
