"""Between envelopes and frames of bytes, with every limit set before anything is decoded.

Bytes come from strangers. What this room promises: whatever they are, decoding costs memory and time in proportion to
`WireLimits`, never to what the bytes claim, and ends in an `Envelope` or in `Malformed`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any, Final, NoReturn

import msgpack

from transport.envelope import CREDIT, Envelope
from transport.errors import Invalid
from transport.header import Malformed, check_credit, envelope_of
from transport.scan import Refused, scan

__all__ = ["LARGE", "LIMITS", "Malformed", "WireLimits", "decode", "encode", "encode_header"]

NUMBERS: Final = frozenset({float, int, bool})

EXTENSION: Final = "msgpack extension types are not part of the protocol"

SMALL: Final = 2048
"""Below this many bytes a frame can hold too few items to be counted."""

CONTAINERS: Final = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0)])
"""How arrays and maps begin in msgpack. With no more of them than a message may be deep, it is not deeper."""

SUSPECTS: Final = bytes([0xC4, 0xC5, 0xC6, 0xCA, 0xCB])
"""How byte strings begin, of which keys could be made, and floats, which may be NaN."""

MOST_STEPS: Final = 32
LONGEST_STEP: Final = 64
"""How deep what is wrong is looked for, and how many characters are told of each name on the way there."""

PLACED_ITEMS: Final = 1 << 14
"""Items of a body in which it is looked for: some 10 ms of a loop that could do better."""

MODEST: Final = 2048
"""Items of an array that are always believed. The decoder keeps at most 1,024 arrays open inside each other: 16 MiB."""


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)

    if len(mapping) != len(pairs):
        raise Refused("duplicate_key", "a map has the same key twice")

    return mapping


def _is_float(value: Any) -> bool:
    return type(value) is float


def _no_extension(code: int, data: bytes) -> NoReturn:
    del code, data
    raise Refused("extension", EXTENSION)


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What a message may be at most. Sizes in bytes, lengths in items."""

    header_bytes: int = 4096
    body_bytes: int = 1 << 20
    array_items: int = 1 << 16
    map_items: int = 1 << 12
    items: int = 1 << 16
    """Items of all arrays and maps of a body together; a map's entry counts once."""

    depth: int = 16
    """Containers inside each other, the body's own map included."""

    decode_small: Callable[..., Any] = field(init=False, repr=False, compare=False)
    decode_large: Callable[..., Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        def decoder(array_items: int) -> Callable[..., Any]:
            return partial(
                msgpack.unpackb,
                raw=False,
                strict_map_key=True,
                ext_hook=_no_extension,
                object_pairs_hook=_mapping,
                max_array_len=array_items,
                max_map_len=self.map_items,
                max_str_len=self.body_bytes,
                max_bin_len=self.body_bytes,
                max_ext_len=0,
            )

        object.__setattr__(self, "decode_small", decoder(min(self.array_items, MODEST)))
        object.__setattr__(self, "decode_large", decoder(self.array_items))


LIMITS: Final = WireLimits()
LARGE: Final = WireLimits(body_bytes=(16 << 20) + 65536, array_items=1 << 18, items=1 << 18, depth=32)
"""For hosts that take whole talks: 16 MiB and some slack, and the JSON schemas of tools, which stand deep in each other."""

HEADER_LIMITS: Final = WireLimits(body_bytes=4096, array_items=64, map_items=64, items=256)


def encode(header: dict[str, Any], body: dict[str, Any], limits: WireLimits = LIMITS) -> list[bytes]:
    """The two frames of a message.

    Raises:
        Invalid: the body holds what msgpack cannot say, or a frame is larger than `limits`.
    """
    try:
        frames = [_pack(header), _pack(body)]
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        _packer.reset()
        raise Invalid(f"cannot be put on the wire: {error}") from error

    if len(frames[0]) > limits.header_bytes:
        raise Invalid(f"the header has {len(frames[0])} bytes, at most {limits.header_bytes} may be sent")

    if len(frames[1]) > limits.body_bytes:
        raise Invalid(f"the body has {len(frames[1])} bytes, at most {limits.body_bytes} may be sent")

    return frames


def encode_header(header: dict[str, Any]) -> bytes:
    """The frame of a header that `encode` has taken before, of which only numbers have changed."""
    return bytes(_pack(header))


def decode(frames: Sequence[bytes], limits: WireLimits = LIMITS) -> Envelope:
    """The envelope that two frames hold.

    Raises:
        Malformed: with `id` set where the header could be read far enough, so that the sender can be answered.
    """
    if not frames:
        raise Malformed("a message has two frames, this has none", reason="frames")

    if len(frames[0]) > limits.header_bytes:
        raise Malformed(f"the header has more than {limits.header_bytes} bytes", reason="header_size")

    try:
        header = _unpack(frames[0], HEADER_LIMITS)
    except Refused as error:
        raise Malformed(f"header: {error}", reason="header_" + error.reason) from error

    envelope = envelope_of(header)

    if len(frames) != 2:
        raise Malformed(f"a message has two frames, this has {len(frames)}", reason="frames", id=envelope.id, partial=envelope)

    size = len(frames[1])

    if size > limits.body_bytes:
        message = f"the body has {size} bytes, at most {limits.body_bytes} are taken"
        raise Malformed(message, reason="body_size", id=envelope.id, partial=envelope)

    try:
        envelope.body = _unpack(frames[1], limits)
    except Refused as error:
        raise Malformed(
            f"body: {error}", reason="body_" + error.reason, id=envelope.id, partial=envelope, detail=error.detail
        ) from error

    if envelope.kind == CREDIT:
        check_credit(envelope)

    envelope.size = size

    return envelope


def _unpack(raw: bytes, limits: WireLimits) -> dict[str, Any]:
    try:
        value = _build(raw, limits)
    except Refused:
        raise
    except ValueError as error:
        if "max_ext_len" in str(error):
            raise Refused("extension", EXTENSION) from error

        reason = "utf8" if isinstance(error, UnicodeDecodeError) else "msgpack"
        problem = f"not msgpack within the limits: {str(error) or type(error).__name__}"
        raise Refused(reason, problem, _place_of_the_error(raw, limits)) from error

    if type(value) is not dict:
        raise Refused("map", "a msgpack map is needed")

    if not _is_harmless(raw, limits.depth):
        try:
            _check(value, limits.depth)
        except Refused as error:
            if error.reason != "number":
                raise

            raise Refused("number", error.message, _place(value, _is_no_number)) from None

    return value


def _is_harmless(raw: bytes, depth: int) -> bool:
    """Whether nothing can be in it that `_check` refuses, seen without looking at each item: most small messages are like that.

    Bytes of texts and numbers may be taken for such things; it is looked at then.
    """
    return len(raw.translate(None, CONTAINERS)) >= len(raw) - depth and len(raw.translate(None, SUSPECTS)) == len(raw)


def _place_of_the_error(raw: bytes, limits: WireLimits) -> str | None:
    """Where a text is no UTF-8, or a map too large: read once more, and more leniently, once it is known to be modest."""

    def is_wrong(value: Any) -> bool:
        if type(value) is str:
            return not value.isascii() and not _can_be_utf8(value)

        return type(value) is dict and len(value) > limits.map_items

    try:
        scan(raw, PLACED_ITEMS, limits.depth)
        return _place(_build(raw, limits, unicode_errors="surrogateescape", max_map_len=PLACED_ITEMS), is_wrong)
    except (ValueError, Refused):
        return None


def _can_be_utf8(text: str) -> bool:
    """Whether no half of a surrogate pair is in it. A look at each character would hold the loop for a second at 16 MiB."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False

    return True


def _place(value: Any, is_wrong: Callable[[Any], bool], depth: int = MOST_STEPS) -> str | None:
    """The names and places that lead to the first value that is wrong, with dots between them; None where there is none."""
    if depth == 0 or type(value) not in {dict, list}:
        return None

    for key, item in value.items() if type(value) is dict else enumerate(value):
        step = str(key)[:LONGEST_STEP].encode("utf-8", "replace").decode()

        if is_wrong(item):
            return step

        if (rest := _place(item, is_wrong, depth - 1)) is not None:
            return f"{step}.{rest}"

    return None


def _is_no_number(value: Any) -> bool:
    return type(value) is float and not isfinite(value)


def _build(raw: bytes, limits: WireLimits, **leniently: Any) -> Any:
    size = len(raw)

    if size < SMALL:
        return limits.decode_small(raw, **leniently)

    count = _Count(limits.items)

    if _claims(raw) > limits.depth:
        # Array and map headers reserve memory for what they announce before it has come; see `scan`.
        try:
            return limits.decode_small(raw, object_pairs_hook=count.mapping, list_hook=count.array, **leniently)
        except Refused:
            raise
        except ValueError:
            scan(raw, limits.items, limits.depth)
            count = _Count(limits.items)

    return limits.decode_large(raw, object_pairs_hook=count.mapping, list_hook=count.array, **leniently)


def _claims(raw: bytes) -> int:
    """How many array and map headers of the large forms there may be; bytes of text and numbers may be taken for some."""
    return raw.count(b"\xdc") + raw.count(b"\xdd") + raw.count(b"\xde") + raw.count(b"\xdf")


class _Count:
    """Counts items as they are decoded, so that a bomb ends when it passes the limit and not when it is whole."""

    __slots__ = ("left",)

    def __init__(self, items: int) -> None:
        self.left = items

    def mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.left -= len(pairs) + 1

        if self.left < 0:
            raise Refused("items", "too many items")

        mapping = dict(pairs)

        if len(mapping) != len(pairs):
            raise Refused("duplicate_key", "a map has the same key twice")

        return mapping

    def array(self, values: list[Any]) -> list[Any]:
        self.left -= len(values) + 1

        if self.left < 0:
            raise Refused("items", "too many items")

        return values


def _check(value: dict[str, Any] | list[Any], depth: int) -> None:
    """Refuses what msgpack can say and a contract cannot: keys of bytes, NaN, infinities, containers deeper than `depth`."""
    if depth == 0:
        raise Refused("depth", "containers stand too deep in each other")

    if type(value) is dict:
        try:
            "".join(value)
        except TypeError:
            raise Refused("key", "a key is not a string") from None

        values: Any = value.values()
    else:
        values = value

    kinds = set(map(type, values))

    if float in kinds and not all(map(isfinite, values if kinds <= NUMBERS else filter(_is_float, values))):
        raise Refused("number", "NaN and infinities are not numbers here")

    if dict in kinds or list in kinds:
        for item in values:
            if type(item) is dict or type(item) is list:
                _check(item, depth - 1)


_packer = msgpack.Packer(use_bin_type=True)
_pack = _packer.pack
