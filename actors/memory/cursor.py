"""Cursors: opaque places in a listing, good for the listing that gave them and for no other."""

from __future__ import annotations

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b

from transport.errors import Invalid

__all__ = ["cursor_of", "position_of"]


def cursor_of(listing: tuple[object, ...], *position: int) -> str:
    """A cursor into the listing that its name, namespace and filters describe."""
    return urlsafe_b64encode(mark(listing) + struct.pack(f">{len(position)}q", *position)).decode().rstrip("=")


def position_of(cursor: str, listing: tuple[object, ...], *, parts: int) -> list[int]:
    """The numbers that the cursor was made of.

    Raises:
        Invalid: it was made for another listing, or by nobody.
    """
    try:
        decoded = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        decoded = b""
    if decoded[:8] != mark(listing) or len(decoded) != 8 * (parts + 1):
        raise Invalid("cursor: it does not belong to this listing", detail={"field": "cursor"})
    return list(struct.unpack(f">{parts}q", decoded[8:]))


def mark(listing: tuple[object, ...]) -> bytes:
    """What tells one listing from another."""
    return blake2b(repr(listing).encode(), digest_size=8).digest()
