"""How a client's history and what is stored of a talk are laid over each other. Knows digests of turns, no database.

Every turn has a fingerprint (what was said, by which role) and a chain (the digest of all fingerprints up to it), both bound
to their namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

__all__ = ["Overlap", "chain_of", "fingerprint_of", "overlap"]


def fingerprint_of(namespace: str, role: str, text: str) -> bytes:
    """What a turn says, whatever white space a client put around it."""
    said = text.strip().encode()
    return blake2b(_begin(namespace, role) + len(said).to_bytes(8, "big") + said, digest_size=16).digest()


@lru_cache(maxsize=1024)
def _begin(namespace: str, role: str) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in (namespace.encode(), role.encode()))


def chain_of(before: bytes, fingerprint: bytes) -> bytes:
    """The chain of a turn, from that of the turn before it (empty for the first)."""
    return blake2b(before + fingerprint, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Overlap:
    """`incoming[:length]` is `stored[start : start + length]`."""

    start: int
    length: int

    @property
    def end(self) -> int:
        """Behind the last stored turn that is known."""
        return self.start + self.length


def overlap(stored: Sequence[bytes], incoming: Sequence[bytes]) -> Overlap:
    """Where the start of a client's history lies in what is stored.

    The longest match counts. It may begin at the first stored turn (the client sends everything), or later (the client's
    window has slid): then it reaches to the last stored turn, or is two turns long at least, since a single one in the middle
    may be an accident. Of equal ones, that which reaches the end wins: it supersedes nothing. Without any, the length is 0 and
    all that came in is new.
    """
    best = Overlap(len(stored), 0)
    for start, length in enumerate(matches(incoming, stored)):
        if length == 0 or length < best.length:
            continue
        reaches_end = start + length == len(stored)
        if not (start == 0 or reaches_end or length >= 2):
            continue
        if length > best.length or reaches_end:
            best = Overlap(start, length)
    return best


def matches(pattern: Sequence[bytes], text: Sequence[bytes]) -> list[int]:
    """For each place in `text`, how much of the start of `pattern` stands there: the Z algorithm, in linear time."""
    joined = [*pattern, b"", *text]
    lengths = [0] * len(joined)
    left = right = 0
    for place in range(1, len(joined)):
        length = min(lengths[place - left], right - place) if place < right else 0
        while place + length < len(joined) and joined[length] == joined[place + length]:
            length += 1
        lengths[place] = length
        if place + length > right:
            left, right = place, place + length
    return lengths[len(pattern) + 1 :]
