"""AsyncActorRef: pykka's reference to an actor, that refuses to block a loop."""

from __future__ import annotations

from typing import Any

from pykka import ActorDeadError, ActorRef
from pykka.messages import _ActorStop

from actors.future import AsyncFuture, refuse_to_block

__all__ = ["AsyncActorRef"]


class AsyncActorRef(ActorRef[Any]):
    """What `AsyncActor.start` and `Host.start_actor` return."""

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """See `pykka.ActorRef.ask`.

        Raises:
            RuntimeError: blocking on a thread that runs a loop.
        """
        if block:
            refuse_to_block("ActorRef.ask()", "await ref.ask(message, block=False)")

        return super().ask(message, block=block, timeout=timeout)

    def stop(self, *, block: bool = True, timeout: float | None = None) -> Any:
        """See `pykka.ActorRef.stop`.

        Raises:
            RuntimeError: blocking on a thread that runs a loop.
        """
        if block:
            refuse_to_block("ActorRef.stop()", "await ref.stop(block=False)")

        asked = self.ask(_ActorStop(), block=False)
        stopped: AsyncFuture[bool] = AsyncFuture()
        stopped.sources = (asked,)

        def was_alive(timeout: float | None) -> bool:
            try:
                asked.get(timeout=timeout)
            except ActorDeadError:
                return False
            else:
                return True

        stopped.set_get_hook(was_alive)

        return stopped.get(timeout=timeout) if block else stopped
