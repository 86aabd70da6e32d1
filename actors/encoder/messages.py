"""Contracts of the encoder actor: texts in, vectors of their words out. It keeps nothing of what it reads."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints

from actors.message import Data, Message, Reply

__all__ = [
    "DIMENSIONS",
    "PASSAGES",
    "Describe",
    "Described",
    "Encode",
    "EncodeQuestion",
    "Encoded",
    "Passage",
    "PassageVectors",
    "QuestionVectors",
]

DIMENSIONS = 128
"""The dimensions of a vector, a byte each."""

PASSAGES = 64
"""Most in one call: at 256 words each, two MiB of vectors."""


def from_wire(value: Any) -> Any:
    """Bytes travel as base64: bodies are made of what JSON has too."""
    return b64decode(value, validate=True) if isinstance(value, str) else value


Bytes = Annotated[
    bytes,
    BeforeValidator(from_wire),
    PlainSerializer(lambda value: b64encode(value).decode(), return_type=str, when_used="json"),
]


class Described(Reply, type="encoder.described"):
    """What it reads with."""

    model: str
    """Changes with anything that changes vectors: those of two different names cannot be compared."""

    state: Literal["ready", "preparing", "absent"]
    """`absent`: there is no model on this machine, and none will come while the process lives."""

    reason: str
    """Why it is not ready; empty when it is."""


class Describe(Message, type="encoder.describe", reply=Described, idempotent=True):
    """What it reads with, and whether it can; waits up to `wait_ms` while that is not known yet."""

    wait_ms: Annotated[int, Field(ge=0, le=30_000)] = 0


class Passage(Data):
    """A text that fits the model's window, and what was said before it."""

    text: Annotated[str, StringConstraints(max_length=4096)]
    before: Annotated[str, StringConstraints(max_length=4096)] = ""
    """Read first, and given no vectors: it tells the words of the text what they are about."""


class PassageVectors(Data):
    """The vectors of a passage's own words that carry a topic, at least one."""

    tokens: Bytes
    """The tokens' numbers in the model's vocabulary, `[n] uint16`."""

    vectors: Bytes
    """`[n, 128] int8`: unit vectors times 127."""


class Encoded(Reply, type="encoder.encoded"):
    """In the order of the passages."""

    model: str
    passages: tuple[PassageVectors, ...]


class Encode(Message, type="encoder.encode", reply=Encoded, idempotent=True, max_bytes=2 << 20):
    """Vectors of passages, to be kept.

    Raises:
        Unavailable: there is no model, or it is still being prepared.
    """

    passages: Annotated[tuple[Passage, ...], Field(min_length=1, max_length=PASSAGES)]


class QuestionVectors(Reply, type="encoder.question_encoded"):
    """As `PassageVectors`, of a question."""

    model: str
    tokens: Bytes
    vectors: Bytes


class EncodeQuestion(Message, type="encoder.encode_question", reply=QuestionVectors, idempotent=True):
    """Vectors of a question, to be held against those of passages. Served before any passage.

    Raises:
        Unavailable: as `Encode`.
    """

    text: Annotated[str, StringConstraints(max_length=16_384)]
