"""Time to the first byte of an answer on each rung of thinking's ladder, through the gateway; and of the model asked directly.

python -m benchmarks.ladder [--requests 100]

Each rung is brought about in a real house: the model is a scripted one that answers at once, an endpoint that is gone is a
closed port.
For a stream the first byte is the first piece with content; for "cannot" it is the error.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import percentile, table
from tests.model_server.fixture import SyncModelServer
from tests.ports import free_port
from tests.system.house import House

ENDPOINT = """
[[llm.endpoints]]
name = "{name}"
base_url = "{url}"
models = ["{model}"]
"""
TOOL = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}

Prepare = Callable[[], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=100)
    count = parser.parse_args().requests
    rows: list[list[Any]] = []

    with SyncModelServer() as model, tempfile.TemporaryDirectory(prefix="lattice-") as directory:
        model.always(text="Yes.")
        rows.append(["(model alone)", *measured(model.port, count, {"model": "m"})])

        with House(Path(directory) / "a", config=ENDPOINT.format(name="first", url=model.base_url, model="gpt-test")) as house:

            def run(rung: str, label: str, body: dict[str, Any], prepare: Prepare | None = None) -> None:
                rows.append([label, *measured(house.port, count, body, rung=rung, prepare=prepare)])

            run("full", "full, one call", {})
            run("full", "full, effort low", {"reasoning_effort": "low"})
            run(
                "full",
                "full, effort medium",
                {"reasoning_effort": "medium"},
                lambda: said(model, "Draft.", "Change it.", "Yes."),
            )
            run(
                "full",
                "full, effort high",
                {"reasoning_effort": "high"},
                lambda: said(model, "READY", "Yes.", "Yes.", "Yes.", "A"),
            )
            run(
                "fewer_steps",
                "fewer steps",
                {"reasoning_effort": "medium"},
                lambda: model.next({"text": "Draft."}, {"text": "Change it."}, {"fault": "status", "status": 400}),
            )
            run("one_call", "one call", {"reasoning_effort": "medium", "tools": [TOOL]})

        gone = f"http://127.0.0.1:{free_port()}/v1"
        config = '[llm]\nother_models = false\n[thinking]\nsmaller_model = "gpt-small"\n'
        config += ENDPOINT.format(name="first", url=gone, model="gpt-test")
        config += ENDPOINT.format(name="second", url=model.base_url, model="gpt-small")
        with House(Path(directory) / "b", config=config) as house:
            rows.append(
                [
                    "smaller model",
                    *measured(house.port, count, {"model": "gpt-test"}, rung="smaller_model"),
                ]
            )

        with House(Path(directory) / "c", config=ENDPOINT.format(name="first", url=gone, model="gpt-test")) as house:
            house.post("/v1/memories", {"text": "Ana lives in Porto."})
            rows.append(["answer from memory", *measured(house.port, count, {}, rung="memory")])
            asked = {"response_format": {"type": "json_object"}}
            rows.append(["cannot now", *measured(house.port, count, asked, rung="cannot")])

    print(table(["rung", "p50 ms", "p99 ms", "rungs that it ended on"], rows))


def said(model: SyncModelServer, *texts: str) -> None:
    """What the model says to the next calls."""
    model.next(*({"text": text} for text in texts))


def measured(port: int, count: int, extra: dict[str, Any], *, rung: str = "", prepare: Prepare | None = None) -> list[Any]:
    """p50 and p99 of the time to the first byte in ms, and on which rungs the answers ended; the first request is left out."""
    took, ended = [], dict[str, int]()
    for number in range(count + 1):
        if prepare is not None:
            prepare()

        body = {
            "model": "default",
            "stream": True,
            "messages": [{"role": "user", "content": f"Where does Ana live, {number}?"}],
            **extra,
        }
        first, on = one(port, body)
        ended[on or "(none)"] = ended.get(on or "(none)", 0) + 1
        if number:
            took.append(first)

    others = {name: n for name, n in ended.items() if name != rung}
    return [percentile(took, 50) * 1000, percentile(took, 99) * 1000, "all" if rung and not others else ended if rung else ""]


def one(port: int, body: dict[str, Any]) -> tuple[float, str]:
    """Seconds to the first content (or the error) of one request, and the rung that the answer names."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    data = json.dumps(body).encode()
    began = time.perf_counter()
    connection.request("POST", "/v1/chat/completions", data, {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        response.read()
        connection.close()
        assert response.headers["Retry-After"], response.status
        return time.perf_counter() - began, "cannot"

    first = 0.0
    rung = ""
    while line := response.readline():
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        said_now = any(choice["delta"].get("content") for choice in chunk.get("choices", []))
        if said_now and not first:
            first = time.perf_counter() - began
        rung = chunk.get("lattice", {}).get("rung", rung)
    connection.close()
    return first or time.perf_counter() - began, rung


if __name__ == "__main__":
    main()
