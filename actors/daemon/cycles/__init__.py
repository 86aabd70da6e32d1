"""The cycles: what the daemon does in the background. Each is a class with a name, a description and one coroutine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors.daemon.cycles.backup import Backup
from actors.daemon.cycles.compress import Compress
from actors.daemon.cycles.consolidate import Consolidate
from actors.daemon.cycles.decay import Decay
from actors.daemon.cycles.dream import Dream
from actors.daemon.cycles.health import Health
from actors.daemon.cycles.integrate import Integrate
from actors.daemon.cycles.percolate import Percolate
from actors.daemon.cycles.personality import Personality
from actors.daemon.cycles.profile import Profile
from actors.daemon.cycles.re_embed import ReEmbed
from actors.daemon.cycles.reflect import Reflect
from actors.daemon.cycles.statements import Statements
from actors.daemon.follower import Follower
from actors.daemon.settings import DaemonSettings
from actors.daemon.work import Cycle

__all__ = ["enabled", "follower_of"]

KINDS: tuple[type[Any], ...] = (
    Backup,
    Compress,
    Consolidate,
    Decay,
    Dream,
    Health,
    Integrate,
    Percolate,
    Personality,
    Profile,
    ReEmbed,
    Reflect,
    Statements,
)


def follower_of(kinds: Iterable[Any]) -> Follower:
    """What these cycles follow."""
    rereads = frozenset(kind.name for kind in kinds if getattr(kind, "rereads", False))
    return Follower({kind.name: kind.follows for kind in kinds}, rereads)


def enabled(settings: DaemonSettings) -> Mapping[str, Cycle]:
    """The cycles that are switched on, by name, and what they follow."""
    own = {kind: getattr(settings, kind.name.replace("-", "_")) for kind in KINDS}
    kinds = [kind for kind in KINDS if own[kind].enabled]
    follower = follower_of(kinds)
    return {kind.name: kind(own[kind], follower) for kind in kinds}
