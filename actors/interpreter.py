"""The interpreter of a process of actors: how soon its threads give it to each other, and what its collector looks at.

Both are the whole process's. Knows no actor and no loop.
"""

from __future__ import annotations

import gc
import sys
from functools import cache
from typing import Final

__all__ = ["STARTING_S", "collect_seldom", "settle", "switch_often"]

YOUNG: Final = 10_000
"""Objects that are made before the interpreter looks for cycles among them. CPython's own 700 are fewer than sixty calls in
flight make, none of them a cycle: looking took a tenth of the time of 64 writers of memory."""

STARTING_S: Final = 0.1
"""How long an actor's start has the interpreter switched often, in seconds."""

STARTING_SWITCH_S: Final = 0.001
"""How long another thread may hold the interpreter while the loop wants it and an actor starts, in seconds. With CPython's own
5 ms, this waiting is half of the time from the end of a process to the first answer of its replacement. It is set back after
the start, since each switch costs: a house that kept it answered a sixth less under a flood."""

REPLACING_SWITCH_S: Final = 0.0001
"""The same for a replacement, for which somebody waits: opening a database hands the interpreter over some thirty times."""


def collect_seldom() -> None:
    """Look for cycles among young objects less often than CPython does by itself."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


def switch_often(*, replacing: bool) -> None:
    """Have threads give the interpreter away soon while an actor starts; `replacing`: somebody waits for it."""
    sys.setswitchinterval(REPLACING_SWITCH_S if replacing else STARTING_SWITCH_S)


def settle(switch_s: float) -> None:
    """An actor has started: switch as seldom as it wants, in seconds, and look no more at what is here for good."""
    sys.setswitchinterval(switch_s)
    _freeze()


@cache
def _freeze() -> None:
    # To look through all that was imported takes 0.1 s of the loop. Once a process: what is garbage by then is never collected.
    gc.freeze()
