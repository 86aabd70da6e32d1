"""Ignore: a start that has nothing to do, which is no failure (Erlang's `ignore`)."""

from __future__ import annotations

__all__ = ["Ignore"]


class Ignore(Exception):
    """Raised by who starts a child: there is nothing to run here. The child is stopped, and nobody tries again by himself."""
