"""The real command line, with actors that hold 100 MB more than they need: `python -m tests.system.resident_house up`.

What a killed process holds costs time: the kernel takes its memory back before it tells of the end.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import commands.house
import run
from actors.runtime import AsyncActor

BALLAST_MB = 100
FILL_AFTER_S = 0.1
BLOCK = 64 * 1024
"""Of what numpy arrays, texts and caches are made of; one large block would be cheaper to take back."""


def resident(actor_class: type[AsyncActor]) -> type[AsyncActor]:
    class Resident(actor_class):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.ballast: list[bytes] = []

        async def on_start(self) -> None:
            await super().on_start()
            self.spawn(self.fill(), name="ballast")

        async def fill(self) -> None:
            # It has grown by and by. Filling takes 0.1 s of a core, which the start would have to share.
            await asyncio.sleep(FILL_AFTER_S)
            self.ballast = await self.in_thread(lambda: [b"x" * BLOCK for _ in range(BALLAST_MB * (1 << 20) // BLOCK)])

    return Resident


commands.house.PROGRAM[1:] = ["-m", "tests.system.resident_house"]
for place in run.CLASSES.values():
    module_name, _, class_name = place.partition(":")
    module = importlib.import_module(module_name)
    setattr(module, class_name, resident(getattr(module, class_name)))

if __name__ == "__main__":
    run.main(prog_name="resident_house")
