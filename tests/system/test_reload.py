"""Settings read again, and every actor replaced, while requests go on: none fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, ROOT, House


@contextmanager
def load(house: House) -> Iterator[list[str]]:
    """Clients that never stop asking, with the openai package as it comes; what they were answered."""
    over, answers = threading.Event(), []
    client = house.openai()

    def ask(_: int) -> None:
        while not over.is_set():
            said = client.chat.completions.create(model="gpt-test", messages=[{"role": "user", "content": "Are you there?"}])
            answers.append(said.choices[0].message.content)

    with ThreadPoolExecutor(3) as clients:
        asking = [clients.submit(ask, number) for number in range(3)]
        try:
            yield answers
        finally:
            over.set()
    for asked in asking:
        asked.result()


def printed(house: House, text: str, within_s: float = 50.0) -> None:
    """Wait until `up` has printed this."""
    until = time.monotonic() + within_s
    while text not in house.output:
        house.read(until - time.monotonic())


@pytest.mark.timeout(170)  # on a busy machine a house takes half a minute to start, and as much to be restarted
def test_a_rolling_restart_and_a_reload_under_load_fail_no_request(model: SyncModelServer, data_dir: Path) -> None:
    model.always(mode="say", text="Yes.")
    config = ENDPOINT.format(url=model.base_url) + "\n[gateway]\ndrain_s = 1.0\n"
    with House(data_dir, config=config) as house:
        before = {name: actor["pid"] for name, actor in house.actors().items()}
        with load(house) as answers:
            restarted = subprocess.run(
                [sys.executable, ROOT / "run.py", "restart", "--all", "--data-dir", data_dir], check=True, capture_output=True
            )
            after = {name: actor["pid"] for name, actor in house.actors().items()}
            assert len(restarted.stdout.splitlines()) == len(after)
            assert not [name for name in after if after[name] == before[name]]

            house.config.write_text(config + "\n[paradox]\nnonsense = 1\n")
            os.kill(house.process.pid, signal.SIGHUP)
            printed(house, "paradox.nonsense: there is no such setting")
            assert {name: actor["pid"] for name, actor in house.actors().items()} == after

            house.config.write_text(config + 'host = "127.0.0.2"\n')
            os.kill(house.process.pid, signal.SIGHUP)
            printed(house, "gateway.host cannot change while the house runs")

            house.config.write_text(config + "max_in_flight = 77\n")
            os.kill(house.process.pid, signal.SIGHUP)
            printed(house, "gateway      runs with its new settings")
            changed = {name for name, actor in house.actors().items() if actor["pid"] != after[name]}
            assert changed == {"gateway"}
        assert set(answers) == {"Yes."}

        with held_stream(house, model) as finished:
            restart_gateway(house)
            model.release()
            assert finished() == LONG

        with held_stream(house, model) as unfinished:
            restart_gateway(house)
            # What lingers is told that time is up, as those are that have no successor.
            assert house.stop() == 0
            with pytest.raises(openai.APIError, match="being stopped"):
                unfinished()
    assert house.process.returncode == 0


LONG = "an answer that is longer than the gateway's time to drain"


@contextmanager
def held_stream(house: House, model: SyncModelServer) -> Iterator[Callable[[], str]]:
    """A stream in the middle of which the model stands still; what it has said at its end."""
    model.next({"fault": "hang_mid", "text": LONG, "after_tokens": 2})
    said = []
    with house.openai().chat.completions.create(
        model="gpt-test", stream=True, messages=[{"role": "user", "content": "Tell me more."}]
    ) as stream:
        chunks = iter(stream)
        while not "".join(said):
            said += [choice.delta.content or "" for choice in next(chunks).choices]

        def rest() -> str:
            return "".join(said + [choice.delta.content or "" for chunk in chunks for choice in chunk.choices])

        yield rest


def restart_gateway(house: House) -> None:
    """Another process is the gateway afterwards."""
    before = house.pid("gateway")
    command = [sys.executable, ROOT / "run.py", "restart", "gateway", "--data-dir", house.data_dir]
    subprocess.run(command, check=True, capture_output=True)
    assert house.pid("gateway") != before
