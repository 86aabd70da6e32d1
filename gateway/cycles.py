"""/v1/daemon: the cycles of the background life and their runs. They are shared by all namespaces."""

from __future__ import annotations

from actors.daemon import messages as daemon
from actors.message import Name
from gateway.bodies import Query
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Daemon", access="operator")


class RunsQuery(Query):
    """Which runs."""

    cycle: Name | None = None


@routes.get("/v1/daemon/cycles")
async def listed(call: Incoming) -> daemon.Cycles:
    """All cycles: their schedule, when each is due, whether it is paused."""
    told: daemon.Cycles = await call.ask(daemon.ListCycles())
    return told


@routes.post("/v1/daemon/cycles/{name}/run", status=202)
async def run(call: Incoming) -> daemon.Run:
    """Run a cycle now. Answers once the run has begun; /v1/daemon/runs says how it ends."""
    told: daemon.RunStarted = await call.ask(daemon.RunCycle(name=call.path("name")), key=call.write_key)
    return told.run


@routes.post("/v1/daemon/cycles/{name}/pause")
async def pause(call: Incoming) -> daemon.Cycle:
    """Run a cycle no more on its schedule."""
    told: daemon.CycleChanged = await call.ask(daemon.PauseCycle(name=call.path("name")), key=call.write_key)
    return told.cycle


@routes.post("/v1/daemon/cycles/{name}/resume")
async def resume(call: Incoming) -> daemon.Cycle:
    """Run a cycle on its schedule again."""
    told: daemon.CycleChanged = await call.ask(daemon.ResumeCycle(name=call.path("name")), key=call.write_key)
    return told.cycle


@routes.get("/v1/daemon/runs")
async def runs(call: Incoming, query: RunsQuery) -> daemon.Runs:
    """Runs, latest first."""
    told: daemon.Runs = await call.ask(daemon.ListRuns(cycle=query.cycle, limit=query.limit, cursor=query.cursor))
    return told
