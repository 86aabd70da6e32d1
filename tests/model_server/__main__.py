"""`python -m tests.model_server [--port N] [--until-stdin-ends]`: the server as a process."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from aiohttp import web

from tests.model_server.app import application


async def serve(port: int, *, until_stdin_ends: bool) -> None:
    """Serve on loopback until SIGTERM, or until whoever started it is gone."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    if until_stdin_ends:
        loop.add_reader(sys.stdin.fileno(), ended.set)

    runner = web.AppRunner(application(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    real = runner.addresses[0][1]
    sys.stdout.write(f"http://127.0.0.1:{real}\n")
    sys.stdout.flush()
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--until-stdin-ends", action="store_true")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, until_stdin_ends=arguments.until_stdin_ends))
