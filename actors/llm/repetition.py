"""Notices an answer that has fallen into repeating one phrase, as models do that then never end."""

from __future__ import annotations

import re

from actors.llm.failure import Failure

LONGEST_PHRASE = 256
EVERY = 512
"""Characters between two looks: a look costs about as much as the tail is long."""


class Repetition:
    """Watches the end of a text.

    Args:
        limit: so many characters of nothing but repetition are too many; 0: never.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.tail = ""
        self.unseen = 0

    def feed(self, text: str) -> None:
        """Take in more of the text.

        Raises:
            Failure: its end only repeats itself.
        """
        if not self.limit:
            return

        self.tail = (self.tail + text)[-self.limit :]
        self.unseen += len(text)
        if self.unseen < EVERY or len(self.tail) < self.limit:
            return

        self.unseen = 0
        if repeats(self.tail):
            raise Failure("it repeats itself without end")


def repeats(text: str) -> bool:
    """Whether a text is one phrase of at most `LONGEST_PHRASE` characters over and over."""
    # Where its first characters come again is where the phrase may begin anew.
    head = text[:LONGEST_PHRASE]
    for found in re.finditer(re.escape(head[:16]), text[1 : 2 * LONGEST_PHRASE]):
        period = found.start() + 1
        if period <= LONGEST_PHRASE and text[period:] == text[:-period]:
            return True

    return False
