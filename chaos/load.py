"""The load of a row: clients that never stop asking while faults happen, how many of each kind, begun, kept quiet and ended.

What each of them does is in `clients.py`. Knows no fault and judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.clients import END_S, Client, Follower, HttpTalker, HttpWriter, Shared, WireTalker, WireWriter

__all__ = ["Load", "Mix"]


@dataclass(frozen=True, slots=True)
class Mix:
    """How many clients of each kind."""

    write: int = 2
    """Facts over HTTP, read back."""

    chat: int = 2
    """Talks over HTTP, plain and streaming by turns."""

    raw: int = 1
    """Facts over the wire, read back."""

    think: int = 1
    """Talks over the wire, as streams."""

    feed: int = 1
    """Followers of memory's feed."""


class Load:
    """All clients of one row: they write to one namespace, and into one folder.

    Args:
        url: of the gateway.
        run_dir: where the actors' sockets are.
        folder: for histories; made.
        namespace: nobody else's.
        seed: what each of them does follows from it.
        mix: how many of each.
    """

    def __init__(self, url: str, run_dir: Path, folder: Path, *, namespace: str, seed: str, mix: Mix) -> None:
        folder.mkdir(parents=True)
        self.shared = Shared(url, run_dir, folder, namespace)
        kinds = {"write": HttpWriter, "chat": HttpTalker, "raw": WireWriter, "think": WireTalker, "feed": Follower}
        self.clients: list[Client] = [
            kinds[kind](self.shared, f"{namespace}.{kind}-{number}", f"{seed}-{kind}-{number}")
            for kind in kinds
            for number in range(getattr(mix, kind))
        ]
        self.started = False

    def start(self) -> None:
        """Begin. Where it never does, ending it is nothing."""
        self.started = True
        self.shared.going.set()
        for client in self.clients:
            client.thread.start()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nobody asks anything; the followers go on waiting for news."""
        self.shared.going.clear()
        asking = [client for client in self.clients if not isinstance(client, Follower)]
        try:
            for client in asking:
                if not client.resting.wait(END_S):
                    raise TimeoutError(f"{client.name} did not come to rest within {END_S:g} s")
            yield
        finally:
            self.shared.going.set()

    def stop(self, up_to: Callable[[], int] | None = None) -> None:
        """End them, each after the operation that it is in; followers once they have been told of change `up_to()`.

        Raises:
            BaseException: what a client failed with that is no answer: a fault of the campaign's own.
        """
        self.shared.over.set()
        self.shared.going.set()
        if not self.started:
            return
        followers = [client for client in self.clients if isinstance(client, Follower)]
        for client in self.clients:
            if client not in followers:
                client.join()
        newest = up_to() if up_to is not None and followers else 0
        for client in followers:
            client.until = newest
        for client in followers:
            client.join()
        for client in self.clients:
            if client.error is not None:
                raise client.error
