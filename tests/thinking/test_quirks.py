"""What is learnt of a model is on disk once its house has stopped, however soon that was."""

from pathlib import Path

from actors.sqlite.database import Database
from actors.thinking.quirks import PLAIN_AFTER, Quirks
from actors.thinking.thoughts import MIGRATIONS


async def test_what_was_learnt_a_moment_before_the_end_is_known_at_the_next_start(tmp_path: Path) -> None:
    database = Database(tmp_path / "thinking.db", MIGRATIONS)
    await database.open()
    quirks = Quirks((), database)
    quirks.learn("Muser")
    for _ in range(PLAIN_AFTER):
        quirks.began_plainly("plain")
    await database.close()

    await database.open()
    again = Quirks((), database)
    await again.open()
    await database.close()
    assert again.begins("muser") == "in_reasoning"
    assert again.begins("plain") == "plainly"
