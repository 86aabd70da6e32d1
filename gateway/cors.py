"""CORS: which web pages of other origins may use the gateway, and read what it answers. None, unless the settings name them.

The answer is made from the head of a request alone, whatever its route makes of it, so that a page can read errors too. No
cookies are used here and none are allowed: who a page speaks for is told by the key that it shows. The dashboard is no page's
but its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

__all__ = ["ANY", "Cors", "origin_of"]

ANY: Final = "*"

OWN_PAGES: Final = re.compile(r"/(?:docs|dashboard/.*)?")
"""Paths of pages that a person looks at: no other page has anything to do there."""

METHODS: Final = "GET, HEAD, POST, PATCH, DELETE"
EXPOSED: Final = (
    "Accept-Encoding, Allow, Content-Disposition, Retry-After, WWW-Authenticate, X-Request-Id, retry-after-ms, x-should-retry"
)
"""What a page may read beside the headers that it always may."""

FIELD_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,4096}")
FOR_S: Final = 600
"""How long a browser goes by the answer to its preflight, in seconds."""

HOST: Final = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:]+\]")
"""Browsers write names of other letters in punycode, and nothing that stands here otherwise would ever be theirs."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Cors:
    """What is told to pages.

    Args:
        origins: theirs, as `origin_of` writes them; `*`: anyone's.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self.origins = frozenset(origins)

    def allows(self, headers: Mapping[str, str]) -> bool:
        """Whether a request comes from a page that may use the gateway."""
        origin = headers.get("Origin")
        return origin is not None and (origin in self.origins or ANY in self.origins)

    def asks_first(self, method: str, headers: Mapping[str, str]) -> bool:
        """Whether a request is a browser's question whether a page may send another, which somebody here has an answer to."""
        return bool(self.origins) and method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers

    def told(self, path: str, headers: Mapping[str, str]) -> dict[str, str]:
        """Headers of an answer to a request with this path and these headers; empty where nothing is allowed to anybody."""
        if not self.origins or OWN_PAGES.fullmatch(path):
            return {}

        # A cache must not give a page what another was told, nor what was told to no page.
        told = {} if ANY in self.origins else {"Vary": "Origin"}
        if self.allows(headers):
            told["Access-Control-Allow-Origin"] = ANY if ANY in self.origins else headers["Origin"]
            told["Access-Control-Expose-Headers"] = EXPOSED
        return told

    def told_first(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What stands beside `told` in the answer to a browser's question, where the page is one that may."""
        wanted = headers.get("Access-Control-Request-Headers", "")
        told = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": str(FOR_S)}
        if FIELD_NAMES.fullmatch(wanted):
            # Named one by one: `*` would leave out Authorization.
            told["Access-Control-Allow-Headers"] = wanted
        if headers.get("Access-Control-Request-Private-Network") == "true":
            told["Access-Control-Allow-Private-Network"] = "true"
        return told


def origin_of(said: str) -> str:
    """An origin as browsers write it.

    Raises:
        ValueError: it is none.
    """
    if said == ANY:
        return ANY

    parts = urlsplit(said)
    name, port = parts.hostname or "", parts.port
    plain = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    host = f"[{IPv6Address(name)}]" if ":" in name else name
    if parts.scheme not in DEFAULT_PORTS or not HOST.fullmatch(host) or not plain:
        raise ValueError(f'{said!r} is no origin: write it as https://app.example or http://localhost:3000, or "*"')

    return f"{parts.scheme}://{host}" + ("" if port in {None, DEFAULT_PORTS[parts.scheme]} else f":{port}")
