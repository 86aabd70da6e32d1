"""A word that nobody else uses goes through the whole house, is forgotten, and is in no file of the data directory any more."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.model_server.fixture import SyncModelServer
from tests.system.house import House

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

WORD = "xylophonist"
STEM = "xylophon"
TALK = f"{WORD}s on Monday"
"""Names are content too: of a talk, of who speaks, of a key."""

WITHIN_S = 60.0
"""For those who follow memory: they learn of it in the background."""

SAID = (
    f"I am a {WORD} and I live in Porto.",
    f"My sister, too, is a {WORD}, in Lisbon.",
    "I like lemon trees more than anything.",
    f"I am no {WORD} at all, I never was.",
)


def test_what_is_forgotten_is_in_no_file(house: House, script: SyncModelServer, data_dir: Path) -> None:
    """Said in a talk, answered with, recalled, contradicted, consolidated, summarised, corrected, written under a key."""
    script.always(mode="echo")
    history: list[dict[str, str]] = []
    for text in SAID:
        history.append({"role": "user", "content": text, "name": WORD})
        answer = house.post("/v1/chat/completions", {"messages": history, "reasoning_effort": "high"}, x_lattice_session=TALK)
        history.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})
    made = house.post(
        "/v1/memories",
        {
            "memories": [
                {"text": f"A {WORD} plays.", "metadata": {WORD: WORD}, "speaker": WORD, "key": WORD},
                {"text": "A pianist plays."},
            ]
        },
        idempotency_key=f"{WORD} twice",
    )["memories"]
    house.post("/v1/memories/search", {"query": WORD})
    links = [{"relation": "summarises", "target": record["id"]} for record in made]
    (mixed,) = house.post("/v1/memories", {"text": f"{WORD} and pianist", "kind": "summary", "links": links})["memories"]
    patch(house, made[0]["id"], {"text": f"Another {WORD} plays."}, idempotency_key="once")
    house.post("/v1/chat/completions", {"messages": history[:1]}, x_lattice_session=TALK, x_lattice_memory="off")
    for cycle in ("consolidate", "reflect", "profile", "statements", "percolate", "dream"):
        run(house, cycle)
    until(lambda: house.get("/v1/paradoxes")["paradoxes"])
    holding = {name.partition("-")[0] for name in files_with_the_word(data_dir)}
    assert {"memory.db", "paradox.db", "thinking.db"} <= holding, holding

    gone = delete(house, f"/v1/sessions/{quote(TALK)}")["ids"]
    assert len(gone) >= len(history)
    assert delete(house, f"/v1/memories/{made[0]['id']}")["withheld"] == [mixed["id"]]
    for record in listed(house):
        if WORD in json.dumps(record):
            delete(house, f"/v1/memories/{record['id']}")

    until(lambda: not files_with_the_word(data_dir), lambda: str(files_with_the_word(data_dir)))
    assert house.get("/v1/paradoxes")["paradoxes"] == []
    assert WORD not in json.dumps(house.post("/v1/memories/search", {"query": f"{WORD} pianist Porto", "k": 50}))
    assert [record["text"] for record in listed(house) if not record["withheld"]].count("A pianist plays.") == 1


def test_of_a_namespace_that_is_forgotten_not_even_the_name_is_left(
    house: House, script: SyncModelServer, data_dir: Path
) -> None:
    """In no file of anybody's, log and run directory included. What it cost stays in the accounts, under no name."""
    script.always(mode="echo")
    theirs = {"x_lattice_namespace": f"{WORD}s & co"}
    fill(house, theirs)
    holding = {name.partition("-")[0] for name in files_with_the_word(data_dir)}
    assert {"memory.db", "paradox.db", "thinking.db", "daemon.db", "llm.db"} <= holding, holding
    spent = calls(house)

    gone = delete(house, f"/v1/namespaces/{quote(theirs['x_lattice_namespace'])}")
    assert gone["memories"] >= len(SAID)
    assert gone["sessions"] == 1

    until(lambda: not files_with_the_word(data_dir), lambda: str(files_with_the_word(data_dir)))
    assert calls(house) == spent
    assert "(forgotten)" in {row["namespace"] for row in house.get("/v1/llm/usage")["rows"]}
    assert house.get("/v1/memories/stats", **theirs)["count"] == 0
    assert house.get("/v1/sessions", **theirs)["sessions"] == []
    assert house.get("/v1/daemon/profile", **theirs)["speakers"] == {}
    assert house.get("/v1/paradoxes", **theirs)["paradoxes"] == []


