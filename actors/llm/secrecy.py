"""Secrecy: what an endpoint says is not to bring its key before anybody's eyes. It knows no endpoint."""

from __future__ import annotations

LEAST = 12
"""Characters of a key that are too many to be shown; providers show fewer themselves, to say which one they mean."""

SHORTEST = 8
"""A shorter key is a word that local servers are given because something must stand there, and may stand in any sentence."""


def redacted(text: str, key: str | None) -> str:
    """A text without the key, and without any longer piece of it."""
    if not text or key is None or len(key) < SHORTEST:
        return text

    size = min(LEAST, len(key))
    for start in range(len(key) - size + 1):
        while (at := text.find(key[start : start + size])) >= 0:
            length = size
            while start + length < len(key) and text[at + length : at + length + 1] == key[start + length]:
                length += 1

            text = f"{text[:at]}…{text[at + length :]}"

    return text
