"""Notices an answer that has fallen into repeating one phrase, as models do that then never end. It knows no endpoint.

A word that comes 64 times in a row is no answer to most questions, nor is a line that comes twenty times, nor are 2,048
characters of anything over and over. Where the question asks for that, by a count, by the word or by the phrase itself,
sixteen times so many characters are let through: somebody does want a line a hundred times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from actors.llm.failure import Failure
from actors.llm.messages import ChatMessage

LONGEST_PHRASE = 256
TIMES = 64
"""A word that comes so many times in a row comes too often."""

LEAST = 256
LONG = 512
LONG_TIMES = 8
"""A long phrase comes too often when it comes so many times, and fills so many characters beyond that."""

LETTERS = 3
"""A phrase of fewer different letters is no word: laughter, rows of zeros and rules of tables may be long. Empty space is let
through no longer than a word all the same: models that are to give JSON fall into it."""

ASKED_FOR = 16
"""Times as much is let through where it was asked for."""

EVERY = 128
"""Characters between two looks: a look costs about as much as the tail is long."""

ANCHOR = 16
LONGEST_QUESTION = 8192
WORDS = re.compile(
    r"\brepeat|\bover and over|\bagain and again|\bhundreds?\b|\bthousands?\b|\bforever\b|\bendless|\bfill\b|\bmatrix\b"
    r"|\b\d{2,}\s?[x\u00d7*]"
    r"|\b\d{2,} ?[a-z]* ?(?:times?|lines?|rows?|cop(?:y|ies)|words?|characters?|letters?|zeros|zeroes|ones)\b"
    r"|\b\d{2,}\s?(?:mal|fois|veces|volte|vezes|raz[ya]?|keer)\b",
    re.IGNORECASE,
)


class Repetition:
    """Watches the end of a text.

    Args:
        limit: so many characters of nothing but repetition are too many; 0: never.
        question: what is answered.
    """

    def __init__(self, limit: int, question: str = "") -> None:
        self.limit = limit
        self.question = question
        self.share = 1
        self.asked_for: bool | None = None
        self.tail = ""
        self.unseen = 0

    def feed(self, text: str) -> None:
        """Take in more of the text.

        Raises:
            Failure: its end only repeats itself.
        """
        if not self.limit:
            return

        self.tail = (self.tail + text)[-self.limit * self.share :]
        self.unseen += len(text)
        if self.unseen < EVERY:
            return

        self.unseen = 0
        phrase = repeated(self.tail, self.limit, self.share)
        if not phrase:
            return

        if self.asked_for is None:
            self.asked_for = asks_for(phrase, self.question)
            if self.asked_for:
                self.share = ASKED_FOR
                return

        raise Failure("it repeats itself without end")


def repeated(text: str, limit: int, share: int = 1) -> str:
    """The phrase, of at most `LONGEST_PHRASE` characters, that the end of a text says too often; empty where there is none."""
    anchor = text[-ANCHOR:]
    at = len(text) - len(anchor)
    while (at := text.rfind(anchor, max(len(text) - ANCHOR - LONGEST_PHRASE, 0), at + len(anchor) - 1)) >= 0:
        period = len(text) - len(anchor) - at
        phrase = text[-period:]
        is_word = phrase.isspace() or len({letter for letter in phrase if letter.isalpha()}) >= LETTERS
        often = max(min(TIMES * period, LONG + LONG_TIMES * period), LEAST)
        run = min(often, limit) if is_word and share == 1 else limit * share
        if len(text) >= run and text[-run + period :] == text[-run:-period]:
            return phrase

    return ""


def asks_for(phrase: str, question: str) -> bool:
    """Whether a question asks for a phrase over and over: it says so, or holds the phrase, wherever that is taken to begin."""
    asked = plain(question)
    if WORDS.search(asked) is not None:
        return True

    turns = (plain(phrase[start:] + phrase[:start]).strip() for start in range(len(phrase)))
    return any(len(turned) >= LETTERS and turned in asked for turned in turns)


def plain(text: str) -> str:
    """With single spaces, in lower case."""
    return " ".join(text.split()).casefold()


def question_of(messages: Sequence[ChatMessage]) -> str:
    """The end of what the user said last."""
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            return " ".join(text for text in texts if isinstance(text, str))[-LONGEST_QUESTION:]

    return ""
