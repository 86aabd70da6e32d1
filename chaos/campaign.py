"""Runs rows one after the other: houses, load, the look before and after, the verdict. Knows no particular fault."""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from chaos import census, evidence
from chaos.checker import Verdict, Violation, check, check_feed, check_same
from chaos.failures import failures
from chaos.history import read
from chaos.load import Load, Mix
from chaos.result import FAILURES, Result
from chaos.row import Own, Row
from chaos.scene import AWAY, Failed, Scene
from tests.model_server import SyncModelServer
from tests.system.house import ENDPOINT, House
from transport.addresses import run_directory

__all__ = ["Campaign"]

READY_S = 3.0
"""From `up` to ready, on two cores with nothing else to do."""

START_S = 120.0
"""A house starts within three seconds; on a machine that does much else, within a minute. That is not what is tested."""

WARM_S = 3.0
"""How long the house is under load before the first look at it, in seconds. It is repeated as long as some process grows by it:
what grows only at first is no leak."""

WARM_ROUNDS = 4
WARM_MB = 8.0
"""By less than this nobody has grown: a heap holds now a little more, now a little less."""

QUIET_S = 60.0
"""How long a house may take to do what its load has left over, such as vectors and judgements, in seconds."""

IDLE = 0.15
"""The share of a core, over half a second, below which a house has nothing to do: ten processes with their heartbeats use as
much."""

NOBODY = -1

SETTLE_S = 30.0
"""How long after the load processes, sockets and turns may take to be what they were, in seconds. Connections to a model that
nobody uses any more are closed within 20 s."""

GROWS_MB = 64.0
GROWS_DESCRIPTORS = 16
"""By how many descriptors a process may grow over all rows of a house together: little more than in one."""

SPEED = {"mode": "echo", "delay_between_s": 0.004}
"""How the scripted model answers: so that a stream lasts some fifty milliseconds."""


@dataclass(slots=True)
class Stage:
    """A house that stands, and what has been played in it."""

    house: House
    models: SyncModelServer
    folder: Path
    namespaces: list[str] = field(default_factory=list)
    plateau: census.Census | None = None
    """What each kind of process held once everything had been done once."""

    @property
    def slowness(self) -> float:
        """How many times as long as on an idle machine this house took to start.

        All times of its rows are lengthened by that.
        """
        return max(1.0, self.house.ready_s / READY_S)


