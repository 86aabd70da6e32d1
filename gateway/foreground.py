"""Tells the daemon that people wait for answers, so that its cycles stand still meanwhile."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from actors.daemon.messages import Foreground
from gateway.incoming import Asker
from transport.errors import LatticeError

__all__ = ["ForegroundSign"]

AGAIN_S: Final = 1.0
"""How often it is said while people wait, in seconds. The end is said at the same beat: a pause between two requests ends no
talk."""


class ForegroundSign:
    """Counts the requests of people; one message a second at most, however many there are."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._caller = f"gateway-{secrets.token_hex(4)}"
        self._requests = 0
        self._said = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """A request of somebody who waits."""
        self._requests += 1
        if not self._said:
            self._say(busy=True)
        try:
            yield
        finally:
            self._requests -= 1

    def _say(self, *, busy: bool) -> None:
        self._said = busy
        # A request does not fail since the daemon cannot be told of it: it is said again at the next beat.
        with suppress(LatticeError):
            self._asker.tell(Foreground(caller=self._caller, busy=busy, lasts_ms=int(3 * AGAIN_S * 1000)))

        if busy:
            asyncio.get_running_loop().call_later(AGAIN_S, self._again)

    def _again(self) -> None:
        self._say(busy=self._requests > 0)
