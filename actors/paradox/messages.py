"""Contracts of the paradox actor: contradictions found, kept and resolved."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from actors.memory.messages import UNNAMED, may_hear
from actors.message import Data, Message, Name, Namespace, Reply, Time

Verdict = Literal["contradiction", "update", "compatible", "unrelated"]
State = Literal["fresh", "processing", "integrated", "dismissed", "dormant"]


class Statement(Data):
    """Something said: by whom and when, where known."""

    text: Annotated[str, Field(min_length=1, max_length=65_536)]
    speaker: Name | None = None
    time: Time | None = None


class Conflict(Data):
    """An earlier statement that the new one is at odds with: contradiction or update. `why` names the rule."""

    index: int
    verdict: Verdict
    score: float
    why: str


class Checked(Reply, type="paradox.checked"):
    """The verdict on the new statement; conflicts best first."""

    verdict: Verdict
    score: float
    conflicts: tuple[Conflict, ...]


class Check(Message, type="paradox.check", reply=Checked, idempotent=True):
    """Judge a new statement against earlier ones. Keeps nothing."""

    statements: Annotated[tuple[Statement, ...], Field(max_length=256)]
    new: Statement


class Side(Data):
    """One side of a paradox: the record it comes from, as its beginning read when the paradox was found."""

    memory: Name
    text: str
    speaker: str | None
    time: Time

    def keeps(self, asker: str | None) -> bool:
        """Whether its words are not for who asks: somebody else told them in confidence. Its record may say others since."""
        # Here, since its patterns take long to compile: whoever only passes contracts on does not pay for them.
        from actors.text.confidences import tells_in_confidence  # noqa: PLC0415

        return not may_hear(asker, (self.speaker or UNNAMED,)) and tells_in_confidence(self.text)


class Step(Data):
    """One entry of a paradox's history."""

    time: Time
    state: State
    cause: str
    note: str


class Note(Data):
    """A thought about a paradox, written in the background. `by`: `evidence` for what was found in memory, else the model."""

    time: Time
    by: str
    text: str


class Paradox(Data):
    """Two remembered statements at odds. `tension` in [0, 1]: how probable times how important, less with each quiet week."""

    id: Name
    namespace: Namespace
    earlier: Side
    later: Side
    verdict: Verdict
    type: Literal["factual", "temporal", "preference", "value", "self_image", "assistant"]
    probability: float
    """Calibrated: of those told with 0.8, about eight of ten are at odds."""

    importance: float
    tension: float
    state: State
    found: Time
    touched: Time
    """When anything last spoke of it; it fades from there."""

    why: str
    advice: str
    """For whoever answers while this is open; empty once it is settled."""

    counsel: str = ""
    """The advice alone, without the two sides that it is about."""

    notes: tuple[Note, ...]
    history: tuple[Step, ...]


class Paradoxes(Reply, type="paradox.listed"):
    """Paradoxes, highest tension first."""

    paradoxes: tuple[Paradox, ...]
    next_cursor: str | None


class List(Message, type="paradox.list", reply=Paradoxes, idempotent=True):
    """The paradoxes of a namespace. `open` leaves those that are fresh or processing."""

    namespace: Namespace = "default"
    open: bool = False
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    cursor: Name | None = None


class Found(Reply, type="paradox.found"):
    """One paradox."""

    paradox: Paradox


class Get(Message, type="paradox.get", reply=Found, idempotent=True):
    """One paradox by its id. `not_found` when it is of another namespace."""

    namespace: Namespace = "default"
    id: Name


class Resolve(Message, type="paradox.resolve", reply=Found, idempotent=True):
    """End a paradox, with a reason. `keep` says which side holds: the other is ended in memory, and stays."""

    namespace: Namespace = "default"
    id: Name
    state: Literal["integrated", "dismissed"] = "integrated"
    keep: Literal["earlier", "later", "both", "neither"] = "both"
    reason: Annotated[str, Field(min_length=1, max_length=4096)]


class ProgressTold(Reply, type="paradox.progress_told"):
    """How far the feed has been followed."""

    cursor: int
    judged: int
    open: int
    """Fresh or processing, over all namespaces."""

    owed: int = 0
    """Ends of old facts that memory has not been told yet."""

    set_aside: int = 0
    """Changes that failed again and again, and were left out with their error."""


class GetProgress(Message, type="paradox.progress", reply=ProgressTold, idempotent=True):
    """How far the feed has been followed; waits up to `wait_ms` until the cursor has `reached` a change."""

    reached: Annotated[int, Field(ge=0)] = 0
    wait_ms: Annotated[int, Field(ge=0, le=30_000)] = 0


class SetAside(Data):
    """A change of memory's feed that could not be judged: it failed so often, last with this error."""

    id: Name
    namespace: Namespace
    memory: Name
    attempts: int
    error: str
    time: Time


class SetAsides(Reply, type="paradox.set_aside_listed"):
    """Oldest first."""

    items: tuple[SetAside, ...]


class ListSetAside(Message, type="paradox.set_aside", reply=SetAsides, idempotent=True):
    """What could not be judged in a namespace."""

    namespace: Namespace = "default"
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Retried(Reply, type="paradox.retried"):
    """It was judged. `found`: how many contradictions and updates came of it."""

    id: Name
    found: int


class Retry(Message, type="paradox.retry", reply=Retried):
    """Judge what was set aside once more, now. `conflict` when it fails again; `not_found` when it was forgotten meanwhile."""

    namespace: Namespace = "default"
    id: Name


class MoodTold(Reply, type="paradox.mood_told"):
    """A talk's mood: the labels that are worth telling, strongest first; how good it is, -1 to 1; and why.

    `because`: how much each turn adds to the strongest label, by the turn's id.
    """

    labels: dict[str, float]
    valence: float
    strongest: str
    because: dict[str, float]
    turns: int
    """How many of the latest turns had been judged."""


class GetMood(Message, type="paradox.mood", reply=MoodTold, idempotent=True):
    """The mood of a talk as it is now, or was: it fades with turns and with time."""

    namespace: Namespace = "default"
    session: Name
    at: Time | None = None


class Contemplated(Reply, type="paradox.contemplated"):
    """How many paradoxes got a note, were settled by what memory knows, and fell asleep."""

    noted: int
    integrated: int
    dormant: int


class Contemplate(Message, type="paradox.contemplate", reply=Contemplated, idempotent=True):
    """Think over what is open, the highest tension first: once a day each, however often it is asked."""

    namespace: Namespace | None = None
    """None: all of them."""

    limit: Annotated[int, Field(ge=1, le=100)] = 8


class BackedUp(Reply, type="paradox.backed_up"):
    """The copy is whole, checked, and on disk."""

    bytes: int


class Backup(Message, type="paradox.backup", reply=BackedUp):
    """Copy the database to `backups/<name>.paradox.db` in the data directory, while everything goes on."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
