"""/v1/llm: the model endpoints as they stand, how they are added, drained and removed, and what was used of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from actors.llm import messages as llm
from actors.message import Name
from gateway.bodies import Body
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Models", access="operator")


class EndpointBody(Body):
    """An endpoint as in `[[llm.endpoints]]` of lattice.toml; the llm actor validates all of it."""

    model_config = ConfigDict(extra="allow")

    name: Name


class UsageQuery(Body):
    """Of how many days, today included."""

    days: Annotated[int, Field(ge=1, le=3660)] = 30
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000


@routes.get("/v1/llm/endpoints")
async def listed(call: Incoming) -> llm.Endpoints:
    """All endpoints in the order in which they are tried: breaker, what is in flight, what each one last failed with."""
    told: llm.Endpoints = await call.ask(llm.ListEndpoints())
    return told


@routes.post("/v1/llm/endpoints")
async def add(call: Incoming, body: EndpointBody) -> llm.EndpointState:
    """Take up an endpoint, or change the one of that name.

    It is kept, also over restarts, until it is removed. Calls in flight at the one that it replaces are finished there.
    """
    del body
    endpoint: dict[str, JsonValue] = {name: value for name, value in call.raw.items() if name != "namespace"}
    told: llm.EndpointFound = await call.ask(llm.AddEndpoint(endpoint=endpoint), key=call.write_key)
    return told.endpoint


@routes.post("/v1/llm/endpoints/{name}/drain")
async def drain(call: Incoming) -> llm.EndpointState:
    """Give an endpoint no further calls; those that it has are finished. Adding it again ends that."""
    told: llm.EndpointFound = await call.ask(llm.DrainEndpoint(name=call.path("name")), key=call.write_key)
    return told.endpoint


@routes.delete("/v1/llm/endpoints/{name}")
async def remove(call: Incoming) -> llm.Endpoints:
    """Forget an endpoint, also over restarts and where lattice.toml has it; its calls in flight are finished first."""
    told: llm.Endpoints = await call.ask(llm.RemoveEndpoint(name=call.path("name")), key=call.write_key)
    return told


@routes.get("/v1/llm/usage")
async def usage(call: Incoming, query: UsageQuery) -> llm.UsageFound:
    """Tokens and money by day (UTC), namespace, endpoint and model, the latest day first."""
    asked = llm.GetUsage(namespace=query.namespace, days=query.days, limit=query.limit)
    told: llm.UsageFound = await call.ask(asked)
    return told
