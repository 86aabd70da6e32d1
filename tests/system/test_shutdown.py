"""SIGTERM under a full load: in time, exit 0, nothing acknowledged lost, and what still ran is named."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from chaos import evidence
from chaos.checker import check
from chaos.history import read
from chaos.load import Load, Mix
from supervisors.supervision import LEAST_DRAIN_S
from tests.model_server.fixture import SyncModelServer
from tests.system.house import ENDPOINT, House
from transport.addresses import run_directory

DRAIN_S = 3.0
TIMES = f"\n[gateway]\ndrain_s = {DRAIN_S - 1}\n\n[supervision]\ndrain_s = {DRAIN_S}\n"
SLACK_S = 6.0
"""What a loaded machine takes to end ten processes that have nothing left to do."""

CLIENTS = Mix(write=2, chat=2, raw=1, think=1, feed=0)


def test_up_stops_in_time_under_full_load_and_names_what_still_ran(short_dir: Path) -> None:
    with (
        SyncModelServer() as models,
        House(short_dir / "data", config=ENDPOINT.format(url=models.base_url) + TIMES) as house,
        ThreadPoolExecutor(1) as client,
    ):
        models.always(mode="echo")
        models.next({"fault": "hang"})
        hanging = client.submit(ask_once, house)
        models.log(holding=1)
        histories = short_dir / "histories"
        load = Load(house.url, run_directory(house.data_dir), histories, namespace="load", seed="stop", mix=CLIENTS)
        load.start()
        try:
            until_acknowledged(histories, 20)
            began = time.monotonic()
            assert house.stop() == 0, house.output
            took = time.monotonic() - began
            output = house.output

            assert took < DRAIN_S + 6 * LEAST_DRAIN_S + SLACK_S
            assert "1 still running: POST /v1/chat/completions for" in output
            refused = hanging.result()
            assert refused.status_code == 503
            assert refused.response.headers["x-should-retry"] == "true"
            assert not house.pids()

            models.release()
            house.start()
            until_acknowledged(histories, acknowledged(histories) + 10)
        finally:
            load.stop()

        verdict = check(read(histories), evidence.records_told(house.get, "load"))
        assert [str(found) for found in verdict.violations] == []
        assert verdict.writes > 10


def ask_once(house: House) -> openai.APIStatusError:
    """What a chat is refused with."""
    with pytest.raises(openai.APIStatusError) as refused:
        house.openai(max_retries=0).chat.completions.create(
            model="gpt-test", messages=[{"role": "user", "content": "Take your time."}]
        )
    return refused.value


def acknowledged(histories: Path) -> int:
    """How often the clients have been answered."""
    return sum(path.read_bytes().count(b'"ok"') for path in histories.glob("*.jsonl"))


def until_acknowledged(histories: Path, count: int) -> None:
    """Until the clients were answered so often."""
    until = time.monotonic() + 60
    while acknowledged(histories) < count:
        assert time.monotonic() < until, f"not {count} answers within a minute"
        # Looking costs the house the core that it answers with.
        time.sleep(0.05)
