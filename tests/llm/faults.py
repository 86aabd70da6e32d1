"""Every fault of an endpoint, as the scripted server has it or as an address has it: for the tests and the benchmark."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """A fault: what the scripted server is told, or where the endpoint is said to be."""

    name: str
    script: dict[str, Any] = field(default_factory=dict)
    url: str | None = None
    """In place of the server's; `{port}` is its port."""


FAULTS = (
    Fault("refuse", url="http://127.0.0.1:{closed}/v1"),
    Fault("hang at connect", url="http://127.0.0.1:{full}/v1"),
    Fault("hang before the first token", {"fault": "hang_first_token"}),
    Fault("hang before the headers", {"fault": "hang"}),
    Fault("hang in the middle", {"fault": "hang_mid"}),
    Fault("one byte a second", {"fault": "drip", "delay_between_s": 1.0}),
    Fault("429", {"fault": "status", "status": 429}),
    Fault("429, Retry-After 30", {"fault": "status", "status": 429, "retry_after": "30"}),
    Fault("500", {"fault": "status", "status": 500}),
    Fault("502 with HTML", {"fault": "html"}),
    Fault("200 with an error inside", {"fault": "error_inside"}),
    Fault("garbage JSON", {"fault": "garbage"}),
    Fault("cut stream", {"fault": "cut"}),
    Fault("cut without finish", {"fault": "cut_clean"}),
    Fault("wrong content type", {"fault": "wrong_type"}),
    # A long word: with short ones the scripted server needs two processors to say as much to 32 clients.
    Fault("endless stream", {"fault": "endless", "text": "again_and_again_and_again_ ", "delay_between_s": 0.001}),
    Fault("connection reset", {"fault": "refuse"}),
    Fault("TLS failure", url="https://127.0.0.1:{port}/v1"),
    Fault("DNS failure", url="http://nowhere.invalid/v1"),
)


@contextmanager
def addresses(port: int) -> Iterator[dict[str, int]]:
    """Ports for faults that are addresses: one where nobody listens, one whose backlog is full, so that connecting hangs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = listener.getsockname()[1]
        filling = []
        try:
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", full))
                filling.append(filler)

            yield {"port": port, "closed": closed, "full": full}
        finally:
            for filler in filling:
                filler.close()
