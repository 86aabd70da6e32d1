"""/mcp: the Model Context Protocol over HTTP, by which an agent uses what Lattice remembers as tools.

It is spoken in two ways, told apart by the header MCP-Protocol-Version. Up to 2025-11-25 a client begins with `initialize`;
from 2026-07-28 on each request says by itself what it speaks. Either way one POST is one message with one answer, and nothing
is kept from one to the next: a gateway that is replaced meanwhile is not noticed. What the tools do: gateway/mcp_tools.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

from gateway.errors import HttpError
from gateway.incoming import Incoming
from gateway.json_size import is_large
from gateway.mcp_tools import TOOLS, call_tool
from gateway.route import Routes
from gateway.validation import read_json

__all__ = ["routes"]

routes = Routes("MCP")

HANDSHAKE: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Revisions that begin with `initialize`, the newest first."""

STATELESS: Final = ("2026-07-28",)

SERVER: Final = {"name": "lattice", "title": "Lattice", "version": "1"}
INSTRUCTIONS: Final = (
    "A memory that lasts between conversations. Call recall before you answer something that may have been talked of before; "
    "call remember for what will matter later, one statement at a time, with its speaker. What is outdated is corrected or "
    "forgotten, never told twice."
)

META: Final = "io.modelcontextprotocol/"
"""What the protocol's own fields of `_meta` begin with."""

TOOLS_KEPT_MS: Final = 3_600_000
"""How long a client may go by a list of tools: they change with the program alone."""

MOST_BYTES: Final = 1 << 20

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

HANDSHAKE_STATUSES: Final = {PARSE_ERROR: 400, INVALID_REQUEST: 400}
STATELESS_STATUSES: Final = {
    **HANDSHAKE_STATUSES,
    INVALID_PARAMS: 400,
    HEADER_MISMATCH: 400,
    UNSUPPORTED_VERSION: 400,
    METHOD_NOT_FOUND: 404,
}
"""Whatever is not here is 200: it is JSON-RPC's answer, and HTTP has done its part."""


class RpcError(Exception):
    """An error of the protocol's; what goes wrong in a tool is that tool's result."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.message = message
        self.data = data
        super().__init__(message)


@routes.post(
    "/mcp",
    takes="application/json",
    silent="A notification was taken.",
    headers=("X-Lattice-Session",),
    errors=("Error", "RpcError"),
)
async def mcp(call: Incoming, body: bytes) -> web.Response:
    """Speak the Model Context Protocol: one JSON-RPC message, one answer.

    Tools to remember, recall, correct and forget, for contradictions and for what is known of people. Revisions 2024-11-05 to
    2026-07-28; there are no sessions and no streams, so GET and DELETE are refused.
    """
    accepts = call.request.headers.get("Accept", "*/*")
    if not any(media in accepts for media in ("application/json", "application/*", "*/*")):
        raise HttpError(406, "invalid", "answers are application/json; Accept has to allow it", param="Accept")

    spoken = call.request.headers.get("MCP-Protocol-Version")
    stateless = spoken is not None and spoken not in HANDSHAKE
    name: Any = None
    try:
        message = one_message(await read(body))
        name = message.get("id")
        check_request(message)
        if "id" not in message or "method" not in message:
            # Notifications, and answers to questions that nobody here asks.
            check_version(spoken if stateless else None)
            return web.Response(status=202)

        if stateless:
            check_envelope(message, call.request)
            return answered(name, finished(await stateless_result(call, message)))
        return answered(name, await handshake_result(call, message))
    except RpcError as error:
        return failed(name, error, STATELESS_STATUSES if stateless else HANDSHAKE_STATUSES)


async def read(body: bytes) -> Any:
    """What was sent.

    Raises:
        RpcError: it is no JSON.
        HttpError: 413, it is too large.
    """
    if len(body) > MOST_BYTES:
        raise HttpError(413, "too_large", f"a message has at most {MOST_BYTES >> 20} MiB")

    try:
        return await asyncio.to_thread(read_json, body) if is_large(body) else read_json(body)
    except HttpError as error:
        raise RpcError(PARSE_ERROR, error.message) from None


def one_message(body: Any) -> dict[str, Any]:
    """One JSON-RPC message.

    Raises:
        RpcError: it is none, or several.
    """
    if isinstance(body, list):
        raise RpcError(INVALID_REQUEST, "one message a request: batches are not taken")
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'a JSON-RPC message is wanted: {"jsonrpc": "2.0", "id": …, "method": …}')

    given = body.get("id", "")
    if not isinstance(given, str | int) or isinstance(given, bool):
        raise RpcError(INVALID_REQUEST, "id is a text or a whole number")
    return body


def check_request(message: dict[str, Any]) -> None:
    """That a message, whose id can be told by now, asks for something.

    Raises:
        RpcError: it does not.
    """
    if not isinstance(message.get("method", ""), str):
        raise RpcError(INVALID_REQUEST, "method is a text")
    if not isinstance(message.get("params", {}), dict):
        raise RpcError(INVALID_PARAMS, "params is an object")


def check_version(version: str | None) -> None:
    """That a revision without handshake is one that is spoken here; None: there was a handshake.

    Raises:
        RpcError: it is another.
    """
    if version is not None and version not in STATELESS:
        data = {"supported": list(STATELESS), "requested": version}
        raise RpcError(UNSUPPORTED_VERSION, f"MCP {version} is not spoken here", data)


def check_envelope(message: Mapping[str, Any], request: web.Request) -> None:
    """That a message without handshake says what it speaks, and that its headers say the same: who routes by them sees no body.

    Raises:
        RpcError: it does not, or they do not.
    """
    params = message.get("params", {})
    meta = params.get("_meta")
    wanted = [META + field for field in ("protocolVersion", "clientCapabilities")]
    if not isinstance(meta, dict) or any(field not in meta for field in wanted):
        raise RpcError(INVALID_PARAMS, f"params._meta has to have {' and '.join(wanted)}")

    said = {"MCP-Protocol-Version": meta[wanted[0]], "Mcp-Method": message["method"]}
    if message["method"] == "tools/call" and params.get("name") is not None:
        said["Mcp-Name"] = params["name"]
    for header, value in said.items():
        if request.headers.getall(header, ()) != [value]:
            raise RpcError(HEADER_MISMATCH, f"the header {header} has to be there once, and to say what the message says")

    check_version(meta[wanted[0]])


async def handshake_result(call: Incoming, message: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a message of a revision up to 2025-11-25."""
    params = message.get("params", {})
    match message["method"]:
        case "initialize":
            asked = params.get("protocolVersion")
            return {
                "protocolVersion": asked if asked in HANDSHAKE else HANDSHAKE[0],
                "capabilities": {"tools": {}},
                "serverInfo": SERVER,
                "instructions": INSTRUCTIONS,
            }
        case "ping":
            return {}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            return await tool_result(call, params)
        case method:
            raise unknown(method)


