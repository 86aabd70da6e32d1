"""What can be set of the daemon actor. Every field has a default that serves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ConsolidateSettings", "CycleSettings", "DaemonSettings", "DecaySettings", "ReflectSettings"]

Seconds = Annotated[float, Field(gt=0, le=366 * 86_400, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Days = Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class CycleSettings(BaseModel):
    """What every cycle has: a schedule and a budget."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Whether it is known at all. One that is known can be paused and resumed."""

    interval_s: Seconds = 600.0
    budget_s: Seconds = 60.0
    """A run ends at the first yield point after this; what is left waits for the next."""

    budget_writes: Count = 500
    """Records that one run may write to memory."""


class ConsolidateSettings(CycleSettings):
    """Turns into summaries and facts."""

    settled_s: Seconds = 900.0
    """A talk is taken once nothing was added to it for so long,"""

    segment: Annotated[int, Field(ge=2, le=256)] = 64
    """or once it has so many new turns; this many are summarised at once."""

    summary_from: Annotated[int, Field(ge=2, le=256)] = 4
    """A stretch of fewer turns gets no summary: it would be as long as what it sums up."""

    summary_sentences: Annotated[int, Field(ge=1, le=20)] = 4


class DecaySettings(CycleSettings):
    """Importance fades with age."""

    interval_s: Seconds = 6 * 3600.0
    half_life_days: dict[str, Days] = {
        "turn": 30.0,
        "tool": 7.0,
        "fact": 180.0,
        "summary": 90.0,
        "reflection": 60.0,
        "statement": 30.0,
    }
    """By kind; a kind that is not named does not fade."""

    floor: Share = 0.05
    """Nothing fades below this."""

    step: Annotated[float, Field(gt=0, le=1)] = 0.02
    """Smaller changes are not worth a write."""


class ReflectSettings(CycleSettings):
    """What mattered lately."""

    interval_s: Seconds = 3600.0
    turns_from: Count = 12
    """A namespace is reflected on once it has so many new turns."""

    turns: Annotated[int, Field(ge=2, le=256)] = 200
    """The most that one reflection looks at."""

    themes: Annotated[int, Field(ge=1, le=20)] = 5


class DaemonSettings(BaseModel):
    """The daemon actor's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    consolidate: ConsolidateSettings = ConsolidateSettings()
    decay: DecaySettings = DecaySettings()
    reflect: ReflectSettings = ReflectSettings()

    jitter: Share = 0.1
    """Each wait is longer by up to this share of it, so that cycles and houses do not march in step."""

    retry_s: Seconds = 30.0
    """Wait after a failed run; doubles with each failure in a row, up to `retry_limit_s`."""

    retry_limit_s: Seconds = 6 * 3600.0
    lease_s: Seconds = 60.0
    """A run that has not renewed its lease for so long is taken over."""

    attempts: Count = 5
    """A run that was begun so often without an end is abandoned."""

    look_s: Seconds = 1.0
    """The clock is looked at this often, since clocks jump and laptops sleep."""

    runs_kept: Count = 1000
    """Ended runs in the history, of each cycle."""
