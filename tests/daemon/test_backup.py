"""What the backup cycle does while an actor is away, and after it."""

from actors.clock import ManualClock
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from tests.daemon.house import cycle, house, run, until_run
from tests.model_server import SyncModelServer

DAY = 86_400.0


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
