"""The real command line, with actors that fail when they are told to: `python -m tests.system.faulty_house up`.

Each actor gets two contracts more: `<name>.fail`, told, whose handler raises, and `<name>.misbehave`, asked. And none starts
while a file `faulty-<name>` stands in the data directory. Nothing else differs from `run.py`.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import Any, Literal

import commands.house
import run
from actors.message import Message, Reply
from actors.runtime import AsyncActor, handles

BITE = 16 << 20
PAUSE_S = 0.02


def faulty(actor_class: type[AsyncActor]) -> type[AsyncActor]:
    class Fail(Message, type=f"{actor_class.name}.fail"):
        """Fail, as by a programming error."""

    class Misbehaved(Reply, type=f"{actor_class.name}.misbehaved"):
        """It came to an end after all."""

    class Misbehave(Message, type=f"{actor_class.name}.misbehave", reply=Misbehaved, idempotent=True):
        """raise: an error that is none of ours; wait: never return; block: hold the loop; eat: take memory without end."""

        how: Literal["raise", "wait", "block", "eat"]

    class Faulty(actor_class):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.broken = options["data_dir"] / f"faulty-{self.name}"

        async def on_start(self) -> None:
            if self.broken.exists():
                raise RuntimeError(f"{self.name} is broken on purpose")
            await super().on_start()

        @handles(Fail)
        async def fail(self, message: Fail) -> None:
            del message
            raise RuntimeError("told to fail")

        @handles(Misbehave)
        async def misbehave(self, message: Misbehave) -> Misbehaved:
            match message.how:
                case "raise":
                    raise RuntimeError("told to misbehave")
                case "wait":
                    await asyncio.Event().wait()
                case "block":
                    time.sleep(600)  # noqa: ASYNC251 (that is the fault)
                case "eat":
                    await self.in_thread(eat)
            return Misbehaved()

    return Faulty


def eat() -> None:
    eaten = []
    while True:
        eaten.append(b"x" * BITE)
        time.sleep(PAUSE_S)


commands.house.PROGRAM[1:] = ["-m", "tests.system.faulty_house"]
for place in run.CLASSES.values():
    module_name, _, class_name = place.partition(":")
    module = importlib.import_module(module_name)
    setattr(module, class_name, faulty(getattr(module, class_name)))

if __name__ == "__main__":
    run.main(prog_name="faulty_house")
