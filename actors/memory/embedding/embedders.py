"""Embedders: who makes vectors of texts. Each speaks to an actor that has the model; none knows the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from actors.asks import Asks
from actors.encoder.messages import PASSAGES, Describe, Described, Encode, Encoded, EncodeQuestion, Passage, QuestionVectors
from actors.llm.messages import Embed, Vectors
from transport.errors import Unavailable

__all__ = ["EncoderActor", "LlmEndpoint", "Question", "Standing", "embedder_of"]

PASSAGES_WAIT_S = 120.0
"""For a batch: the encoder works at the lowest priority, and a loaded machine gives it little."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an embedder says of itself."""

    name: str
    """The model's name: the same name, the same vectors."""

    state: Literal["ready", "preparing", "absent"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question's vectors, to be held against those that a model of this name made."""

    name: str
    tokens: bytes
    """`[n] uint16`; none where the vectors are not those of words."""

    vectors: bytes
    """`[n, dimensions] int8`."""


class Embedder(Protocol):
    """Makes vectors."""

    at_once: int
    """Questions that it is given at once. Others wait with us, where those who asked them take turns."""

    async def standing(self) -> Standing:
        """Which model it has, and whether it can be used."""

    async def passages(self, passages: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[bytes, bytes]]]:
        """The model's name; tokens and vectors of each `(text, what was said before)`."""

    async def question(self, text: str, timeout: float) -> Question:
        """A question's vectors."""


class EncoderActor:
    """MiniLM in the encoder actor: a vector for each word.

    Args:
        ask: asks an actor.
    """

    at_once = 4  # it reads one after another, some milliseconds each: there is always one more when it has read one

    def __init__(self, ask: Asks) -> None:
        self._ask = ask

    async def standing(self) -> Standing:
        """As `Embedder`."""
        said: Described = await self._ask(Describe(wait_ms=10_000), timeout=15.0, lane="bg")
        return Standing(said.model, said.state)

    async def passages(self, passages: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[bytes, bytes]]]:
        """As `Embedder`."""
        name = ""
        vectors: list[tuple[bytes, bytes]] = []
        for start in range(0, len(passages), PASSAGES):
            some = tuple(Passage(text=text, before=before) for text, before in passages[start : start + PASSAGES])
            encoded: Encoded = await self._ask(Encode(passages=some), timeout=PASSAGES_WAIT_S, lane="bg")
            name = encoded.model
            vectors += [(one.tokens, one.vectors) for one in encoded.passages]
        return name, vectors

    async def question(self, text: str, timeout: float) -> Question:
        """As `Embedder`."""
        encoded: QuestionVectors = await self._ask(EncodeQuestion(text=text), timeout=timeout)
        return Question(encoded.model, encoded.tokens, encoded.vectors)


class LlmEndpoint:
    """An embeddings endpoint of the llm actor: one vector for a passage, of 8 bits a dimension.

    Args:
        ask: asks an actor.
        model: which; the first that an endpoint has for embeddings where it is None.
    """

    at_once = 64

    def __init__(self, ask: Asks, model: str | None) -> None:
        self._ask = ask
        self._model = model

    async def standing(self) -> Standing:
        """As `Embedder`. A word is embedded to learn which model answers."""
        return Standing((await self._embed(["model"], 30.0, "bg"))[0], "ready")

    async def passages(self, passages: Sequence[tuple[str, str]]) -> tuple[str, list[tuple[bytes, bytes]]]:
        """As `Embedder`. What was said before is left to the endpoint's model to do without."""
        name, vectors = await self._embed([text for text, _ in passages], PASSAGES_WAIT_S, "bg")
        return name, [(b"", vector) for vector in vectors]

    async def question(self, text: str, timeout: float) -> Question:
        """As `Embedder`."""
        name, [vector] = await self._embed([text], timeout, "fg")
        return Question(name, b"", vector)

    async def _embed(self, texts: list[str], timeout: float, lane: str) -> tuple[str, list[bytes]]:
        answer: Vectors = await self._ask(Embed(texts=tuple(texts), model=self._model), timeout=timeout, lane=lane)
        if len(answer.vectors) != len(texts) or len({len(vector) for vector in answer.vectors}) != 1 or not answer.vectors[0]:
            raise Unavailable(
                f"{answer.model} gave {len(answer.vectors)} vectors for {len(texts)} texts, or not all of one length"
            )
        floats = np.array(answer.vectors, np.float64)
        floats /= np.maximum(np.linalg.norm(floats, axis=1, keepdims=True), 1e-12)
        # A component deviates by one over the root of their number: 127 stands for six deviations, and lengths stay equal.
        whole = np.clip(np.rint(floats * np.sqrt(floats.shape[1]) * (127 / 6)), -127, 127).astype(np.int8)
        return f"llm:{answer.model}:{floats.shape[1]}", [row.tobytes() for row in whole]


def embedder_of(kind: str, model: str | None, ask: Asks) -> Embedder | None:
    """The embedder that the settings name; None for none."""
    match kind:
        case "minilm":
            return EncoderActor(ask)
        case "llm":
            return LlmEndpoint(ask, model)
    return None
