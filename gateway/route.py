"""How a route is declared: where it is, what it takes, what it answers. Its handler's signature is the whole declaration.

    routes = Routes("Memories")

    @routes.post("/v1/memories/search")
    async def search(call: Incoming, body: SearchBody) -> Found: ...

`body` and `query` are validated before the handler runs; /openapi.json is made from the same models. A `body` of bytes comes as
it was sent.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aiohttp import web
from pydantic import BaseModel

__all__ = ["Access", "Handler", "Route", "Routes"]

Handler = Callable[..., Awaitable[BaseModel | web.StreamResponse]]

Access = Literal["open", "tenant", "operator"]
"""open: needs no key. tenant: any key, within its namespace. operator: a key that is bound to no namespace."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    group: str
    access: Access
    status: int
    reads: bool
    """Whether it takes a body as a whole: validated where `body` says how, else as bytes."""

    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    """None where the handler makes the response itself."""

    media: str
    """Media type of such a response, for the description."""

    streams: bool
    """Whether it may answer with server-sent events instead."""

    takes: str | None
    """Media type of a body that no model describes."""

    silent: str | None
    """What is taken without an answer (202 and no body), for the description."""

    headers: tuple[str, ...]
    """What it goes by beside the headers that count everywhere; for the description, which knows them by name."""

    errors: tuple[str, ...]
    """The forms that its errors have; for the description, which knows them by name."""

    @property
    def operation(self) -> str:
        """A name that no other route has, for those who generate a client: `memories_search`."""
        return f"{self.handler.__module__.rpartition('.')[2]}_{self.handler.__name__}"

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").split("\n")[0]

    @property
    def about(self) -> str:
        """The rest of it."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[2].strip()


class Routes(list[Route]):
    """The routes of one file, under the heading that they have in /docs."""

    def __init__(self, group: str, *, access: Access = "tenant") -> None:
        super().__init__()
        self.group = group
        self.access: Access = access

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a GET."""
        return self.declare("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a POST."""
        return self.declare("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PATCH."""
        return self.declare("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a DELETE."""
        return self.declare("DELETE", path, **options)

    def declare(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        access: Access | None = None,
        media: str = "application/json",
        streams: bool = False,
        takes: str | None = None,
        silent: str | None = None,
        headers: tuple[str, ...] = (),
        errors: tuple[str, ...] = ("Error",),
    ) -> Callable[[Handler], Handler]:
        """Declare a route; its body, query and answer are read from the handler's signature."""

        def declared(handler: Handler) -> Handler:
            hints = inspect.get_annotations(handler, eval_str=True)
            answers = get_args(hints["return"]) or (hints["return"],)
            body = hints.get("body")
            self.append(
                Route(
                    method,
                    path,
                    handler,
                    self.group,
                    access or self.access,
                    status,
                    body is not None,
                    None if body is bytes else body,
                    hints.get("query"),
                    next((answer for answer in answers if issubclass(answer, BaseModel)), None),
                    media,
                    streams,
                    takes,
                    silent,
                    headers,
                    errors,
                )
            )
            return handler

        return declared
