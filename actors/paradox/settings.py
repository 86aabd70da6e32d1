"""What can be set of the paradox actor. Every field has a default that serves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ParadoxSettings"]


class ParadoxSettings(BaseModel):
    """The paradox actor's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    follow: bool = True
    """Follow memory's feed in the background. Without, only `paradox.check` finds anything."""

    candidates: Annotated[int, Field(ge=1, le=100)] = 12
    """Remembered statements that a new one is compared with."""

    keep_from: Annotated[float, Field(ge=0, le=1)] = 0.55
    """Scores below this are not kept."""

    page: Annotated[int, Field(ge=1, le=500)] = 64
    """Changes taken from the feed at once, and written in one transaction."""

    pause_s: Annotated[float, Field(ge=0, le=60)] = 0.1
    """Before more changes are asked for, in seconds: what is said within it shares a page and a transaction."""

    wait_ms: Annotated[int, Field(ge=1, le=30_000)] = 20_000
    """How long a question for changes stays open, in milliseconds."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """After so many failures an item is set aside with its error, and the feed is followed on."""

    retry_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Wait after a failure, in seconds; doubles with each failure in a row up to a minute."""
