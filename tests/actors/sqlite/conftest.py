"""An open database of notes."""

import pytest

from actors.sqlite.database import Database
from tests.actors.sqlite.notes import SCHEMA


@pytest.fixture
async def database(tmp_path):
    database = Database(tmp_path / "some" / "notes.db", SCHEMA)
    await database.open()
    yield database
    await database.close()
