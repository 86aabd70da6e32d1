"""What the service manager knows of the house: that it was ready, how it is now, that it reads its settings, that it ends.

Knows the order in which that may be said, not how: a house that has not been ready yet is not said to be by a reload, and one
that drains says nothing else any more.
"""

from __future__ import annotations

from supervisors.notify import Notifier

__all__ = ["Service"]


class Service:
    """One house, as `systemctl status` shows it.

    Args:
        notifier: the way to the service manager.
    """

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self.states: dict[str, str] = {}
        self.was_ready = False
        self.is_reloading = False
        self.is_stopping = False

    def alive(self) -> None:
        """Somebody supervises, or is about to."""
        self.notifier.alive()

    def child(self, name: str, state: str) -> None:
        """A child's state has changed."""
        self.states[name] = state
        self._tell_how_it_is()

    def ready(self) -> None:
        """Every child is ready, for the first time."""
        self.was_ready = True
        if not self.is_stopping:
            self.notifier.ready(self._how_it_is())

    def reloading(self) -> None:
        """The settings are read again; `reloaded` follows."""
        self.is_reloading = True
        if self.was_ready and not self.is_stopping:
            self.notifier.reloading()

    def reloaded(self) -> None:
        """They were read, whatever came of it."""
        self.is_reloading = False
        if self.was_ready and not self.is_stopping:
            self.notifier.ready(self._how_it_is())

    def stopping(self) -> None:
        """It drains. To be said as often as one likes."""
        if not self.is_stopping:
            self.is_stopping = True
            self.notifier.stopping()

    def gave_up(self, why: str) -> None:
        """It ends since it cannot stand. The manager shows why until the next start."""
        self.stopping()
        self.notifier.status(f"gave up: {why}")

    def _tell_how_it_is(self) -> None:
        if not self.is_reloading and not self.is_stopping:
            self.notifier.status(self._how_it_is())

    def _how_it_is(self) -> str:
        ready = [name for name, state in self.states.items() if state == "ready"]
        others = [(name, state.replace("_", " ")) for name, state in self.states.items() if state != "ready"]
        if self.was_ready:
            return "serving" + (" without " if others else "") + ", ".join(f"{name} ({state})" for name, state in others)

        wait_for = ", ".join(f"{name} {state}" for name, state in others) or "starting"
        return f"{wait_for}; ready: {', '.join(ready)}" if ready else wait_for
