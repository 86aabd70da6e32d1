"""/v1/daemon: the background life. Cycles and runs are shared by all namespaces; what came of them belongs to one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from actors.daemon import messages as daemon
from actors.message import Name
from gateway.bodies import HouseQuery, Limit, NamespaceQuery
from gateway.incoming import Incoming
from gateway.route import Routes

__all__ = ["routes"]

routes = Routes("Daemon", access="operator")


class RunsQuery(HouseQuery):
    """Of which cycle runs are listed, and how many."""

    cycle: Name | None = None
    limit: Limit = 100
    cursor: Name | None = None


class SetAsideQuery(HouseQuery):
    """Of which cycle work that was set aside is listed; of all without."""

    cycle: Name | None = None


class ProfileQuery(NamespaceQuery):
    """Whose profile; everybody's without."""

    speaker: Name | None = None


class StatementsQuery(NamespaceQuery):
    """Which statements are listed, and how many."""

    state: Literal["open", "delivered", "expired", "all"] = "open"
    limit: Annotated[int, Field(ge=1, le=daemon.MOST_STATEMENTS)] = 20
    asker: Name | None = None
    """Only what may be brought up to whoever goes by this name; everything without."""


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


@routes.post("/v1/daemon/cycles/{name}/rehearse")
async def rehearse(call: Incoming) -> daemon.Rehearsed:
    """A dry run: what the cycle would do now. Nothing is written, and no model is asked."""
    told: daemon.Rehearsed = await call.ask(daemon.Rehearse(name=call.path("name")))
    return told


@routes.get("/v1/daemon/runs")
async def runs(call: Incoming, query: RunsQuery) -> daemon.Runs:
    """Runs, latest first."""
    told: daemon.Runs = await call.ask(daemon.ListRuns(cycle=query.cycle, limit=query.limit, cursor=query.cursor))
    return told


@routes.get("/v1/daemon/set-aside")
async def set_aside(call: Incoming, query: SetAsideQuery) -> daemon.SetAsides:
    """Work that failed again and again and was left out, with its error."""
    told: daemon.SetAsides = await call.ask(daemon.ListSetAside(cycle=query.cycle))
    return told


@routes.post("/v1/daemon/set-aside/{cycle}/{id}/retry")
async def retry(call: Incoming) -> daemon.Retried:
    """Give such work another chance, at the cycle's next run."""
    told: daemon.Retried = await call.ask(daemon.Retry(cycle=call.path("cycle"), id=call.path("id")), key=call.write_key)
    return told


@routes.get("/v1/daemon/profile", access="tenant")
async def profile(call: Incoming, query: ProfileQuery) -> daemon.Profile:
    """What is known of the people who speak in a namespace, with confidence and evidence; and the assistant's own aspects."""
    told: daemon.Profile = await call.ask(daemon.GetProfile(namespace=call.namespace, speaker=query.speaker))
    return told


@routes.get("/v1/daemon/statements", access="tenant")
async def statements(call: Incoming, query: StatementsQuery) -> daemon.Statements:
    """What the assistant would like to bring up, most urgent first. `state=all`: also what it has said, or let go.

    `confided_by` names those who told in confidence what a statement is about: it is for nobody else to hear.
    """
    state = None if query.state == "all" else query.state
    told: daemon.Statements = await call.ask(
        daemon.ListStatements(namespace=call.namespace, state=state, limit=query.limit, asker=query.asker)
    )
    return told
