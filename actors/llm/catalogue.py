"""Which models there are: as configured, or as the endpoints list them, remembered for a while."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loguru import logger

from actors.llm.dialects import Listed
from actors.llm.endpoint import Endpoint
from actors.llm.failure import Failure
from actors.llm.messages import Model

AFTER_FAILURE_S = 5.0
"""How long an endpoint that did not list its models is not asked again."""

NO_CHAT = re.compile(r"audio|dall-e|embed|image|instruct|live|moderation|realtime|rerank|search|sora|transcribe|tts|whisper")


@dataclass(slots=True)
class Listing:
    """What an endpoint listed, and until when that is good."""

    models: tuple[Listed, ...]
    until: float


class Catalogue:
    """The models of all endpoints.

    Args:
        endpoints: the live list of endpoints, in the order in which they are tried.
        timeout_s: how long a listing waits for an endpoint.
        cache_s: how long a listing is good.
        now: seconds of a clock that only goes forward.
    """

    def __init__(self, endpoints: Sequence[Endpoint], *, timeout_s: float, cache_s: float, now: Callable[[], float]) -> None:
        self.endpoints = endpoints
        self.timeout_s = timeout_s
        self.cache_s = cache_s
        self.now = now
        self.listings: dict[Endpoint, Listing] = {}
        self.asking: dict[Endpoint, asyncio.Task[None]] = {}

    async def models(self, aliases: Mapping[str, Sequence[str]] | None = None) -> tuple[Model, ...]:
        """Every model once, in the endpoints' order, then the aliases of those that there are.

        Endpoints that do not list theirs in time are left out, or answered for by what they listed last.
        """
        await asyncio.gather(*(self.refresh(endpoint) for endpoint in self.endpoints))
        found: dict[str, Model] = {}
        for endpoint in self.endpoints:
            for listed in self.known(endpoint) or ():
                found.setdefault(listed.id, Model(id=listed.id, endpoint=endpoint.name, created=listed.created))

        for alias, models in (aliases or {}).items():
            first = next((found[model] for model in models if model in found), None)
            if first is not None:
                found.setdefault(alias, first.model_copy(update={"id": alias}))

        return tuple(found.values())

    def known(self, endpoint: Endpoint) -> tuple[Listed, ...] | None:
        """What an endpoint has, as far as is known now; None when it has not been listed."""
        settings = endpoint.settings
        if settings.models:
            return tuple(Listed(model) for model in dict.fromkeys((*settings.models, *settings.embedding_models)))

        listing = self.listings.get(endpoint)
        return listing.models if listing and listing.models else None

    def may_have(self, endpoint: Endpoint, model: str) -> bool:
        """Whether an endpoint has a model, or could have it."""
        known = self.known(endpoint)
        return known is None or any(listed.id == model for listed in known)

    def guess(self, endpoint: Endpoint, model: str | None) -> str:
        """The model that an endpoint would be asked for, as far as can be said without asking it; "" where nothing can."""
        if model is not None and self.may_have(endpoint, model):
            return model

        if endpoint.settings.models:
            return endpoint.settings.models[0]

        return self.newest(endpoint) or ""

    def newest(self, endpoint: Endpoint) -> str | None:
        """The newest of its models that looks as if it could chat; None while none is known."""
        chatting = [listed for listed in self.known(endpoint) or () if not NO_CHAT.search(listed.id.lower())]
        return max(chatting, key=lambda listed: listed.created).id if chatting else None

    async def first(self, endpoint: Endpoint) -> str:
        """The model to ask where none, or none that the endpoint has, was named.

        It is the first one configured, else the newest of those that look as if they could chat.

        Raises:
            Failure: when it lists none.
        """
        if endpoint.settings.models:
            return endpoint.settings.models[0]

        await self.refresh(endpoint)
        newest = self.newest(endpoint)
        if newest is None:
            raise Failure("it lists no model")

        return newest

    def forget(self, endpoint: Endpoint) -> None:
        """Drop what is known of an endpoint that was removed."""
        self.listings.pop(endpoint, None)

    async def refresh(self, endpoint: Endpoint) -> None:
        """Ask an endpoint for its models where what is known is too old; who asks meanwhile waits for the same answer."""
        listing = self.listings.get(endpoint)
        if endpoint.settings.models or (listing is not None and self.now() < listing.until):
            return

        task = self.asking.get(endpoint)
        if task is None:
            task = self.asking[endpoint] = asyncio.ensure_future(self.ask(endpoint))
            task.add_done_callback(lambda _: self.asking.pop(endpoint, None))

        await asyncio.shield(task)

    async def ask(self, endpoint: Endpoint) -> None:
        """Ask once, and remember what came of it, unless the endpoint has gone meanwhile."""
        old = self.listings.get(endpoint)
        try:
            listing = Listing(tuple(await endpoint.list_models(self.timeout_s)), self.now() + self.cache_s)
        except Failure as failure:
            logger.info("models not listed", endpoint=endpoint.name, reason=failure.reason)
            listing = Listing(old.models if old else (), self.now() + AFTER_FAILURE_S)

        if endpoint in self.endpoints:
            self.listings[endpoint] = listing

    async def close(self) -> None:
        """End the listings that are under way."""
        for task in list(self.asking.values()):
            task.cancel()
