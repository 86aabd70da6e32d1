"""Contracts of the daemon actor: cycles, their runs, what was set aside, and what the background life knows and would say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from actors.message import Data, Message, Name, Namespace, Reply, Time

RunState = Literal["running", "done", "failed", "abandoned"]
AspectKind = Literal["interest", "goal", "relationship", "style"]
StatementState = Literal["open", "delivered", "expired"]

Identifier = Annotated[str, Field(min_length=1, max_length=64)]
Limit = Annotated[int, Field(ge=1, le=1000)]
MOST_STATEMENTS = 100
"""How many statements one answer has."""


class Schedule(Data):
    """When a cycle begins by itself; whichever says so first. `idle_s` holds all of them back while people wait for answers."""

    interval_s: float | None
    cron: str | None
    after_new: int | None
    """Once so many memories came in since its last run."""

    idle_s: float | None
    """Not before nobody has asked for anything for so long."""


class Cycle(Data):
    """One kind of background work and its schedule."""

    name: Name
    about: str
    needs_model: str
    """What it cannot do while no model answers; empty where it never asks one."""

    schedule: Schedule
    paused: bool
    quarantined: bool
    """It failed so often in a row that it is left alone until it is resumed or run by hand."""

    due: Time
    last_run: Name | None
    new: int
    """Memories that came in since its last run."""

    failures: int
    """In a row; each doubles the wait before the next attempt."""

    set_aside: int
    """Items that failed again and again; see `daemon.set_aside`."""


class Cost(Data):
    """What a run has used so far of its budget."""

    wall_ms: int = 0
    model_calls: int = 0
    model_tokens: int = 0
    memory_writes: int = 0


class Run(Data):
    """One run of a cycle: why it ran, how long, what it did, what it cost, how it ended."""

    id: Name
    cycle: Name
    cause: str
    state: RunState
    epoch: int
    attempts: int
    started: Time
    ended: Time | None
    effects: dict[str, int]
    cost: Cost
    error: str | None


class Cycles(Reply, type="daemon.cycles_listed"):
    """All cycles, by name."""

    cycles: tuple[Cycle, ...]


class ListCycles(Message, type="daemon.cycles", reply=Cycles, idempotent=True):
    """All cycles and their state."""


class CycleChanged(Reply, type="daemon.cycle_changed"):
    """The cycle as it is now."""

    cycle: Cycle


class PauseCycle(Message, type="daemon.pause", reply=CycleChanged, idempotent=True):
    """Run it no more on its schedule; a run in progress ends at its next yield point."""

    name: Name


class ResumeCycle(Message, type="daemon.resume", reply=CycleChanged, idempotent=True):
    """Run it on its schedule again, also when it is quarantined."""

    name: Name


class RunStarted(Reply, type="daemon.run_started"):
    """The run's row; ask `daemon.runs` for how it ends."""

    run: Run


class RunCycle(Message, type="daemon.run", reply=RunStarted, idempotent=True):
    """Run a cycle now. The same envelope key gives the same run; `conflict` while one is running."""

    name: Name


class Planned(Data):
    """One write that a dry run would have made: to whom, of which type, and the start of its text where it has one."""

    type: Name
    namespace: Namespace
    text: str


class Rehearsed(Reply, type="daemon.rehearsed"):
    """What a run would have done by now. Nothing of it was kept, and no model was asked."""

    effects: dict[str, int]
    writes: int
    planned: tuple[Planned, ...]
    """The first fifty."""


class Rehearse(Message, type="daemon.rehearse", reply=Rehearsed, idempotent=True):
    """A dry run of a cycle."""

    name: Name


class Runs(Reply, type="daemon.runs_listed"):
    """Runs, latest first."""

    runs: tuple[Run, ...]
    next_cursor: str | None


class ListRuns(Message, type="daemon.runs", reply=Runs, idempotent=True):
    """The run history, of one cycle or all; waits up to `wait_ms` until none of them is running."""

    wait_ms: Annotated[int, Field(ge=0, le=30_000)] = 0
    cycle: Name | None = None
    limit: Limit = 100
    cursor: Name | None = None


class SetAside(Data):
    """A piece of work that failed again and again: left out, with its error, until it is retried."""

    id: Identifier
    cycle: Name
    namespace: Namespace
    memories: tuple[Identifier, ...]
    attempts: int
    error: str
    time: Time


class SetAsides(Reply, type="daemon.set_aside_listed"):
    """What was set aside, oldest first; the first thousand."""

    items: tuple[SetAside, ...]


class ListSetAside(Message, type="daemon.set_aside", reply=SetAsides, idempotent=True):
    """What was set aside, of one cycle or all."""

    cycle: Name | None = None


class Retried(Reply, type="daemon.retried"):
    """The item is pending again; the cycle's next run takes it up."""

    cycle: Name
    id: Identifier


