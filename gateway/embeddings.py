"""/v1/embeddings: OpenAI's form of `llm.embed`."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import ConfigDict, Field, JsonValue
from pydantic_core import to_json

from actors.llm import messages as llm
from actors.message import Data
from gateway.bodies import DEFAULT_MODELS, Body
from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Models")

EMBEDDED_AT_ONCE: Final = 48
"""Texts an actor is asked for at once: a message holds 262,144 numbers, which are so many vectors of 5,000."""


class EmbeddingsBody(Body):
    """OpenAI's request. Fields that are not named here are passed on."""

    model_config = ConfigDict(extra="allow")

    input: str | Annotated[list[JsonValue], Field(min_length=1, max_length=2048)]
    model: str | None = Field(None, max_length=256)
    encoding_format: Literal["float", "base64"] = "float"


class Embedding(Data):
    """One text's vector: numbers, or their little-endian float32 bytes in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: tuple[float, ...] | str


class EmbeddingUsage(Data):
    """Tokens as the endpoint counted them."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Data):
    """One vector a text, in order."""

    object: Literal["list"] = "list"
    data: tuple[Embedding, ...]
    model: str
    usage: EmbeddingUsage


@routes.post("/v1/embeddings")
async def embed(call: Incoming, body: EmbeddingsBody) -> Embeddings | web.Response:
    """Embed one text or several, at the first endpoint that can."""
    inputs = [body.input] if isinstance(body.input, str) else body.input
    texts = tuple(text_of(text, index) for index, text in enumerate(inputs))
    options = {name: value for name, value in call.raw.items() if name not in EmbeddingsBody.model_fields}
    told = await in_batches(
        call,
        [
            llm.Embed(
                namespace=call.namespace,
                model=None if body.model in DEFAULT_MODELS else body.model,
                texts=texts[start : start + EMBEDDED_AT_ONCE],
                options=options,
            )
            for start in range(0, len(texts), EMBEDDED_AT_ONCE)
        ],
    )
    written = await asyncio.to_thread(write, told, packed=body.encoding_format == "base64")
    return web.Response(body=written, content_type="application/json")


def write(told: Sequence[llm.Vectors], *, packed: bool) -> bytes:
    """The answer as JSON, to be made in a thread.

    Vectors are written one by one: each is one call that does not let the interpreter go, and 2,048 of them in one would
    hold the loop for most of a second.
    """
    vectors = chain.from_iterable(part.vectors for part in told)
    rows = [
        to_json(Embedding(index=index, embedding=pack(vector) if packed else vector)) for index, vector in enumerate(vectors)
    ]
    usage = EmbeddingUsage(
        prompt_tokens=sum(part.usage.prompt_tokens for part in told), total_tokens=sum(part.usage.total_tokens for part in told)
    )
    rest = to_json(Embeddings(data=(), model=told[0].model, usage=usage))
    return rest.replace(b'"data":[]', b'"data":[' + b",".join(rows) + b"]", 1)


async def in_batches(call: Incoming, batches: list[llm.Embed]) -> list[llm.Vectors]:
    """The answers of all, in order. Where one fails, the others are taken back."""
    asking = [asyncio.ensure_future(call.ask(batch)) for batch in batches]
    try:
        told: list[llm.Vectors] = await asyncio.gather(*asking)
        return told
    finally:
        for task in asking:
            task.cancel()


def text_of(item: JsonValue, index: int) -> str:
    """A text of the input. OpenAI also takes lists of tokens; those are one model's own, and endpoints differ."""
    if isinstance(item, str):
        return item

    param = f"input[{index}]"
    said = f"{param}: only texts can be embedded here, not lists of tokens (LangChain: check_embedding_ctx_length=False)"
    raise HttpError(400, "invalid", said, param=param)


def pack(vector: Sequence[float]) -> str:
    """A vector as the openai package asks for it unless told otherwise."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
