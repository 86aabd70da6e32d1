"""Reads the structure of a msgpack value without building it: how deep, how many items, whether it is whole.

The C decoder reserves a list for each array header when it meets it, up to 1,024 inside each other; a few kilobytes can
make it reserve hundreds of megabytes. So a frame with many large headers is read here first. Slower by far than the
decoder, and bounded by the number of items allowed.
"""

from __future__ import annotations

from typing import Final

from transport.errors import Invalid

__all__ = ["Refused", "scan"]


class Refused(Invalid):
    """The bytes are not a value that is taken.

    Args:
        reason: a short word for counters.
        message: what is wrong.
        field: where in the value, as names and places with dots between them; None where that cannot be told.
    """

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        detail = {"fields": [{"field": field, "problem": message}]} if field else None
        super().__init__(f"{field}: {message}" if field else message, detail=detail)
        self.reason = reason


def scan(raw: bytes, items: int, depth: int) -> None:
    """Passes over one value.

    Raises:
        Refused: it has more than `items` items or stands deeper than `depth`, is cut short, or is not msgpack.
    """
    size, position = len(raw), 0
    open_counts: list[int] = []
    left = 1

    while True:
        while left == 0:
            if not open_counts:
                return

            left = open_counts.pop()

        if position >= size:
            raise Refused("msgpack", "the value is cut short")

        byte = raw[position]
        left -= 1
        inside = _contained(byte, raw, position)

        if inside is None:
            position += _width(byte, raw, position)
            continue

        entries, children, width = inside
        position += width
        items -= entries

        if items < 0 or children > size - position:
            raise Refused("items", "too many items")

        if len(open_counts) + 1 > depth:
            raise Refused("depth", "containers stand too deep in each other")

        open_counts.append(left)
        left = children


_FIXED: Final = {
    **dict.fromkeys(range(0x80), 1),
    **dict.fromkeys(range(0xE0, 0x100), 1),
    **{0xA0 + length: 1 + length for length in range(32)},
    **dict.fromkeys((0xC0, 0xC2, 0xC3), 1),
    0xCA: 5,
    0xCB: 9,
    0xCC: 2,
    0xCD: 3,
    0xCE: 5,
    0xCF: 9,
    0xD0: 2,
    0xD1: 3,
    0xD2: 5,
    0xD3: 9,
}
"""Bytes that a value takes in all, by its first byte, where that byte tells."""

_PREFIXED: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
"""Bytes of the length that follows the first byte of a string or of binary data."""


def _width(byte: int, raw: bytes, position: int) -> int:
    width = _FIXED.get(byte)

    if width is not None:
        return width

    prefix = _PREFIXED.get(byte)

    if prefix is None:
        raise Refused("msgpack", f"{byte:#x} begins no value that is taken")

    return 1 + prefix + int.from_bytes(raw[position + 1 : position + 1 + prefix])


def _contained(byte: int, raw: bytes, position: int) -> tuple[int, int, int] | None:
    """Entries and values inside a container, and the bytes of its header; None where no container begins."""
    if 0x80 <= byte <= 0x9F:
        entries, width = byte & 15, 0
    elif 0xDC <= byte <= 0xDF:
        width = 2 if byte in (0xDC, 0xDE) else 4
        entries = int.from_bytes(raw[position + 1 : position + 1 + width])
    else:
        return None

    is_map = byte <= 0x8F or byte >= 0xDE

    return entries, 2 * entries if is_map else entries, 1 + width
