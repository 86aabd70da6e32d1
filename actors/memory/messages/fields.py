"""What may stand in a field: names, times, texts and their bounds, and the words for kinds, stages and relations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, Strict, StringConstraints

from actors import message as base
from actors.affect.labels import LABELS

LARGE = 16 << 20
"""Largest body in bytes where there are many records or a whole talk: what HTTP and `thinking.think` may bring."""

ONE = 2 << 20
"""Where there is one record: the longest text is 1 MiB in a script of four bytes a character, and its metadata comes on top."""

MOST_LINKS = 65_536
"""How many links a record may have: as many as a message and a line of an export hold."""

EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
DEPTH = 8
"""Levels of a metadata value: the wire ends at 16, and an answer wraps it in more than the message that brought it."""


def plain(text: str) -> str:
    """`text`, if it can be stored and sent whole.

    Raises:
        ValueError: it holds NUL, or half of a surrogate pair.
    """
    if "\0" in text:
        raise ValueError("holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half of a surrogate pair") from None
    return text


def worded(text: str) -> str:
    """`text`, if it is plain and something stands in it.

    Raises:
        ValueError: it is not plain, or nothing but white space.
    """
    if text.isspace():
        raise ValueError("is blank: it holds nothing but white space")
    return plain(text)


def plain_json(value: JsonValue) -> JsonValue:
    """`value`, if it can be stored and sent whole.

    Raises:
        ValueError: a string or key in it is not plain, an integer needs more than 64 bits, or it is nested too deeply.
    """
    _check_json(value, DEPTH)
    return value


def _check_json(value: JsonValue, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"is nested deeper than {DEPTH} levels")
    if isinstance(value, str):
        plain(value)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("holds an integer of more than 64 bits")
    elif isinstance(value, dict):
        for key, item in value.items():
            plain(key)
            _check_json(item, depth - 1)
    elif isinstance(value, list):
        for item in value:
            _check_json(item, depth - 1)


def on_the_calendar(time: datetime) -> datetime:
    """`time`, if it stays within the years 1 to 9999 in every time zone."""
    if not EARLIEST <= time <= LATEST:
        raise ValueError("lies outside the years 1 to 9999")
    return time


Name = Annotated[base.Name, AfterValidator(plain)]
Namespace = Annotated[base.Namespace, AfterValidator(plain)]
Time = Annotated[base.Time, AfterValidator(on_the_calendar)]
Kind = Literal["turn", "fact", "summary", "reflection", "statement", "tool", "dream"]
"""What a record is. See `UNSAID` for the last two."""

UNSAID: tuple[Kind, ...] = ("tool", "dream")
"""What nobody said: a tool's output, and what was put together in the background. Recalled only when asked for by kind."""

Stage = Literal["raw", "echoed", "crystallized", "archived"]
"""Where a record stands in its life; see docs/memory.md."""

Relation = Literal["follows", "derives_from", "contradicts", "supersedes", "summarises", "relates"]
SOURCES: tuple[Relation, ...] = ("derives_from", "summarises")
"""The relations of what was derived to what it was derived from."""

EMOTIONS = LABELS
"""GoEmotions' 28 labels (Demszky et al., 2020), in the order in which vectors of them are stored."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=262_144), AfterValidator(worded)]
KeptText = Annotated[str, StringConstraints(min_length=1, max_length=262_144), AfterValidator(plain)]
"""As `Text`, and what was once taken: blank ones too."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(plain)]
Metadata = Annotated[dict[Name, Annotated[JsonValue, AfterValidator(plain_json)]], Field(max_length=64)]
Limit = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
"""A number, and no text of one."""


def known_emotions(felt: dict[str, float]) -> dict[str, float]:
    """`felt`, if it names nothing but emotions.

    Raises:
        ValueError: it names something else.
    """
    if unknown := felt.keys() - set(EMOTIONS):
        raise ValueError(f"there is no emotion {min(unknown)[:64]!r}; there are {', '.join(EMOTIONS)}")
    return felt


Felt = Annotated[dict[str, Share], Field(max_length=len(EMOTIONS)), AfterValidator(known_emotions)]
"""How strongly each emotion is felt; those that are left out are not. Kept to 1/255."""
