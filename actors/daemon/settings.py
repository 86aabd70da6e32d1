"""What can be set of the daemon actor. Every field has a default that serves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = [
    "BackupSettings",
    "CompressSettings",
    "ConsolidateSettings",
    "CycleSettings",
    "DaemonSettings",
    "DecaySettings",
    "DreamSettings",
    "HealthSettings",
    "IntegrateSettings",
    "PercolateSettings",
    "PersonalitySettings",
    "ProfileSettings",
    "ReEmbedSettings",
    "ReflectSettings",
    "StatementsSettings",
]

Seconds = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Days = Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


def _cron(expression: str) -> str:
    if len(expression.split()) != 5:  # CronSim takes a sixth, of seconds.
        raise ValueError("is no cron expression of five fields")
    try:
        CronSim(expression, datetime.now(UTC))
    except CronSimError as error:
        raise ValueError(f"is no cron expression of five fields: {error}") from None
    return expression


Cron = Annotated[str, Field(max_length=128), AfterValidator(_cron)]


class CycleSettings(BaseModel):
    """A schedule and a budget, as every cycle has. Whichever of `interval_s`, `cron`, `after_new` says so first begins it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Whether it is known at all. One that is known can be paused and resumed."""

    interval_s: Seconds | None = 600.0
    """From the end of one run to the next."""

    cron: Cron | None = None
    """Five fields, UTC: `30 3 * * *` is half past three every night."""

    after_new: Count | None = None
    """Once so many turns came in since its last run."""

    idle_s: Seconds | None = None
    """Not before nobody has waited for an answer for so long; `patience_s` bounds it."""

    budget_s: Seconds = 60.0
    """A run ends at the first yield point after this; what is left waits for the next."""

    budget_writes: Count = 500
    """Records that one run may write to memory."""

    budget_tokens: Annotated[int, Field(ge=0, le=10_000_000)] = 20_000
    """Model tokens, asked and answered, that one run may use. 0: it never asks a model."""


class ConsolidateSettings(CycleSettings):
    """Turns into summaries and facts."""

    settled_s: Seconds = 900.0
    """A talk is summarised once nothing was added to it for so long, in seconds."""

    segment: Annotated[int, Field(ge=2, le=256)] = 64
    """A talk is also summarised once it has so many new turns. So many are summarised at once."""

    summary_from: Annotated[int, Field(ge=2, le=256)] = 4
    """A stretch of fewer turns gets no summary: it would be as long as what it sums up."""

    summary_sentences: Annotated[int, Field(ge=1, le=20)] = 4


class DecaySettings(CycleSettings):
    """Records age; how, stands in memory's settings."""

    interval_s: Seconds | None = 6 * 3600.0


class ReflectSettings(CycleSettings):
    """What mattered lately."""

    interval_s: Seconds | None = 3600.0
    turns_from: Count = 12
    """A namespace is reflected on once it has so many new turns."""

    turns: Annotated[int, Field(ge=2, le=256)] = 200
    """The most that one reflection looks at."""

    themes: Annotated[int, Field(ge=1, le=20)] = 5


class PercolateSettings(CycleSettings):
    """Links between memories that lie far apart."""

    interval_s: Seconds | None = 1800.0
    idle_s: Seconds | None = 10.0
    turns: Annotated[int, Field(ge=1, le=256)] = 64
    """New turns that are looked at together, each with one recall."""

    distance_days: Days = 3.0
    """What was said within so many days of it is near, and linked by its talk already."""

    words: Annotated[int, Field(ge=1, le=20)] = 2
    """Content words that two memories must share: one alone is an accident more often than not."""

    links: Annotated[int, Field(ge=1, le=10)] = 2
    """Most links from one memory, so that a common topic makes no net of everything with everything."""


class IntegrateSettings(CycleSettings):
    """Contemplating contradictions."""

    interval_s: Seconds | None = 1800.0
    paradoxes: Annotated[int, Field(ge=1, le=100)] = 20
    """How many one run contemplates, those of the highest tension first."""


class DreamSettings(CycleSettings):
    """Recombination."""

    interval_s: Seconds | None = None
    cron: Cron | None = "15 3 * * *"
    idle_s: Seconds | None = 60.0
    from_records: Annotated[int, Field(ge=2, le=10_000)] = 30
    """A namespace with fewer records has nothing to recombine."""

    dreams: Annotated[int, Field(ge=1, le=20)] = 1
    """By namespace and run."""

    distance_days: Days = 3.0
    """At least so far apart lie the two memories that a dream brings together."""


class ProfileSettings(CycleSettings):
    """What is known of the people."""

    interval_s: Seconds | None = 1800.0
    after_new: Count | None = 50
    turns: Annotated[int, Field(ge=1, le=256)] = 128
    """New turns of a namespace that one step takes in."""

    most_change: Share = 0.3
    """The most by which a value or a confidence moves in one cycle: a person is not known anew after one bad evening."""

    interests: Annotated[int, Field(ge=1, le=100)] = 24
    """Interests that are kept of a person, the surest; goals and relationships likewise."""

    fade: Share = 0.05
    """What an interest loses of its confidence in a cycle in which it did not come up while its person spoke."""


