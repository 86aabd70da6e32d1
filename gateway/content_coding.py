"""The coding of a body (`Content-Encoding`): which codings are taken, and how they are decoded. Knows no route.

aiohttp could do this by itself. But which codings it takes depends on what else is installed, it passes bodies of an unknown
coding on as they are, and it unpacks a small body that becomes hundreds of megabytes in one go, which blocks its loop.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from gateway.errors import CODINGS, HttpError

__all__ = ["Decoder", "decoder_of"]

AS_IT_IS: Final = ("", "identity")
SYNONYMS: Final = {"x-gzip": "gzip"}
"""RFC 9110 8.4.1.3."""

PIECE: Final = 1 << 16
"""Bytes of what is unpacked that are there at once."""

GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
ZLIB_METHOD: Final = 8
"""The low four bits of the first byte where deflate has zlib's wrapping, as RFC 9110 8.4.1.2 wants it. Some send it bare."""


def decoder_of(named: str | None) -> Decoder | None:
    """What takes off the coding that a request names; None where it names none.

    Raises:
        HttpError: 415, it is not taken.
    """
    coding = (named or "").strip().lower()
    if coding in AS_IT_IS:
        return None

    coding = SYNONYMS.get(coding, coding)
    if coding not in CODINGS:
        message = f"a body coded with {coding[:64]!r} is not taken; send it as it is, or coded with {' or '.join(CODINGS)}"
        raise HttpError(415, "invalid", message, param="Content-Encoding")

    return Decoder(coding)


class Decoder:
    """Decodes a body piece by piece, so that a small body that becomes a huge one is never in memory as a whole."""

    def __init__(self, coding: str) -> None:
        self.coding = coding
        self.unpacker: zlib._Decompress | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes stand for, `PIECE` bytes at most at once.

        Raises:
            HttpError: 400, they are not coded as they should be.
        """
        while data:
            if self.unpacker is None:
                self.unpacker = zlib.decompressobj(self.window(data))

            unpacker = self.unpacker
            yield from self.unpacked(unpacker, data)
            if not unpacker.eof:
                return

            # Of gzip's members several may follow each other; behind anything else there is nothing.
            data = unpacker.unused_data
            if data and self.coding != "gzip":
                raise broken(self.coding)
            if data:
                self.unpacker = None

    def unpacked(self, unpacker: zlib._Decompress, data: bytes) -> Iterator[bytes]:
        """What one stream makes of its bytes."""
        piece = b""
        # A full piece may have more behind it, also where no byte of the input is left.
        while not unpacker.eof and (data or len(piece) == PIECE):
            try:
                piece = unpacker.decompress(data, PIECE)
            except zlib.error:
                raise broken(self.coding) from None
            if piece:
                yield piece
            data = unpacker.unconsumed_tail

    def end(self) -> None:
        """Say that this was all.

        Raises:
            HttpError: 400, it breaks off.
        """
        if self.unpacker is None or not self.unpacker.eof:
            raise broken(self.coding)

    def window(self, data: bytes) -> int:
        """What zlib is told of the form."""
        if self.coding == "gzip":
            return GZIP_WINDOW
        return zlib.MAX_WBITS if data[0] & 0xF == ZLIB_METHOD else -zlib.MAX_WBITS


def broken(coding: str) -> HttpError:
    """What is not coded as its header says."""
    return HttpError(400, "invalid", f"the body breaks off, or is not coded with {coding} as its header says")
