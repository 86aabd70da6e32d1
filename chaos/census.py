"""Who lives in the house, and what it holds: processes, memory, descriptors, sockets. Looked at before a row and after it.

Knows `/proc` and the names that processes go by; nothing of what was done to them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaos.checker import Violation
from supervisors import linux
from tests.system.house import House, comm
from transport.addresses import run_directory

__all__ = ["Census", "Resident", "census", "compare"]

MIB = 1 << 20
SUPERVISOR = "lattice:supervisor"[:15]
COME_AND_GO = {"spare": 4, "standby": 7, "leaving": 2}
"""Kinds of processes of which there may be fewer at any time, and how many there are at most. Two spares wait and two are on
their way, each actor has a standby, and a gateway that was restarted finishes its streams beside the next one."""

HELD = 2
"""Descriptors that the supervisor has for each of these: a channel and a pidfd."""

NAMES = {"supervi": "supervisor"}
"""The kernel keeps fifteen bytes of a name."""


@dataclass(frozen=True, slots=True)
class Resident:
    """One process."""

    pid: int
    rss_mb: float
    descriptors: int


@dataclass(frozen=True, slots=True)
class Census:
    """All processes by what they are (`up`, `supervisor`, `zygote`, `spare`, an actor's name), and the sockets' files."""

    residents: dict[str, tuple[Resident, ...]]
    sockets: frozenset[str]
    dead: tuple[int, ...]
    """Processes that have ended and that nobody has collected."""

    def count(self, what: str) -> int:
        """How many are of this kind."""
        return len(self.residents.get(what, ()))

    @property
    def is_steady(self) -> bool:
        """Whether nobody is on the way in or out: one process of each kind, and of those that come and go no more than may be.

        For a moment a process that was just forked has its parent's name, one that starts has none, and the heir of one that
        has ended is nobody's. A spare that came too late is sent away.
        """
        return all(
            len(of_kind) <= COME_AND_GO.get(what, 1) and what != "heir" and not what.startswith("python")
            for what, of_kind in self.residents.items()
        )

    def most(self, what: str) -> Resident:
        """The most that one of a kind holds, in memory and in descriptors."""
        of_kind = self.residents[what]
        return Resident(of_kind[0].pid, max(one.rss_mb for one in of_kind), max(one.descriptors for one in of_kind))

    def descriptors(self, what: str) -> int:
        """The most that one of a kind has open, without what the supervisor has for who comes and goes."""
        for_others = HELD * sum(map(self.count, COME_AND_GO)) if what == "supervisor" else 0
        return self.most(what).descriptors - for_others

    def at_least(self, plateau: Census) -> Census:
        """The same with what each kind is known to hold once it has done all that it does: a new process has not, yet."""
        kinds = {
            what: tuple(
                Resident(one.pid, max(one.rss_mb, plateau.most(what).rss_mb), one.descriptors)
                if what in plateau.residents
                else one
                for one in of_kind
            )
            for what, of_kind in self.residents.items()
        }
        return Census(kinds, self.sockets, self.dead)

    def grown_since(self, before: Census) -> float:
        """By how many MiB at most one of a kind holds more than then; of those who do not come and go."""
        kinds = (self.residents.keys() & before.residents.keys()) - COME_AND_GO.keys()
        return max((self.most(what).rss_mb - before.most(what).rss_mb for what in kinds), default=0.0)

    @property
    def cpu_s(self) -> float:
        """Seconds of a core that these processes have used."""
        return sum(cpu_s(one.pid) for of_kind in self.residents.values() for one in of_kind)


def census(house: House) -> Census:
    """Look at the house as it is now."""
    residents: dict[str, list[Resident]] = defaultdict(list)
    for pid in house.pids():
        what = "up" if pid == house.process.pid else NAMES.get(name := comm(pid).removeprefix("lattice:"), name)
        if what == "heir" and comm(parent(pid)) != SUPERVISOR:
            # What an heir holds is its bearer's, which is its parent; without one it is an orphan.
            continue
        if (resident := look_at(pid)) is not None:
            residents[what].append(resident)
    dead = tuple(pid for pid in linux.descendants(house.process.pid) if state(pid) == "Z")
    sockets = frozenset(path.name for path in run_directory(house.data_dir).glob("*.sock"))
    return Census({what: tuple(found) for what, found in sorted(residents.items())}, sockets, dead)


def compare(before: Census, after: Census, *, grows_mb: float, grows_descriptors: int) -> Iterator[Violation]:
    """What should not be: more or fewer processes, ones that nobody collected, other sockets, growth beyond the allowance."""
    for what in sorted(before.residents | after.residents):
        if what in COME_AND_GO:
            if after.count(what) > COME_AND_GO[what]:
                yield Violation("orphan", f"{after.count(what)} processes {what}, and {COME_AND_GO[what]} are the most")
            continue
        if before.count(what) != after.count(what):
            rule = "orphan" if after.count(what) > before.count(what) else "missing"
            yield Violation(rule, f"{after.count(what)} processes {what}, and there were {before.count(what)}")
            continue
        old, new = before.most(what), after.most(what)
        if new.rss_mb - old.rss_mb > grows_mb:
            yield Violation("growth", f"{what} has {new.rss_mb:.0f} MiB resident, and had {old.rss_mb:.0f}")
        if (open_now := after.descriptors(what)) - (had := before.descriptors(what)) > grows_descriptors:
            yield Violation("growth", f"{what} has {open_now} descriptors open, and had {had}")
    for pid in after.dead:
        yield Violation("orphan", f"process {pid} has ended, and nobody collects it")
    for name in sorted(after.sockets ^ before.sockets):
        rule = "leaked" if name in after.sockets else "missing"
        yield Violation(rule, f"the socket {name} is {'left behind' if rule == 'leaked' else 'gone'}")


def look_at(pid: int) -> Resident | None:
    """One process; None when it has just ended."""
    try:
        rss = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        return Resident(pid, int(rss.split()[1]) * 1024 / MIB, len(list(Path(f"/proc/{pid}/fd").iterdir())))
    except (OSError, StopIteration):
        return None


def cpu_s(pid: int) -> float:
    """Seconds of a core that a process has used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def parent(pid: int) -> int:
    """The pid of a process's parent; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def state(pid: int) -> str:
    """The kernel's letter for a process's state; none when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
