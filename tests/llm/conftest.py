"""Two scripted servers, started once a module; and a router over endpoints of a test's choice."""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from actors.llm.endpoint import Endpoint
from actors.llm.line import Lane
from actors.llm.messages import Delta, Generate, Generated
from actors.llm.router import Router
from actors.llm.settings import EndpointSettings, LlmSettings
from tests.model_server import SyncModelServer

TEXT = "Well then, the quick brown fox jumps over the lazy dog, and sleeps."
QUICK = {"connect_timeout_s": 1.0, "first_token_timeout_s": 1.0, "between_tokens_timeout_s": 1.0, "total_timeout_s": 5.0}


@pytest.fixture(scope="module")
def started() -> Iterator[tuple[SyncModelServer, SyncModelServer]]:
    with SyncModelServer() as first, SyncModelServer() as second:
        yield first, second


@pytest.fixture
def servers(started) -> tuple[SyncModelServer, SyncModelServer]:
    for server in started:
        server.reset()
        server.always(text=TEXT)

    return started


def endpoint(name: str, url: str, **settings) -> EndpointSettings:
    return EndpointSettings(**{"name": name, "base_url": url, "models": ["gpt-test"], **QUICK, **settings})


@asynccontextmanager
async def routing(
    *endpoints: EndpointSettings,
    now: Callable[[], float] = time.monotonic,
    **settings,
) -> AsyncIterator[Router]:
    router = Router(LlmSettings(endpoints=endpoints, **settings), now, random.Random(1), today=lambda: "2030-01-01")
    for one in endpoints:
        made = Endpoint(
            one,
            max_bytes=router.settings.max_response_bytes,
            max_repetition=router.settings.max_repetition,
            now=now,
            changed=router.prober.changed.set,
        )
        await made.open()
        router.add(made)
    try:
        yield router
    finally:
        await router.close()


def ask(text: str = "hello", *, stream: bool = False, **fields) -> Generate:
    messages = [{"role": "user", "content": text}]
    return Generate(**{"model": "gpt-test", "messages": messages, "stream": stream, **fields})


async def answer(
    router: Router, message: Generate, deadline: float | None = None, *, lane: Lane = "fg"
) -> tuple[str, Generated]:
    """The text as a client puts it together from the parts (where it asked for them), and the reply."""
    *parts, reply = [part async for part in router.generate(message, deadline, lane)]
    assert isinstance(reply, Generated)
    assert all(isinstance(part, Delta) for part in parts)
    text = reply.choices[0].message["content"] or ""
    if message.stream:
        assert "".join(part.delta.get("content", "") for part in parts) == text
    else:
        assert not parts

    return text, reply
