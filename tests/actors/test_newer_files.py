"""Every actor that keeps a file refuses one of a newer program, and leaves it byte for byte as it was."""

import apsw
import pytest

from actors.daemon.actor import Daemon
from actors.daemon.settings import DaemonSettings
from actors.host import Host
from actors.memory.actor import Memory
from actors.memory.settings import MemorySettings
from actors.paradox.actor import Paradox
from actors.paradox.settings import ParadoxSettings
from actors.sqlite.opening import NewerDatabase
from actors.thinking.actor import Thinking
from actors.thinking.settings import ThinkingSettings

KEEPERS = [
    (Memory, MemorySettings(), "memory.db"),
    (Paradox, ParadoxSettings(), "paradox.db"),
    (Thinking, ThinkingSettings(), "thinking.db"),
    (Daemon, DaemonSettings(), "daemon.db"),
]


@pytest.mark.parametrize(("actor", "settings", "name"), KEEPERS, ids=[name for *_, name in KEEPERS])
async def test_a_newer_file_is_refused_and_not_touched(short_dir, actor, settings, name):
    newer = apsw.Connection(str(short_dir / name))
    newer.pragma("journal_mode", "wal")
    newer.execute("CREATE TABLE future (x); INSERT INTO future VALUES ('in the log')")
    newer.pragma("user_version", 999)
    newer.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    newer.close()
    before = files(short_dir, name)

    async with Host(run_dir=short_dir / "run") as host:
        with pytest.raises(NewerDatabase, match=f"{name} has version 999"):
            await host.start_actor(actor, settings, short_dir)
    assert files(short_dir, name) == before
    assert len(before) == 2


def files(directory, name):
    """The file and its log, byte for byte; the log's index is shared memory that any reader makes anew."""
    return {path.name: path.read_bytes() for path in directory.glob(f"{name}*") if not path.name.endswith("-shm")}
