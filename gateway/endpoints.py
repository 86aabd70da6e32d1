"""/v1/llm/endpoints: the model endpoints as they stand."""

from __future__ import annotations

from actors.llm import messages as llm
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Models", access="operator")


@routes.get("/v1/llm/endpoints")
async def listed(call: Incoming) -> llm.Endpoints:
    """All endpoints in the order in which they are tried: breaker, what is in flight, what each one last failed with."""
    told: llm.Endpoints = await call.ask(llm.ListEndpoints())
    return told