async def stateless_result(call: Incoming, message: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a message of 2026-07-28."""
    kept = {"ttlMs": TOOLS_KEPT_MS, "cacheScope": "public"}
    match message["method"]:
        case "server/discover":
            supported = {"supportedVersions": list(STATELESS), "capabilities": {"tools": {}}}
            return {**supported, "instructions": INSTRUCTIONS, **kept}
        case "tools/list":
            return {"tools": TOOLS, **kept}
        case "tools/call":
            return await tool_result(call, message["params"])
        case method:
            raise unknown(method)


async def tool_result(call: Incoming, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a tool says.

    Raises:
        RpcError: there is no such tool.
    """
    name, arguments = params.get("name"), params.get("arguments")
    if not isinstance(arguments, dict | None):
        raise RpcError(INVALID_PARAMS, "arguments is an object")
    if not any(tool["name"] == name for tool in TOOLS):
        raise RpcError(INVALID_PARAMS, f"there is no tool {name!r}; there are {', '.join(tool['name'] for tool in TOOLS)}")
    return await call_tool(call, str(name), arguments or {})


def unknown(method: str) -> RpcError:
    """What a method is refused with."""
    return RpcError(METHOD_NOT_FOUND, f"there is no method {method}")


def finished(result: dict[str, Any]) -> dict[str, Any]:
    """A result as 2026-07-28 wants it: whole, and with who made it."""
    return {**result, "resultType": "complete", "_meta": {f"{META}serverInfo": SERVER}}


def answered(name: Any, result: Mapping[str, Any]) -> web.Response:
    """A message's answer."""
    return web.json_response(body=to_json({"jsonrpc": "2.0", "id": name, "result": result}))


def failed(name: Any, error: RpcError, statuses: Mapping[int, int]) -> web.Response:
    """A message's error. Its id is null where it could not be read."""
    told = {"code": error.code, "message": error.message}
    if error.data is not None:
        told["data"] = error.data
    body = {"jsonrpc": "2.0", "id": name if isinstance(name, str | int) else None, "error": told}
    return web.json_response(body=to_json(body), status=statuses.get(error.code, 200))
