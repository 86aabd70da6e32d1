"""What a row asks of the house by itself, beside the clients' load: facts kept, read back, and how they are refused."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from chaos.scene import Scene

__all__ = ["Told", "ask", "keep", "keeps_again", "reads"]

NAMESPACE = "row"
ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, whatever its status."""

    status: int
    body: Any
    retry_after: str | None = field(default=None)

    @property
    def is_refused_for_now(self) -> bool:
        """Whether it is the refusal that docs/http.md has for what cannot be reached now."""
        code = self.body.get("error", {}).get("code") if isinstance(self.body, dict) else None
        return (self.status, code) == (503, "unavailable") and bool(self.retry_after)


def ask(scene: Scene, path: str, body: Any = None) -> Told:
    """One request, in a namespace of the row's own.

    Raises:
        OSError: nobody answers.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(scene.house.url + path, data, {"X-Lattice-Namespace": NAMESPACE})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as response:
            return Told(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Told(error.code, json.load(error), error.headers.get("Retry-After"))


def keep(scene: Scene, number: int) -> Told:
    """Have a numbered fact remembered, in a record that is not short."""
    return ask(scene, "/v1/memories", {"text": f"row fact {number} " + "of some length " * 60, "key": f"fact-{number}"})


def reads(scene: Scene, kept: dict[int, str]) -> str | None:
    """What is wrong with how kept facts are read, by number and id; None where nothing is."""
    for number, identity in kept.items():
        told = ask(scene, f"/v1/memories/{identity}")
        if told.status != 200 or not told.body["text"].startswith(f"row fact {number} "):
            return f"fact {number} was read as {told.status} {str(told.body)[:200]}"
    found = ask(scene, "/v1/memories/search", {"query": "row fact", "k": 3})
    return None if found.status == 200 else f"a search was answered {found.status} {found.body}"


def keeps_again(scene: Scene, kept: dict[int, str], within_s: float) -> None:
    """Wait until facts are kept again; the first that is joins the others.

    Raises:
        Failed: none was in time.
    """
    number = len(kept)

    def try_it() -> bool:
        told = keep(scene, number)
        if told.status == 201:
            kept[number] = told.body["memories"][0]["id"]
        return told.status == 201

    scene.until("a fact is kept again", try_it, within_s)
