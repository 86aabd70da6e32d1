"""The months' English names, in their order and in lower case."""

from __future__ import annotations

from typing import Final

__all__ = ["MONTHS"]

LIST: Final = "january february march april may june july august september october november december"

MONTHS: Final = tuple(LIST.split())
