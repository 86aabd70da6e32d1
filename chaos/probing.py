"""Single requests of a row to the gateway: with a plain client that repeats nothing, and keeps what it was answered."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

__all__ = ["Answered", "chat", "request"]

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, and after how long."""

    status: int
    body: Any
    seconds: float

    @property
    def text(self) -> str | None:
        """What a chat said; None where it said nothing."""
        return self.body["choices"][0]["message"]["content"] if self.status == 200 else None

    @property
    def degraded(self) -> bool:
        """Whether a chat was answered without a model, and says so."""
        return self.status == 200 and self.body["lattice"]["degraded"] is True


def request(port: int, method: str, path: str, body: Any = None, **headers: str) -> Answered:
    """One request; an answer that is no JSON has None as its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    began = time.monotonic()
    try:
        data = None if body is None else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, data, {"Content-Type": "application/json", **named})
        response = connection.getresponse()
        raw = response.read()
    finally:
        connection.close()
    try:
        told = json.loads(raw)
    except ValueError:
        told = None
    return Answered(response.status, told, time.monotonic() - began)


def chat(port: int, text: str, session: str) -> Answered:
    """One question, answered in one piece."""
    body = {"model": "gpt-test", "messages": [{"role": "user", "content": text}]}
    return request(port, "POST", "/v1/chat/completions", body, X_Lattice_Session=session)
