"""/v1/models: what can be asked for, in OpenAI's form."""

from __future__ import annotations

from typing import Literal

from actors.llm import messages as llm
from actors.message import Data
from gateway.incoming import Incoming
from gateway.route import Routes
from transport.errors import NotFound

__all__ = ["routes"]

routes = Routes("Models")


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
async def listed(call: Incoming) -> Models:
    """Every model of every endpoint, in the order in which they are tried."""
    told: llm.Models = await call.ask(llm.ListModels())
    return Models(data=tuple(in_openai_form(model) for model in told.models))


@routes.get("/v1/models/{id:.+}")
async def get(call: Incoming) -> Model:
    """One model."""
    told: llm.Models = await call.ask(llm.ListModels())
    wanted = call.path("id")

    for model in told.models:
        if model.id == wanted:
            return in_openai_form(model)

    raise NotFound(f"no endpoint has a model called {wanted!r}", detail={"param": "model"})


def in_openai_form(model: llm.Model) -> Model:
    """OpenAI's form of a model."""
    return Model(id=model.id, created=model.created, owned_by=model.endpoint)
