"""Starts the scripted server as a process of its own, tells it what to do, reads what it saw, and ends it.

    async with ModelServer() as server:
        await server.next({"fault": "hang_mid"}, {"mode": "echo"})
        ...                                                   # talk to server.base_url
        log = await server.log(hung_up=1)                     # waits until one client has hung up

`SyncModelServer` is the same for tests without a loop.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import urllib.error
import urllib.request
from typing import Any, Self
from urllib.parse import urlencode

from tests.fork_server import Forked, server_for
from tests.ports import free_port

START_S = 60.0
"""A second on a machine that does nothing else; one that does much took more than twenty."""

MODULE = "tests.model_server.__main__"


class SyncModelServer:
    """The server's process, driven over HTTP; every call blocks for a few milliseconds."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self.process: Forked | None = None
        self.stdin = -1
        """It ends when nobody can write there any more."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL (Anthropic's take `url`)."""
        return f"{self.url}/v1"

    def start(self) -> None:
        """Start it, on the same port as before where it had one."""
        reading, self.stdin = os.pipe()
        said, stdout = os.pipe()
        with os.fdopen(said) as lines:
            try:
                self.process = server_for(MODULE).start(
                    "--port", str(self.port), "--until-stdin-ends", stdin=reading, stdout=stdout
                )
            finally:
                os.close(reading)
                os.close(stdout)
            ready, _, _ = select.select([lines], [], [], START_S)
            line = lines.readline().strip() if ready else ""
        if not line.startswith("http://"):
            self.stop()
            raise RuntimeError("the scripted model server did not start")

        self.port = int(line.rpartition(":")[2])

    def stop(self) -> None:
        """End it at once: from now on connections to it are refused. `start` brings it back, with an empty script and log."""
        if self.process is None:
            return

        process, self.process = self.process, None
        process.kill()
        process.wait()
        os.close(self.stdin)

    def pause(self) -> None:
        """Stop the process in its tracks: the kernel still takes connections, nobody answers. `resume` lets it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def always(self, **behaviour: Any) -> None:
        """What every request gets for which nothing is queued."""
        self.call("POST", "/script", {"default": behaviour})

    def next(self, *behaviours: dict[str, Any]) -> None:
        """Queue behaviours: one for each of the requests that come next (or for `times` of them)."""
        self.call("POST", "/script", {"next": list(behaviours)})

    def models(self, *names: str) -> None:
        """What /v1/models lists."""
        self.call("POST", "/script", {"models": list(names)})

    def reset(self) -> None:
        """Forget script and log, let go what hangs."""
        self.call("POST", "/script", {"clear": True})
        self.call("DELETE", "/log")
        self.release()

    def release(self) -> None:
        """Let go what hangs now."""
        self.call("POST", "/release")

    def log(self, *, wait_s: float | None = None, listings: bool = False, **wanted: int) -> list[dict[str, Any]]:
        """Requests as they came: n, path, headers, body, state, tokens, fault, connection, started.

        Those for the list of models with `listings` alone.

        With `seen`, `finished`, `faulted`, `hung_up` or `holding` it waits until there are at least so many, and fails after
        `wait_s` seconds: 5 for those that hang up, since their own time would have them do so later anyway, 30 for the others.
        """
        wait_s = (5.0 if "hung_up" in wanted else 30.0) if wait_s is None else wait_s
        answer = self.call("GET", f"/log?{urlencode({**wanted, 'wait_s': wait_s, **({'listings': 1} if listings else {})})}")
        if not answer["reached"]:
            raise AssertionError(f"the log never held {wanted}: {[(s['path'], s['state']) for s in answer['requests']]}")

        requests: list[dict[str, Any]] = answer["requests"]
        return requests

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=70) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(error.read().decode()) from None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class ModelServer:
    """The same for tests on a loop."""

    def __init__(self, port: int = 0) -> None:
        self.sync = SyncModelServer(port)

    @property
    def url(self) -> str:
        return self.sync.url

    @property
    def base_url(self) -> str:
        return self.sync.base_url

    async def start(self) -> None:
        await asyncio.to_thread(self.sync.start)

    async def stop(self) -> None:
        await asyncio.to_thread(self.sync.stop)

    def pause(self) -> None:
        self.sync.pause()

    def resume(self) -> None:
        self.sync.resume()

    async def always(self, **behaviour: Any) -> None:
        await asyncio.to_thread(lambda: self.sync.always(**behaviour))

    async def next(self, *behaviours: dict[str, Any]) -> None:
        await asyncio.to_thread(self.sync.next, *behaviours)

    async def models(self, *names: str) -> None:
        await asyncio.to_thread(self.sync.models, *names)

    async def reset(self) -> None:
        await asyncio.to_thread(self.sync.reset)

    async def release(self) -> None:
        await asyncio.to_thread(self.sync.release)

    async def log(self, *, wait_s: float | None = None, listings: bool = False, **wanted: int) -> list[dict[str, Any]]:
        return await asyncio.to_thread(lambda: self.sync.log(wait_s=wait_s, listings=listings, **wanted))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
