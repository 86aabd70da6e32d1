"""What a row has in hand while it does its damage: the house, the model server, the load, seeded chance, words for what it saw.

It waits for things to happen and counts them. Whether all is well it does not say: that is the checker's affair, and the row's.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from chaos.failures import Strike
from chaos.load import Load
from supervisors import linux
from tests.model_server import SyncModelServer
from tests.system.house import House, comm

__all__ = ["AWAY", "Failed", "Scene"]

ACTORS = ("encoder", "memory", "llm", "thinking", "paradox", "daemon", "gateway")
READY_S = 60.0
LOOK_S = 0.02
"""How often something that is waited for is looked at, in seconds. Looking costs the house a request."""

AWAY = (OSError, http.client.HTTPException)
"""What asking a gateway raises while it is being replaced."""


class Failed(Exception):
    """The row cannot go on."""


class Scene:
    """One row's.

    Args:
        name: of the row.
        house: that stands and is ready.
        models: the scripted model server that the house asks; it echoes the last user message.
        load: clients that ask meanwhile; not started where the row wants none.
        rng: the row's own chance, from the campaign's seed.
        kills: how many faults to do.
        seconds: how long a fault that goes on may go on.
        progress: tells a person what happens.
        slowness: of the machine; whatever is waited for may take so much longer.
        grows_descriptors: by how many descriptors each process may grow.
    """

    def __init__(
        self,
        name: str,
        house: House,
        models: SyncModelServer,
        load: Load,
        *,
        rng: random.Random,
        kills: int,
        seconds: float,
        progress: Callable[[str], None],
        slowness: float,
        grows_descriptors: int,
    ) -> None:
        self.name = name
        self.house = house
        self.models = models
        self.load = load
        self.rng = rng
        self.kills = kills
        self.seconds = seconds
        self.progress = progress
        self.slowness = slowness
        self.grows_descriptors = grows_descriptors
        self.counts: Counter[str] = Counter()
        self.strikes: list[Strike] = []
        self.figures: dict[str, Any] = {}
        self.complaints: list[str] = []

    # What a row says

    def count(self, what: str, times: int = 1, *, strike: Strike | None = None) -> None:
        """Count something for the JSON; `kills` stands in the table. What fails afterwards is told with it."""
        self.counts[what] += times
        self.strikes.append(strike or Strike(what, time.monotonic()))
        self.progress(f"{what} {self.counts[what]}")

    def require(self, holds: object, complaint: str) -> None:
        """The row has failed, and goes on, unless this holds."""
        if not holds:
            self.complaints.append(complaint)

    # What a row waits for

    def pause(self, least: float, most: float) -> float:
        """Let the load go on for a time by chance; the seconds."""
        seconds = self.rng.uniform(least, most)
        time.sleep(seconds)
        return seconds

    def until(self, what: str, holds: Callable[[], Any], within_s: float = READY_S) -> Any:
        """Wait until it holds; what it returned. While the gateway is away it does not.

        Raises:
            Failed: it did not in time.
        """
        until = time.monotonic() + within_s * self.slowness
        while True:
            try:
                if found := holds():
                    return found
            except AWAY:
                pass
            self.house.drain()
            if time.monotonic() > until:
                raise Failed(f"not within {within_s * self.slowness:.1f} s: {what}")
            time.sleep(LOOK_S)

    def ready(self, within_s: float = READY_S) -> dict[str, dict[str, Any]]:
        """Wait until every actor is ready; `/v1/actors` by name."""

        def all_ready() -> dict[str, dict[str, Any]] | None:
            actors = self.house.actors()
            return actors if set(ACTORS) <= actors.keys() and all(a["state"] == "ready" for a in actors.values()) else None

        found: dict[str, dict[str, Any]] = self.until("every actor is ready", all_ready, within_s)
        return found

    def pids(self) -> dict[str, int]:
        """In which process each actor lives, once every actor is ready."""
        actors = self.ready()
        return {name: actors[name]["pid"] for name in ACTORS}

    def replaced(self, name: str, pid: int, within_s: float = READY_S) -> int:
        """Wait until an actor lives in another process, and every actor is ready; the new pid."""
        new: int = self.until(
            f"{name} lives in another process than {pid}",
            lambda: (now := self.ready(within_s)[name]["pid"]) != pid and now,
            within_s,
        )
        return new

    def pid_of(self, name: str) -> int | None:
        """The process that goes by a name now: an actor's, `up`, the supervisor, the zygote; None where there is none.

        It asks the kernel, not the house. The oldest of a name: one that is just forked has its parent's.
        """
        if name == "up":
            return self.house.process.pid
        named = [pid for pid in self.house.pids() if comm(pid) == f"lattice:{name}"[:15]]
        return min(named, key=lambda pid: linux.start_time(pid) or 1 << 62, default=None)

    def another(self, name: str, pid: int, within_s: float = READY_S) -> int:
        """Wait until the supervisor or the zygote lives in another process; its pid."""
        new: int = self.until(
            f"there is another {name} than {pid}", lambda: (now := self.pid_of(name)) != pid and now, within_s
        )
        return new

    # What a row does

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal a process by its name; its pid."""
        pid, at = self.until(f"there is a process {name}", lambda: self.strike(name, number))
        self.count("kills", strike=Strike(f"{number.name} {name}", at))
        return int(pid)

    def strike(self, name: str, number: signal.Signals) -> tuple[int, float] | None:
        """Signal whoever goes by a name; his pid and the moment, None where there is nobody, or he has just ended."""
        pid = self.pid_of(name)
        pidfd = None if pid is None else linux.open_pidfd(pid)
        if pid is None or pidfd is None:
            return None
        try:
            # Looked at once more: a process may have ended and its number gone to a stranger.
            if pid != self.pid_of(name):
                return None
            at = time.monotonic()
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            return None
        finally:
            os.close(pidfd)
        return pid, at