def test_a_kill_in_the_middle_of_forgetting_a_namespace_leaves_no_half_of_it(
    house: House, script: SyncModelServer, data_dir: Path
) -> None:
    """Every actor that has something of it is killed at once while it is being forgotten; the request is answered."""
    script.always(mode="echo")
    theirs = {"x_lattice_namespace": f"{WORD}s & co"}
    fill(house, theirs)
    for page in range(4):
        records = [{"text": f"{WORD} number {page} {number}", "session": TALK} for number in range(1000)]
        house.post("/v1/memories", {"memories": records}, **theirs)

    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(delete_patiently, house, f"/v1/namespaces/{quote(theirs['x_lattice_namespace'])}")
        until(lambda: house.get("/v1/memories/stats", **theirs)["count"] == 0)
        for name in ("memory", "paradox", "thinking", "daemon", "llm"):
            house.kill(house.pid(name))
        assert asked.result()["memories"] >= 4000

    until(lambda: not files_with_the_word(data_dir), lambda: str(files_with_the_word(data_dir)))


def fill(house: House, theirs: dict[str, str]) -> None:
    """A talk, its thoughts, a contradiction, a profile, what a model was asked in the background, a record with all names."""
    history: list[dict[str, str]] = []
    for text in SAID:
        history.append({"role": "user", "content": text, "name": WORD})
        body = {"messages": history, "reasoning_effort": "high"}
        answer = house.post("/v1/chat/completions", body, x_lattice_session=TALK, **theirs)
        history.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})
    house.post("/v1/chat/completions", {"messages": history[:1]}, x_lattice_session=TALK, x_lattice_memory="off", **theirs)
    record = {"text": f"A {WORD} plays.", "key": WORD, "speaker": WORD, "metadata": {WORD: WORD}}
    house.post("/v1/memories", record, idempotency_key=WORD, **theirs)
    house.post("/v1/memories/search", {"query": WORD}, **theirs)
    for cycle in ("consolidate", "reflect", "profile", "personality", "statements", "decay", "dream"):
        run(house, cycle)
    until(lambda: house.get("/v1/paradoxes", **theirs)["paradoxes"])


def calls(house: House) -> int:
    return sum(row["calls"] for row in house.get("/v1/llm/usage")["rows"])


def run(house: House, cycle: str) -> None:
    """Run a cycle and wait for its end; one that runs by its schedule just now will do."""
    try:
        house.post(f"/v1/daemon/cycles/{cycle}/run", {})
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.CONFLICT:
            raise
    until(lambda: all(one["state"] != "running" for one in house.get(f"/v1/daemon/runs?cycle={cycle}")["runs"]))


def listed(house: House) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        page = house.get(f"/v1/memories?limit=100{cursor}")
        yield from page["memories"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


def delete(house: House, path: str) -> Any:
    return house.call(urllib.request.Request(house.url + path, method="DELETE"))


def delete_patiently(house: House, path: str) -> Any:
    """On a machine that has much else to do, erasing may take longer than a request."""
    while True:
        try:
            return delete(house, path)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or b"erased" not in error.read():
                raise


def patch(house: House, memory: str, body: Any, *, idempotency_key: str) -> Any:
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key}
    url = f"{house.url}/v1/memories/{memory}"
    return house.call(urllib.request.Request(url, json.dumps(body).encode(), headers, method="PATCH"))


def files_with_the_word(directory: Path) -> list[str]:
    """Files that hold the word, or the stem that the full-text index has of it, in either case."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [str(path.relative_to(directory)) for path in files if STEM.encode() in path.read_bytes().lower()]


def until(holds: Any, told: Any = lambda: "") -> None:
    """Wait until something holds; the house is asked again and again, and answers as fast as it can."""
    limit = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < limit, told()
