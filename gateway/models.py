"""/v1/models: what can be asked for, in OpenAI's form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

from aiohttp import web
from pydantic_core import to_json

from actors.llm import messages as llm
from actors.message import Data
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import NotFound

__all__ = ["routes"]

routes = Routes("Models")

ANTHROPICS: Final = "anthropic-version"
"""A header that Anthropic's packages send with every request."""

LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999. Some endpoints count milliseconds."""


class Model(Data):
    """A model in OpenAI's form; `owned_by` is the endpoint that has it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class Models(Data):
    """All models."""

    object: Literal["list"] = "list"
    data: tuple[Model, ...]


@routes.get("/v1/models")
async def listed(call: Incoming) -> Models | web.StreamResponse:
    """Every model of every endpoint, in the order in which they are tried; in Anthropic's form for who speaks it."""
    told: llm.Models = await call.ask(llm.ListModels())
    if ANTHROPICS in call.request.headers:
        return web.Response(body=to_json(page(told)), content_type="application/json")

    return Models(data=tuple(in_openai_form(model) for model in told.models))


@routes.get("/v1/models/{id:.+}")
async def get(call: Incoming) -> Model | web.StreamResponse:
    """One model."""
    told: llm.Models = await call.ask(llm.ListModels())
    wanted = call.path("id")

    for model in told.models:
        if model.id == wanted and ANTHROPICS in call.request.headers:
            return web.Response(body=to_json(in_anthropics_form(model)), content_type="application/json")
        if model.id == wanted:
            return in_openai_form(model)

    raise NotFound(f"no endpoint has a model called {wanted!r}", detail={"param": "model"})


def in_openai_form(model: llm.Model) -> Model:
    """OpenAI's form of a model."""
    return Model(id=model.id, created=model.created, owned_by=model.endpoint)


def page(told: llm.Models) -> dict[str, Any]:
    """All models as Anthropic's one page."""
    data = [in_anthropics_form(model) for model in told.models]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"data": data, "has_more": False, **ends}


def in_anthropics_form(model: llm.Model) -> dict[str, Any]:
    """Anthropic's form of a model."""
    created = datetime.fromtimestamp(min(max(model.created, 0), LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "id": model.id, "display_name": model.id, "created_at": created}