class Retry(Message, type="daemon.retry", reply=Retried, idempotent=True):
    """Give an item that was set aside another chance. `not_found` when there is none."""

    cycle: Name
    id: Identifier


class Foreground(Message, type="daemon.foreground"):
    """Tell the daemon that people wait for answers (or no longer do): its cycles stand still meanwhile.

    Said again at least every `lasts_ms` while it is so: who dies while busy does not stop the background life for good.
    """

    caller: Name
    busy: bool
    lasts_ms: Annotated[int, Field(ge=1, le=60_000)] = 3000


class Progress(Reply, type="daemon.progress"):
    """One step of the background life; `watching` and `missed` are of the watcher's own, and name neither cycle nor run."""

    what: Literal["begun", "worked", "ended", "quarantined", "set_aside", "watching", "missed"]
    id: str = ""
    """What to say in `Watch.after` to go on from here."""

    cycle: Name | None
    run: Name | None
    time: Time
    effects: dict[str, int] = {}
    state: RunState | None = None
    error: str | None = None


class Watched(Reply, type="daemon.watched"):
    """The daemon goes away; whoever watches asks its successor."""


class Watch(Message, type="daemon.watch", reply=Watched, part=Progress, idempotent=True):
    """Progress as it happens: from now on, or, with the `id` of a step as `after`, from the next one.

    With an empty `after`, the first that is told is where it begins (`watching`). `missed` stands where steps were lost to this
    watcher: it fell behind or was away for more than a thousand, or the daemon was replaced meanwhile. All that is still known
    follows, and `daemon.list_runs` has what the runs came to.
    """

    after: Annotated[str, Field(max_length=64)] | None = None


class Aspect(Data):
    """Something that the talks say of a person; it is held with a confidence that evidence moves slowly."""

    kind: AspectKind
    name: str
    """An interest's word, a goal as it was said, who somebody is to them ("sister Ana"), or a trait of style."""

    value: float
    """For style, how strong the trait is, in [0, 1]; else how much of what they say is about it, in [0, 1]."""

    confidence: float
    evidence: tuple[Identifier, ...]
    """The latest records that it was drawn from, at most sixteen."""

    changed: Time
    confided_by: tuple[str, ...] = ()
    """Who told it in confidence, where nobody told it openly: it is for nobody else."""


class Trait(Data):
    """One of the assistant's own aspects: in [0, 1], never further from its baseline than the settings allow."""

    name: str
    value: float
    baseline: float
    evidence: tuple[Identifier, ...]
    changed: Time


class Profile(Reply, type="daemon.profile_told"):
    """What is known of the people who speak in a namespace, surest first; and how the assistant has come to be with them."""

    speakers: dict[str, tuple[Aspect, ...]]
    traits: tuple[Trait, ...]


class GetProfile(Message, type="daemon.profile", reply=Profile, idempotent=True):
    """The profile of a namespace's people, or of one of them."""

    namespace: Namespace = "default"
    speaker: Name | None = None


class Statement(Data):
    """Something that the assistant would like to bring up. Its record in memory, of kind `statement`, has its sources."""

    id: Identifier
    """The record's."""

    text: str
    why: str
    urgency: float
    created: Time
    expires: Time
    state: StatementState
    delivered_in: str | None
    """The thought that brought it up."""

    speaker: str | None = None
    """Whom it is meant for; None: whoever asks."""

    confided_by: tuple[str, ...] = ()
    """Who told in confidence what it is about: it is brought up to nobody else."""


class Statements(Reply, type="daemon.statements_listed"):
    """Statements, most urgent first."""

    statements: tuple[Statement, ...]


class ListStatements(Message, type="daemon.statements", reply=Statements, idempotent=True):
    """What the assistant would like to bring up in a namespace; None: also what it has brought up, or let go."""

    namespace: Namespace = "default"
    state: StatementState | None = "open"
    limit: Annotated[int, Field(ge=1, le=MOST_STATEMENTS)] = 20
    asker: Name | None = None
    """Only what may be brought up to whoever goes by this name; None: all."""


class Delivered(Reply, type="daemon.delivered"):
    """The statement as it is now; `delivered_in` names the thought that has it."""

    statement: Statement


class Deliver(Message, type="daemon.deliver", reply=Delivered, idempotent=True):
    """A thought takes a statement to bring it up. `conflict` when another has taken it, or it has expired: it is said once.

    `conflict` also where it is about what somebody other than `asker` told in confidence.
    """

    namespace: Namespace = "default"
    id: Identifier
    thought: Identifier
    asker: Name | None = None
    """The name that whoever it is brought up to goes by; None where they have none."""


class BackedUp(Reply, type="daemon.backed_up"):
    """The copy is whole, checked, and on disk."""

    bytes: int


class Backup(Message, type="daemon.backup", reply=BackedUp):
    """Copy the database to `backups/<name>.daemon.db` in the data directory, while everything goes on."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
