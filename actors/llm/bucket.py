"""The token bucket for what the background may spend on models."""

from __future__ import annotations

from collections.abc import Callable

from actors.llm.settings import BackgroundSettings
from transport.errors import Overloaded


class Bucket:
    """Holds tokens of models, refilled by the minute; full at the very first start.

    Args:
        settings: how much flows in, and how much it holds.
        now: seconds of a clock that only goes forward.
        changed: called with what it holds when something was taken or put right.
    """

    def __init__(
        self, settings: BackgroundSettings, now: Callable[[], float], changed: Callable[[float], None] = lambda _: None
    ) -> None:
        self.changed = changed
        self.per_s = None if settings.tokens_per_minute is None else settings.tokens_per_minute / 60
        self.most = float(settings.burst_tokens)
        self.now = now
        self.held = self.most
        self.at = now()

    def restore(self, held: float, seconds: float) -> None:
        """Take over what it held so long ago."""
        self.at = self.now()
        self.held = min(held + max(seconds, 0.0) * (self.per_s or 0.0), self.most)

    def take(self, tokens: int) -> None:
        """Take what a call will cost by estimate; it may leave a debt, which later calls wait for.

        Raises:
            Overloaded: it is empty; with how long until it is not.
        """
        if self.per_s is None:
            return

        now = self.now()
        self.held = min(self.held + (now - self.at) * self.per_s, self.most)
        self.at = now
        if self.held <= 0:
            wait_ms = int(-self.held / self.per_s * 1000) + 1000
            raise Overloaded("what the background may spend on models is spent for now", retry_after_ms=wait_ms)

        self.held -= tokens
        self.changed(self.held)

    def settle(self, estimated: int, used: int) -> None:
        """Put right what was taken by estimate."""
        if self.per_s is not None:
            self.held = min(self.held + estimated - used, self.most)
            self.changed(self.held)
