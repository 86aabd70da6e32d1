"""/v1/thoughts and /v1/thinking: what went on in private, and what a text seems to want."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actors.thinking import messages as thinking
from gateway.bodies import Body, NamespaceQuery
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Thinking")


class AnalyzeBody(Body):
    """The text that is analysed."""

    text: Annotated[str, Field(min_length=1, max_length=65_536)]


class LatestQuery(NamespaceQuery):
    """How many thoughts are listed."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20


@routes.get("/v1/thoughts")
async def listed(call: Incoming, query: LatestQuery) -> thinking.ThoughtsFound:
    """The latest thoughts of a namespace, latest first: what came of them, without their texts."""
    told: thinking.ThoughtsFound = await call.ask(thinking.ListThoughts(namespace=call.namespace, limit=query.limit))
    return told


@routes.get("/v1/thoughts/{id}")
async def get(call: Incoming, query: NamespaceQuery) -> thinking.ThoughtRecord:
    """A thought: its intent, what it was given, its steps and their times."""
    del query
    told: thinking.ThoughtRecord = await call.ask(thinking.GetThought(namespace=call.namespace, thought_id=call.path("id")))
    return told


@routes.post("/v1/thinking/analyze")
async def analyze(call: Incoming, body: AnalyzeBody) -> thinking.Analysis:
    """The intent of a text, without a model."""
    told: thinking.Analysis = await call.ask(thinking.Analyze(text=body.text))
    return told
