"""The description of the API, made from the models that validate the bodies, and a plain page of it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from threading import Lock
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from pydantic_core import to_json

from gateway.route import Route

__all__ = ["Description", "describe"]

ERROR: Final = {
    "type": "object",
    "description": "OpenAI's form of an error.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "code": {"type": "string"},
                "param": {"type": ["string", "null"]},
            },
            "required": ["message", "type", "code", "param"],
        }
    },
    "required": ["error"],
}
RPC_ERROR: Final = {
    "type": "object",
    "description": "JSON-RPC's form of an error.",
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["string", "integer", "null"]},
        "error": {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": {"type": "string"}, "data": {}},
            "required": ["code", "message"],
        },
    },
    "required": ["jsonrpc", "id", "error"],
}
TEXT: Final = {"type": "string"}
HEADERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "X-Lattice-Namespace": ("Whose memory it is; a body's or query's `namespace` does the same.", TEXT),
    "X-Lattice-Session": ("Which talk it belongs to; a body's `session` does the same.", TEXT),
    "X-Lattice-Timeout": (
        "Seconds after which the request is to be given up; it can only shorten the gateway's own limit.",
        {"type": "number", "exclusiveMinimum": 0},
    ),
    "Idempotency-Key": (
        "The same key in the same namespace and path has its effect once, and the same answer.",
        {"type": "string", "minLength": 1, "maxLength": 256},
    ),
    "X-Lattice-Memory": (
        "Recall and remember, recall only, or neither.",
        {"type": "string", "enum": ["on", "read", "off"], "default": "on"},
    ),
    "X-Lattice-Reasoning": (
        "Whether what is thought aloud is shown: not at all, in a field, or in comments of a stream.",
        {"type": "string", "enum": ["hide", "field", "comments"], "default": "hide"},
    ),
    "X-Lattice-Retry": ("The request was sent before: join it to the first one.", {"type": "string", "enum": ["true"]}),
    "Last-Event-ID": (
        "The `id` of the last event that was seen: the stream goes on after it, or says that something was missed.",
        TEXT,
    ),
    "Cache-Control": ("`no-cache`: think anew, whatever was thought before.", TEXT),
}


class Description:
    """The description of a gateway's routes: made once, when it is first asked for, in whichever thread."""

    def __init__(self, described: Iterable[Route]) -> None:
        self.routes = tuple(described)
        self.made: bytes | None = None
        self.making = Lock()

    def json(self) -> bytes:
        """The whole of /openapi.json."""
        with self.making:
            if self.made is None:
                self.made = to_json(describe(self.routes))

            return self.made

    def page(self) -> str:
        """The whole of /docs."""
        groups: dict[str, list[Route]] = {}
        for route in self.routes:
            groups.setdefault(route.group, []).append(route)

        sections = "".join(
            f"<h2>{html.escape(group)}</h2><dl>{''.join(entry(route) for route in members)}</dl>"
            for group, members in groups.items()
        )
        return PAGE.replace("{sections}", sections)


def describe(described: tuple[Route, ...]) -> dict[str, Any]:
    """OpenAPI 3.1 of these routes."""
    inputs = {model for route in described for model in (route.body, route.query) if model is not None}
    outputs = {route.answer for route in described if route.answer is not None}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in sorted(inputs, key=repr)),
        *((model, "serialization") for model in sorted(outputs, key=repr)),
    ]
    schemas, definitions = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}

    for route in described:
        path = re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = operation(route, path, schemas, definitions["$defs"])

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lattice",
            "version": "1",
            "description": "A mind server: OpenAI's API with a memory behind it.",
        },
        "paths": paths,
        "components": {
            "schemas": {**definitions["$defs"], "Error": ERROR, "RpcError": RPC_ERROR},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "x_api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


def operation(route: Route, path: str, schemas: dict[Any, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """One method of one path."""
    content = {} if route.answer is None else {"schema": schemas[route.answer, "serialization"]}
    answers: dict[str, Any] = {media_of(route): content}
    errors = [{"$ref": f"#/components/schemas/{name}"} for name in route.errors]
    if route.streams:
        answers["text/event-stream"] = {"schema": TEXT}
    described: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "description": route.about,
        "tags": [route.group],
        "parameters": [*parameters(route, path, schemas, definitions)],
        "responses": {
            str(route.status): {"description": route.summary, "content": answers},
            "default": {
                "description": "What went wrong.",
                "content": {"application/json": {"schema": {"anyOf": errors} if len(errors) > 1 else errors[0]}},
            },
        },
    }
    if route.silent is not None:
        described["responses"]["202"] = {"description": route.silent}
    if route.body is not None:
        schema = schemas[route.body, "validation"]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if route.takes is not None:
        described["requestBody"] = {"required": True, "content": {route.takes: {"schema": TEXT}}}
    if route.access != "open":
        described["security"] = [{"key": []}, {"x_api_key": []}]

    return described


def parameters(route: Route, path: str, schemas: dict[Any, Any], definitions: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """What stands in the path, the query and the headers."""
    for name in re.findall(r"\{(\w+)\}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}

    if route.query is not None:
        schema = definitions[schemas[route.query, "validation"]["$ref"].rpartition("/")[2]]
        for name, field in schema["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": field}

    for name in headers_of(route):
        about, form = HEADERS[name]
        yield {"name": name, "in": "header", "required": False, "schema": form, "description": about}


def headers_of(route: Route) -> Iterable[str]:
    """The headers that a route goes by."""
    if route.access == "tenant":
        yield "X-Lattice-Namespace"
    if route.access != "open":
        yield "X-Lattice-Timeout"
        if route.method in {"POST", "PATCH"}:
            yield "Idempotency-Key"
    yield from route.headers


def media_of(route: Route) -> str:
    """Media type of the answer."""
    return "application/json" if route.answer is not None else route.media


def entry(route: Route) -> str:
    """One route on the page."""
    about = html.escape(route.about).replace("\n\n", "<br>")
    takes = ", ".join(
        f"<code>{html.escape(name)}</code>{'' if not field.is_required() else '*'}"
        for model in (route.query, route.body)
        if model is not None
        for name, field in model.model_fields.items()
    )
    return (
        f"<dt><b>{route.method}</b> <code>{html.escape(route.path)}</code></dt>"
        f"<dd>{html.escape(route.summary)} {about}{f'<br>Takes {takes}' if takes else ''}</dd>"
    )


PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lattice: HTTP API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
dt { margin-top: 1rem } dd { margin-left: 1.5rem }
</style></head><body>
<h1>Lattice</h1>
<p>Every route of this gateway; * marks what a request must have. The machine's version of this page, with all types, is
<a href="/openapi.json">/openapi.json</a>.</p>
{sections}
</body></html>
"""
