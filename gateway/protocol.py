"""What aiohttp says by itself, before any route is reached, said as everything else is: in JSON, and a line in the log.

aiohttp answers bytes that are no HTTP with a page of text, and prints a stack for each: anyone who can connect could fill the
log. It offers no seam for that but its own classes.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from loguru import logger

from gateway.errors import HttpError, error_response

__all__ = ["Runner"]


class Runner(web.AppRunner):
    """`web.AppRunner` whose connections are `Protocol`s."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,  # noqa: SLF001 (a server with these arguments is what aiohttp has no way to ask for)
            **made._kwargs,  # noqa: SLF001
        )


class Server(web.Server):
    """Makes a `Protocol` for each connection."""

    def __call__(self) -> web.RequestHandler:
        return Protocol(self, loop=self._loop, **self._kwargs)


class Protocol(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what failed outside of all routes, and close the connection.

        Raises:
            ConnectionError: an answer has begun already.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")

        if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # What says why stands first; what follows it quotes the request.
            reason = re.split(r":?\n|: b", (message or HTTPStatus(status).phrase).strip())[0]
            logger.info("no request", status=status, reason=reason)
            error: Exception = HttpError(status, "invalid", reason)
        else:
            logger.opt(exception=exc).error("a request failed outside of its route")
            error = exc if isinstance(exc, Exception) else RuntimeError(message)

        response = error_response(error)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Note what ended a connection: with its stack, unless it is only that the client sent something impossible."""
        error = kwargs.get("exc_info")
        if isinstance(error, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            logger.info("connection ended", reason=type(error).__name__)
        else:
            logger.opt(exception=error).error(str(args[0]) if args else "a connection failed")
