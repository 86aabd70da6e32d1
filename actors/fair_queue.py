"""Fair queue: what waits, taken out by turns between those who sent it, so that who sends much waits for itself alone.

A peer's turn is one item, and one more for each further namespace that it has waiting, up to `WIDEST`: a gateway that carries
many people's requests is not held to the share of one. Within its turn its namespaces take turns of their own. What one peer
sent in one namespace keeps its order. It is deficit round robin with each item counted as one (Shreedhar and Varghese, 1995).

Where there is no more room, the newest of the longest queue gives way (longest queue drop, as in Linux's stochastic fair
queueing). So nobody is refused for what another sent, and who is alone may have all the room.

Knows nothing of what waits, and has no bound: its owner asks `give_way` instead of adding beyond one. For one thread.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, TypeVar

__all__ = ["WIDEST", "FairQueue", "Flow"]

WIDEST: Final = 8
"""Most items that a peer may have taken in one turn: whoever names a new namespace in each message has no more of it."""

Flow = tuple[Hashable, Hashable]
"""Whose an item is: the peer that sent it, and the namespace that it is about."""

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items by peer and namespace.

    Args:
        wanted: whether somebody still wants an item. One that nobody does is taken out as any other, and costs no turn: who
            gave up a thousand does not wait for as many turns with its next.
    """

    def __init__(self, wanted: Callable[[T], bool] = lambda _: True) -> None:
        self._wanted = wanted
        self._peers: OrderedDict[Hashable, _Peer[T]] = OrderedDict()
        """Those that have something waiting, the one whose turn it is first."""

        self._length = 0
        self._alone: deque[T] = deque()
        """All that waits, as long as it is one flow's: turns cost a microsecond or two, and mostly nobody else waits."""

        self._whose: Flow = ("", "")

    def append(self, item: T, flow: Flow) -> None:
        """Adds an item behind those of its flow."""
        if not self._length:
            self._whose = flow

        if not self._peers and flow == self._whose:
            self._alone.append(item)
            self._length += 1
        else:
            if self._alone:
                self._sort_out()

            self._add(item, flow)

    def _add(self, item: T, flow: Flow) -> None:
        name, namespace = flow
        peer = self._peers.get(name)

        if peer is None:
            peer = self._peers[name] = _Peer()

        peer.append(item, namespace)
        self._length += 1

    def popleft(self) -> T:
        """Takes out the next.

        Raises:
            IndexError: nothing waits.
        """
        if not self._length:
            raise IndexError("nothing waits")

        if self._alone:
            self._length -= 1
            return self._alone.popleft()

        name, peer = next(iter(self._peers.items()))
        turns = peer.left or peer.turns
        item, is_turn = peer.popleft(self._wanted)
        self._length -= 1

        if is_turn:
            peer.left = turns - 1

        if not peer.length:
            del self._peers[name]
        elif is_turn and not peer.left:
            self._peers.move_to_end(name)

        return item

    def give_way(self, flow: Flow) -> T | None:
        """Takes out the newest of the longest queue in favour of an item of `flow`.

        None where no queue would be as long without its newest as that of `flow` with one more.
        """
        if not self._length:
            return None

        self._sort_out()
        name, longest = max(self._peers.items(), key=lambda known: known[1].length / known[1].turns)
        own = self._peers.get(flow[0])

        if own is longest:
            item = longest.give_way(flow[1])
        elif (longest.length - 1) * _turns_with(own, flow[1]) < ((own.length if own else 0) + 1) * longest.turns:
            item = None
        else:
            item = longest.give_way()

        if item is not None:
            self._length -= 1

            if not longest.length:
                del self._peers[name]

        return item

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Drops what is not wanted. Whose turn it is, and for how much longer, stays as it is."""
        self._sort_out()

        for name, peer in list(self._peers.items()):
            self._length -= peer.keep(wanted)

            if not peer.length:
                del self._peers[name]

    def clear(self) -> None:
        """Drops everything."""
        self._peers.clear()
        self._alone.clear()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        """All that wait, peer by peer."""
        yield from self._alone

        for peer in self._peers.values():
            for items in peer.namespaces.values():
                yield from items

    def _sort_out(self) -> None:
        """From here on there may be several flows, until nothing waits any more."""
        alone, self._alone = self._alone, deque()
        self._length -= len(alone)

        for item in alone:
            self._add(item, self._whose)


class _Peer(Generic[T]):
    """What one peer has waiting. It is never empty while the queue knows it."""

    __slots__ = ("left", "length", "namespaces")

    def __init__(self) -> None:
        self.namespaces: OrderedDict[Hashable, deque[T]] = OrderedDict()
        """Those with something waiting, the one whose turn it is first."""

        self.length = 0
        self.left = 0
        """Items that it may still have taken in its turn; 0 before that."""

    @property
    def turns(self) -> int:
        """Items that it may have taken in one turn."""
        return min(len(self.namespaces), WIDEST)

    def append(self, item: T, namespace: Hashable) -> None:
        items = self.namespaces.get(namespace)

        if items is None:
            items = self.namespaces[namespace] = deque()

        items.append(item)
        self.length += 1

    def popleft(self, wanted: Callable[[T], bool]) -> tuple[T, bool]:
        """Its next item, and whether that was a turn."""
        namespace, items = next(iter(self.namespaces.items()))
        item = items.popleft()
        is_turn = wanted(item)
        self.length -= 1

        if not items:
            del self.namespaces[namespace]
        elif is_turn:
            self.namespaces.move_to_end(namespace)

        return item, is_turn

    def keep(self, wanted: Callable[[T], bool]) -> int:
        """Drops what is not wanted; how many these were."""
        before = self.length

        for namespace, items in list(self.namespaces.items()):
            kept = deque(filter(wanted, items))
            self.length -= len(items) - len(kept)

            if kept:
                self.namespaces[namespace] = kept
            else:
                del self.namespaces[namespace]

        return before - self.length

    def give_way(self, *in_favour_of: Hashable) -> T | None:
        """The newest of its longest namespace; None where that would not stay longer than one in whose favour it is."""
        namespace, items = max(self.namespaces.items(), key=lambda known: len(known[1]))

        if any(len(items) - 1 < len(self.namespaces.get(other, ())) + 1 for other in in_favour_of):
            return None

        item = items.pop()
        self.length -= 1

        if not items:
            del self.namespaces[namespace]

        return item


def _turns_with(peer: _Peer[T] | None, namespace: Hashable) -> int:
    """The turns of a peer once it has something waiting in a namespace."""
    if peer is None:
        return 1

    return min(len(peer.namespaces) + (namespace not in peer.namespaces), WIDEST)
