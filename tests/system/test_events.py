"""A browser's EventSource on /v1/events, which connects again by itself, through kills of the gateway and of the daemon."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.daemon.messages import ListRuns, RunCycle
from actors.host import Host
from tests.browser import Browser, Page, needs_chromium
from tests.system.house import House
from transport.addresses import run_directory

pytestmark = [pytest.mark.system, pytest.mark.timeout(240), needs_chromium]

LISTEN = """
window.seen = [];
window.source = new EventSource("v1/events");
// What is waited for is looked at whenever the page changes.
source.onopen = () => document.body.append("open");
source.onmessage = (event) => {
  seen.push({ id: event.lastEventId, ...JSON.parse(event.data) });
  document.body.append("told");
};
"""


@pytest.fixture
async def page(house: House) -> AsyncIterator[Page]:
    async with Browser() as browser:
        yield await browser.open(house.url)


async def seen(page: Page) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(await page.evaluate("JSON.stringify(seen)"))
    return told


async def run(host: Host) -> str:
    """Has a cycle run, asked past the gateway; returns once it has."""
    daemon = host.ref("daemon")
    name: str = (await daemon.ask(RunCycle(name="decay"))).run.id
    while next(run for run in (await daemon.ask(ListRuns(cycle="decay"))).runs if run.id == name).state == "running":
        await daemon.ask(ListRuns(cycle="decay", wait_ms=5000))
    return name


async def test_nothing_is_missed_through_a_killed_gateway_and_a_killed_daemon_is_told(house: House, page: Page) -> None:
    await page.shows("#listening", "live")
    await page.evaluate(LISTEN)
    await page.until("source.readyState === EventSource.OPEN")
    async with Host(run_dir=run_directory(house.data_dir), bind=False) as host:
        first = await run(host)
        await page.until(f"seen.some(e => e.run === {first!r} && e.what === 'ended')")

        house.kill(house.pid("gateway"))
        second = await run(host)
        await page.until(f"seen.some(e => e.run === {second!r} && e.what === 'ended')")
        events = await seen(page)
        assert "missed" not in {event["what"] for event in events}
        numbers = [int(event["id"].rpartition(".")[2]) for event in events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

        house.kill(house.pid("daemon"))
        await page.until("seen.some(e => e.what === 'missed')")
        third = await run(host)
        await page.until(f"seen.some(e => e.run === {third!r} && e.what === 'ended')")
