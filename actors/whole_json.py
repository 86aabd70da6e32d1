"""Whole JSON: whether an object that comes in pieces, such as a tool call's arguments, has come to its end."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Wholeness"]

IN_STRING: Final = re.compile(r'["\\]')
OUTSIDE: Final = re.compile(r'["{}\[\]]')


class Wholeness:
    """Whether a JSON object that comes in pieces is whole. Each piece is read once: there may be a million of them."""

    def __init__(self) -> None:
        self.is_whole = False
        self.depth = 0
        self.in_string = False
        self.escaped = False

    def feed(self, text: str) -> None:
        """The next piece; what follows a whole object changes nothing."""
        at = 0
        while not self.is_whole and at < len(text):
            if self.escaped:
                # Whatever it is, it ends nothing.
                self.escaped = False
                at += 1
                continue

            found = (IN_STRING if self.in_string else OUTSIDE).search(text, at)
            if found is None:
                return

            at = found.end()
            match found[0]:
                case "\\":
                    self.escaped = True
                case '"':
                    self.in_string = not self.in_string
                case "{" | "[":
                    self.depth += 1
                case _:
                    self.depth -= 1
                    self.is_whole = self.depth <= 0
