"""Answers that went out while memory was away are remembered in the end, whatever was killed meanwhile."""

import asyncio

from actors.memory.messages import GetSession
from actors.thinking.messages import Think
from tests.thinking.house import TEXT, Process, house
from tests.thinking.test_think import text_of, user
from transport.errors import NotFound


async def texts(host, session: str, wanted: int) -> list[str]:
    """The talk's turns, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            try:
                found = await host.ref("memory").ask(GetSession(name=session))
            except NotFound:
                continue
            if len(found.turns) >= wanted:
                return [turn.text for turn in found.turns]


async def test_an_answer_that_memory_could_not_take_survives_the_kill_of_all_processes(short_dir, model) -> None:
    async with house(short_dir, url=model.base_url, parts=("llm", "paradox")) as host:
        async with Process(short_dir, "thinking") as thinking:
            for n in (1, 2):
                said = Think(session="s", messages=(user(f"Number {n}"),))
                assert text_of(await host.ref("thinking").ask(said, timeout=20)) == TEXT
            await thinking.kill()

        async with Process(short_dir, "memory"), Process(short_dir, "thinking"):
            # In the order in which they were said.
            assert await texts(host, "s", 4) == ["Number 1", TEXT, "Number 2", TEXT]

    assert len(model.log()) == 2
