"""What is needed of an actor by a part of it that only asks others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol

__all__ = ["Asks"]


class Asks(Protocol):
    """Asks an actor, as `AsyncActor.ask` does."""

    def __call__(
        self,
        message: Any,
        *,
        to: str | None = None,
        timeout: float | None = None,
        key: str | None = None,
        lane: str | None = None,
    ) -> Awaitable[Any]:
        """The reply."""
