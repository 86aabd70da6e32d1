"""JSON of a stranger's file, parsed only where it holds no more values than there is room for.

The parser lets nothing else of its process run, and a few hundred kilobytes, gzipped, can be gigabytes of `[],[],…`. Knows
JSON's form and no format.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["MOST_VALUES", "TooManyValues", "check_values", "parse"]

MOST_VALUES: Final = 1 << 20
"""Values of one document, those inside each other included: .5 s of parsing, and 300 MB."""

PIECE: Final = 1 << 20
STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class TooManyValues(ValueError):
    """It holds more values than are read at once."""

    def __init__(self, most: int) -> None:
        super().__init__(f"it holds more than {most} values")


def parse(data: str | bytes, most: int = MOST_VALUES) -> Any:
    """The value that JSON stands for.

    Raises:
        TooManyValues: it holds more than `most` values, those inside each other included.
        ValueError: it is no JSON, or no UTF-8.
        RecursionError: its values stand too deep in each other.
    """
    # The parser would guess at UTF-16 and UTF-32. Halves of surrogate pairs pass, as with it.
    text = data if isinstance(data, str) else data.decode("utf-8-sig", "surrogatepass")
    check_values(text, most)
    return json.loads(text)


def check_values(text: str, most: int = MOST_VALUES) -> None:
    """Look at JSON that is not read yet.

    Raises:
        TooManyValues: it holds more than `most` values, those inside each other included.
    """
    if sum(separators(text, start, start + PIECE) for start in range(0, len(text), PIECE)) < most:
        return

    # Prose is full of commas: it is only left out where there are so many.
    values, end = 1, 0
    for string in STRING.finditer(text):
        values += separators(text, end, string.start())
        end = string.end()
        if values > most:
            break
    if values + separators(text, end, len(text)) > most:
        raise TooManyValues(most)


def separators(text: str, start: int, end: int) -> int:
    """What stands between values, or begins some, in a part of a text."""
    return sum(text.count(separator, start, end) for separator in ",[{")
