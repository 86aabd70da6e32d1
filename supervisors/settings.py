"""What an operator may say about how the house's actors are supervised."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from supervisors.spec import Spec

__all__ = ["SupervisionSettings"]


class SupervisionSettings(Spec):
    """`[supervision]` in the settings."""

    drain_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """What an actor may take to finish what runs, and at the end all of them together; each has a second at least. A model that
    is in the middle of its answer is mostly done by then. The gateway's own time (`gateway.drain_s`) is to be less."""

    heartbeat_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    """Three silences of this length, and an actor counts as hung. Less, and a busy machine looks like a hung actor."""

    spares: Annotated[int, Field(ge=1, le=16)] = 2
    """Processes that anybody's replacement may become. One of two that end at once, or one that was added, needs it."""

    standbys: bool = True
    """Whether each actor has a process that waits to replace it, and nobody else. Each holds 10 MB."""
