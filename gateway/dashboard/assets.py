"""The files of the page: read once, when the gateway's code is loaded, and known by name. A path leads to no other file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Asset", "read_assets"]

FOLDER: Final = Path(__file__).parent / "page"
MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str
    etag: str
    """Changes with the content."""


def read_assets() -> dict[str, Asset]:
    """Every file of the page, by its name."""
    return {path.name: read(path) for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES}


def read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, MEDIA_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:20])
