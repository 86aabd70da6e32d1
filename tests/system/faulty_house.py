"""The real command line, with actors that fail when they are told to: `python -m tests.system.faulty_house up`.

Each actor gets one contract more, `<name>.fail`, whose handler raises. Nothing else differs from `run.py`.
"""

from __future__ import annotations

import importlib

import run
from actors.message import Message
from actors.runtime import AsyncActor, handles


def faulty(actor_class: type[AsyncActor]) -> type[AsyncActor]:
    class Fail(Message, type=f"{actor_class.name}.fail"):
        """Fail, as by a programming error."""

    class Faulty(actor_class):  # type: ignore[misc, valid-type]
        @handles(Fail)
        async def fail(self, message: Fail) -> None:
            del message
            raise RuntimeError("told to fail")

    return Faulty


for place in run.CLASSES.values():
    module_name, _, class_name = place.partition(":")
    module = importlib.import_module(module_name)
    setattr(module, class_name, faulty(getattr(module, class_name)))

if __name__ == "__main__":
    run.main(prog_name="faulty_house")