class PersonalitySettings(CycleSettings):
    """The assistant's own aspects."""

    interval_s: Seconds | None = 6 * 3600.0
    turns: Annotated[int, Field(ge=1, le=256)] = 128
    baseline: dict[Annotated[str, Field(min_length=1, max_length=64)], Share] = {
        "warmth": 0.6,
        "curiosity": 0.5,
        "humour": 0.3,
        "directness": 0.6,
        "brevity": 0.5,
    }
    """Where each aspect begins, and whither it returns. Those that are not named do not exist."""

    drift: Share = 0.2
    """The furthest from its baseline."""

    step: Share = 0.05
    """The furthest in one cycle."""


class StatementsSettings(CycleSettings):
    """What the assistant would like to bring up."""

    interval_s: Seconds | None = 3600.0
    turns: Annotated[int, Field(ge=1, le=256)] = 128
    expires_days: Days = 14.0
    """A statement that nobody had occasion for is let go."""

    open: Annotated[int, Field(ge=1, le=100)] = 8
    """Most that are open in a namespace: an assistant with a list is a nuisance."""

    after_days: Days = 2.0
    """A plan without a date is asked after once it is so old."""


class CompressSettings(CycleSettings):
    """Old talk into one summary each, and out of the way."""

    interval_s: Seconds | None = 86_400.0
    older_days: Days = 180.0
    """A talk whose last turn is so old is compressed."""

    importance: Share = 0.2
    """Only turns that have faded below this are archived."""

    sentences: Annotated[int, Field(ge=1, le=20)] = 6


class BackupSettings(CycleSettings):
    """Copies of all databases."""

    enabled: bool = False
    """What is forgotten stays in the copies until they are dropped: whoever wants them says so."""

    interval_s: Seconds | None = None
    cron: Cron | None = "45 3 * * *"
    budget_s: Seconds = 3600.0
    """All databases are one piece of work, and one that is waited for in vain takes half a minute."""

    keep: Annotated[int, Field(ge=1, le=366)] = 3
    """Copies of each database that stay: each takes about as much room as the database."""


class HealthSettings(CycleSettings):
    """A look at the house."""

    interval_s: Seconds | None = 300.0
    free_bytes: Annotated[int, Field(ge=0, le=1 << 50)] = 512 << 20
    """Less room on the data directory's disk is reported."""

    pending: Count = 10_000
    """More memories that wait to be embedded, in one namespace, are reported."""


class ReEmbedSettings(CycleSettings):
    """Staying with memory while it makes vectors."""

    interval_s: Seconds | None = 600.0
    budget_s: Seconds = 300.0
    """A change of the embedder means some hundred records a second at best: a run is long, and does nothing but wait."""


class DaemonSettings(BaseModel):
    """The daemon actor's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    consolidate: ConsolidateSettings = ConsolidateSettings()
    decay: DecaySettings = DecaySettings()
    reflect: ReflectSettings = ReflectSettings()
    percolate: PercolateSettings = PercolateSettings()
    integrate: IntegrateSettings = IntegrateSettings()
    dream: DreamSettings = DreamSettings()
    profile: ProfileSettings = ProfileSettings()
    personality: PersonalitySettings = PersonalitySettings()
    statements: StatementsSettings = StatementsSettings()
    compress: CompressSettings = CompressSettings()
    backup: BackupSettings = BackupSettings()
    health: HealthSettings = HealthSettings()
    re_embed: ReEmbedSettings = ReEmbedSettings()

    model: Annotated[str, Field(max_length=256)] | None = None
    """The model that cycles ask; None: the first endpoint's first."""

    jitter: Share = 0.1
    """Each interval is longer by up to this share of it, so that cycles and houses do not march in step."""

    retry_s: Seconds = 30.0
    """Wait after a failed run; doubles with each failure in a row, up to `retry_limit_s`."""

    retry_limit_s: Seconds = 6 * 3600.0
    quarantine_after: Count = 10
    """A cycle that failed so often in a row is left alone: ten failures are about four hours of trying at the default waits."""

    item_attempts: Count = 3
    """A piece of work that failed so often is set aside with its error, and the others go on."""

    lease_s: Seconds = 60.0
    """A run that has not renewed its lease for so long is taken over."""

    attempts: Count = 5
    """A run that was begun so often without an end is abandoned."""

    look_s: Seconds = 1.0
    """The clock is looked at this often, since clocks jump and laptops sleep."""

    runs_kept: Count = 1000
    """Ended runs in the history, of each cycle."""

    yield_s: Seconds = 30.0
    """The longest that a run stands still for people who wait, in seconds. Then it does one more piece of work: a house may
    never be quiet."""

    patience_s: Seconds = 6 * 3600.0
    """A cycle that waits for idleness waits no longer than this."""

    answers_kept_days: Days = 7.0
    """Model answers are kept so long for a run that asks the same again."""

    process_nice: Annotated[int, Field(ge=0, le=19)] = 10
    """Niceness of the daemon's process, where it has one of its own: at 10 it gets about a tenth of a contended core."""
