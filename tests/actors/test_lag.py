"""The lag watch measures, and names what held the loop."""

from __future__ import annotations

from actors.system import SysDump, SysMetrics
from tests.actors.conftest import Echo, Hold


async def test_what_holds_the_loop_for_more_than_100_ms_is_named_by_its_stack(probe, home, lines):
    await probe.ask(Hold(seconds=0.3))
    stall = (await probe.ask(SysDump())).stalls[0]
    assert "hold_the_loop" in stall.stack
    assert any(line["message"] == "the loop is held" for line in lines)
    assert home.stats()["loop_lag_ms"] > 100
    metrics = {metric.name: metric for metric in (await probe.ask(SysMetrics())).metrics}
    assert metrics["lattice_loop_held_total"].samples[0].value == 1


async def test_a_loop_that_is_only_busy_is_not_blamed(probe, home):
    for _ in range(500):
        await probe.ask(Echo(text="x"))
    assert home.lag.stall_count == 0