class Campaign:
    """Rows on a seeded schedule.

    Args:
        seed: everything that chance decides follows from it.
        kills: faults of a row that can be done again and again.
        seconds: how long a fault that goes on may go on.
        mix: clients.
        on_begin: called with each row before it.
        on_result: called with each line.
        on_progress: called with what happens meanwhile.
        keep: where data and histories stay; without it they are gone afterwards.
    """

    def __init__(
        self,
        *,
        seed: int,
        kills: int,
        seconds: float,
        mix: Mix,
        on_begin: Callable[[Row | None, str], None],
        on_result: Callable[[Result], None],
        on_progress: Callable[[str], None],
        keep: Path | None = None,
    ) -> None:
        self.seed = seed
        self.kills = kills
        self.seconds = seconds
        self.mix = mix
        self.on_begin = on_begin
        self.on_result = on_result
        self.on_progress = on_progress
        self.keep = keep
        self.results: list[Result] = []

    def run(self, rows: Sequence[Row]) -> list[Result]:
        """All rows: first those that share a house, then those that have their own. Each house ends with a line of its own."""
        with self.folder() as folder:
            shared = [row for row in rows if row.own is None]
            if shared:
                with self.told_of(None), self.stage(folder / "shared", Own()) as stage:
                    for row in shared:
                        self.play(row, stage)
                    self.close(stage, "end")
            for row in rows:
                if row.own is not None:
                    with self.told_of(row), self.stage(folder / row.name, row.own) as stage:
                        self.play(row, stage)
        return self.results

    @contextmanager
    def told_of(self, row: Row | None) -> Iterator[None]:
        """What goes wrong with a house itself, that it does not start or does not stop, is a line: other rows are played."""
        began = time.monotonic()
        try:
            yield
        except Exception:  # noqa: BLE001 (told in full)
            name, number, fault = ("end", 0, "its house") if row is None else (row.name, row.number, row.fault)
            complaint = f"the house itself failed:\n{traceback.format_exc()}"
            self.finish(Result(name, number, fault, row.passes if row is not None else ""), [complaint], began)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Where houses and histories are: a short path, since sockets lie in it."""
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            yield self.keep
            return
        folder = Path(tempfile.mkdtemp(prefix="lattice-chaos-"))
        yield folder
        # Whoever comes by an exception leaves everything to be looked at.
        shutil.rmtree(folder)

    @contextmanager
    def stage(self, folder: Path, own: Own) -> Iterator[Stage]:
        """A house with its model server, warmed up."""
        self.on_progress("starting a house")
        data_dir = folder / "data"
        data_dir.mkdir(parents=True)
        if own.prepare is not None:
            own.prepare(data_dir)
        with ExitStack() as stack:
            if own.clean_up is not None:
                stack.callback(own.clean_up, data_dir)
            models = stack.enter_context(SyncModelServer())
            models.always(**SPEED)
            config = ENDPOINT.format(url=models.base_url) + own.config
            house = House(data_dir, config=config, program=own.program, environment=own.environment, start_s=START_S)
            stack.enter_context(house)
            yield Stage(house, models, folder)

    def play(self, row: Row, stage: Stage) -> None:
        """One row: look, load, fault, settle, judge, look again."""
        self.on_begin(row, row.fault)
        began = time.monotonic()
        rng = random.Random(f"{self.seed}-{row.name}")
        result = Result(row.name, row.number, row.fault, row.passes)
        folder = stage.folder / "histories" / row.name
        keeps = row.own is None or row.own.keeps
        if stage.house.process.poll() is not None:
            self.on_progress("starting the house again that the last row left")
            stage.house.start()
        if stage.plateau is None:
            stage.plateau = self.warm(stage)
        before = self.look(stage).at_least(stage.plateau)
        slowness = stage.slowness
        stage.models.reset()
        stage.models.always(**SPEED)
        load = self.load(row.name, stage)
        scene = Scene(
            row.name,
            stage.house,
            stage.models,
            load,
            rng=rng,
            kills=self.kills,
            seconds=self.seconds,
            progress=self.on_progress,
            slowness=slowness,
            grows_descriptors=row.grows_descriptors,
        )
        try:
            if row.load:
                load.start()
            row.run(scene)
            if keeps:
                scene.ready()
        except Failed as failed:
            scene.complaints.append(str(failed))
        except Exception:  # noqa: BLE001 (told in full, and the other rows are worth their run)
            scene.complaints.append(f"the row itself failed:\n{traceback.format_exc()}")
        finally:
            load.stop((lambda: self.newest(stage)) if keeps else None)
        if keeps and self.newest(stage) == NOBODY:
            scene.complaints.append("the house does not answer any more")
            keeps = False
        slowness = max(slowness, stage.slowness)
        result.slowness = round(slowness, 2)
        result.failures = [*itertools.islice(failures(read(folder), scene.strikes), FAILURES)]
        result.take(self.judge(stage, row.name, folder) if keeps else check(read(folder), ()), row, slowness)
        if keeps:
            result.why += [str(found) for found in self.look_again(stage, before, row)]
        result.kills = scene.counts["kills"]
        result.counts, result.figures = dict(scene.counts), scene.figures
        self.finish(result, scene.complaints, began)

    def warm(self, stage: Stage) -> census.Census:
        """Let everything be done, to its end, until nobody holds more for it than the time before.

        Three seconds of load are a few dozen requests on a busy machine, and a classifier that reads few pairs at once holds a
        third less than one that reads many.
        """
        self.on_progress("warming up")
        plateau = self.warm_once(stage, "warm-up")
        for number in range(2, WARM_ROUNDS + 1):
            before, plateau = plateau, self.warm_once(stage, f"warm-up-{number}")
            if plateau.grown_since(before) < WARM_MB:
                break
        return plateau

    def warm_once(self, stage: Stage, name: str) -> census.Census:
        """Load, and wait until the house has done what was left over from it."""
        load = self.load(name, stage)
        load.start()
        time.sleep(WARM_S)
        load.stop(lambda: self.newest(stage))
        until = time.monotonic() + QUIET_S
        while True:
            before = census.census(stage.house).cpu_s
            time.sleep(0.5)
            after = census.census(stage.house)
            if after.cpu_s - before < IDLE / 2 or time.monotonic() > until:
                return self.look(stage)

    def look(self, stage: Stage) -> census.Census:
        """Who lives in the house, once nobody is being made or is ending any more."""
        until = time.monotonic() + SETTLE_S
        while True:
            found = census.census(stage.house)
            if found.is_steady or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def load(self, name: str, stage: Stage) -> Load:
        """Clients for a row."""
        stage.namespaces.append(name)
        return Load(
            stage.house.url,
            run_directory(stage.house.data_dir),
            stage.folder / "histories" / name,
            namespace=name,
            seed=f"{self.seed}-{name}",
            mix=self.mix,
        )

    def newest(self, stage: Stage) -> int:
        """The newest change that followers are to be told of; `NOBODY` where nobody can say."""
        until = time.monotonic() + SETTLE_S
        while time.monotonic() < until:
            with suppress(*AWAY):
                seq: int = stage.house.get("/v1/memories/stats")["feed_cursor"]
                return seq
        return NOBODY

    def judge(self, stage: Stage, namespace: str, folder: Path) -> Verdict:
        """What the histories and the API say. Turns may still be on their way for a while: the last verdict counts."""
        self.on_progress("comparing")
        operations = read(folder)
        until = time.monotonic() + SETTLE_S
        while True:
            verdict = check(operations, evidence.records_told(stage.house.get, namespace))
            if not verdict.count("lost") or time.monotonic() > until:
                return verdict

    def look_again(self, stage: Stage, before: census.Census, row: Row) -> list[Violation]:
        """What the house has become, once it had time to settle."""
        self.on_progress("settling")
        until = time.monotonic() + SETTLE_S
        while True:
            stage.house.drain()
            after = census.census(stage.house)
            found = [*census.compare(before, after, grows_mb=row.grows_mb, grows_descriptors=row.grows_descriptors)]
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.1)

    def close(self, stage: Stage, name: str) -> None:
        """Stop the house, and hold all that was ever written to it against the API's last word and against the file."""
        fault = "SIGTERM; then all histories against the API and against memory.db"
        passes = "exit 0, nothing of it is left running"
        self.on_begin(None, fault)
        began = time.monotonic()
        result = Result(name, 0, fault, passes)
        if stage.house.process.poll() is not None:
            stage.house.start()
        told = [record for namespace in stage.namespaces for record in evidence.records_told(stage.house.get, namespace)]
        last = self.look(stage)
        code = stage.house.stop()
        complaints = [] if code == 0 else [f"exit code {code}: {stage.house.output[-500:]}"]
        if stage.plateau is not None:
            grown = census.compare(stage.plateau, last, grows_mb=GROWS_MB, grows_descriptors=GROWS_DESCRIPTORS)
            result.why += [str(violation) for violation in grown]
        if left := stage.house.pids():
            complaints.append(f"processes outlived the house: {sorted(left)}")
        if sockets := sorted(path.name for path in run_directory(stage.house.data_dir).glob("*.sock")):
            complaints.append(f"sockets were left behind: {', '.join(sockets)}")

        operations = read(stage.folder / "histories")
        path = stage.house.data_dir / "memory.db"
        on_disk = evidence.records_on_disk(path, tuple(stage.namespaces))
        verdict = check(operations, on_disk)
        verdict.violations += [*check_same(told, on_disk), *check_feed(operations, evidence.changes_on_disk(path))]
        result.requests, result.writes = verdict.requests, verdict.writes
        result.lost, result.doubled = verdict.count("lost"), verdict.count("doubled")
        result.failed, result.broken, result.degraded = verdict.failed, verdict.broken, verdict.degraded
        result.why += [str(found) for found in verdict.violations]
        self.finish(result, complaints, began)

    def finish(self, result: Result, complaints: list[str], began: float) -> None:
        """Complete a line and tell it."""
        result.why += complaints
        result.passed = not result.why
        result.seconds = round(time.monotonic() - began, 2)
        self.results.append(result)
        self.on_result(result)

    def told(self) -> dict[str, Any]:
        """The whole campaign, for JSON."""
        totals = {
            what: sum(getattr(result, what) for result in self.results if result.number)
            for what in ("kills", "requests", "writes", "lost", "doubled", "failed", "broken", "degraded")
        }
        return {
            "seed": self.seed,
            "kills": self.kills,
            "seconds": self.seconds,
            "mix": asdict(self.mix),
            "passed": all(result.passed for result in self.results),
            "totals": {**totals, "stall_s": max((result.stall_s for result in self.results), default=0.0)},
            "rows": [asdict(result) for result in self.results],
        }
