"""The backup cycle: copies of all databases, how many are kept, and what it does while an actor is away."""

from datetime import timedelta

from actors.clock import ManualClock
from actors.daemon.actor import Daemon
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from actors.thinking.actor import Thinking
from actors.thinking.settings import ThinkingSettings
from tests.daemon.house import begun, cycle, ended, house, run, settings, talk, until_run
from tests.model_server import SyncModelServer

DAY = 86_400.0


async def test_copies_of_all_databases_are_made_and_the_oldest_go(short_dir) -> None:
    clock = ManualClock()
    with SyncModelServer() as server:
        async with house(short_dir, clock, parts=("memory", "paradox"), model=server.base_url) as host:
            await host.start_actor(Thinking, ThinkingSettings(), short_dir / "data", clock)
            wanted = settings(backup={"enabled": True, "keep": 2})
            await host.start_actor(Daemon, wanted, data_dir=short_dir / "data", clock=clock)
            await begun(host)
            await talk(host, clock, texts=("The lemon trees need water.",))
            for _ in range(3):
                clock.advance(DAY)
                assert (await run(host, "backup")).effects["databases"] == 5
    copies = sorted(path.name for path in (short_dir / "data" / "backups").iterdir())
    assert len(copies) == 10
    assert {name.partition(".")[2] for name in copies} == {"memory.db", "thinking.db", "paradox.db", "llm.db", "daemon.db"}


async def test_a_part_that_is_away_keeps_no_other_from_being_copied_and_none_of_its_own_copies_goes(
    short_dir, monkeypatch
) -> None:
    monkeypatch.setattr("actors.daemon.work.ASK_S", 2.0)
    clock = ManualClock()
    kept = short_dir / "data" / "backups" / "cycle-20200101T000000.thinking.db"
    async with house(short_dir, clock, backup={"enabled": True, "keep": 1}) as host:
        kept.parent.mkdir(exist_ok=True)
        kept.touch()
        for _ in range(2):
            clock.advance(DAY)
            done = await run(host, "backup")
            assert (done.state, done.effects["databases"]) == ("failed", 3)
            assert "thinking, llm" in done.error
    copies = [path.name.partition(".")[2] for path in kept.parent.iterdir()]
    assert sorted(copies) == ["daemon.db", "memory.db", "paradox.db", "thinking.db"]
    assert kept.exists()


async def test_a_copy_made_now_stays_and_those_that_a_clock_that_was_ahead_dated_go_first(short_dir) -> None:
    clock = ManualClock()
    folder = short_dir / "data" / "backups"
    past = f"cycle-{clock.now() - timedelta(days=1):%Y%m%dT%H%M%S}.memory.db"
    ahead = [f"cycle-{clock.now() + timedelta(days=400 + day):%Y%m%dT%H%M%S}.memory.db" for day in range(3)]
    folder.mkdir(parents=True)
    for name in (past, *ahead):
        (folder / name).touch()
    with SyncModelServer() as server:
        keeping = {"enabled": True, "keep": 3}
        async with house(
            short_dir, clock, parts=("memory", "paradox", "thinking", "daemon"), model=server.base_url, backup=keeping
        ) as host:
            (done,) = await ended(host, "backup")
            assert done.state == "done"
    made = f"cycle-{done.started:%Y%m%dT%H%M%S}.memory.db"
    assert sorted(path.name for path in folder.glob("*.memory.db")) == sorted((past, made, ahead[-1]))


async def test_while_an_actor_is_away_nothing_is_copied_again_and_the_cycle_is_not_blamed(short_dir, monkeypatch) -> None:
    monkeypatch.setattr("actors.daemon.work.ASK_S", 2.0)
    monkeypatch.setattr("actors.daemon.work.SIGN_S", 0.1)
    clock = ManualClock()
    folder = short_dir / "data" / "backups"

    def of_memory() -> list[str]:
        return sorted(path.name for path in folder.glob("*.memory.db"))

    backup = {"enabled": True, "keep": 3, "interval_s": DAY}
    parts = ("memory", "thinking", "daemon")
    with SyncModelServer() as server:
        async with house(
            short_dir, clock, parts=parts, model=server.base_url, cycles=(), quarantine_after=2, backup=backup
        ) as host:
            first = f"cycle-{(await until_run(host, 'backup', 1))[0].started:%Y%m%dT%H%M%S}"
            clock.advance(600)
            again = (await until_run(host, "backup", 2))[0]
            assert again.error.endswith("(paradox gives no sign of life)")
            assert again.effects.get("databases", 0) == 0
            assert of_memory() == [f"{first}.memory.db"]

            clock.advance(2 * DAY)
            second = f"cycle-{(await until_run(host, 'backup', 3))[0].started:%Y%m%dT%H%M%S}"
            assert of_memory() == [f"{first}.memory.db", f"{second}.memory.db"]
            assert not (await cycle(host, "backup")).quarantined

            await host.start_actor(Paradox, ParadoxSettings(vectors_patience_s=0), short_dir / "data", clock)
            clock.advance(600)
            whole = (await until_run(host, "backup", 4))[0]
            assert (whole.state, whole.effects["databases"]) == ("done", 1)
            assert len(list(folder.glob(f"{second}.*"))) == 5

            clock.advance(600)
            assert (await run(host, "backup")).effects["databases"] == 5
