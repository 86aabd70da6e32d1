"""Significant children, whose end may be the supervisor's, and rules that change while children run."""

from __future__ import annotations

import pytest

from actors.supervision import AddChild, Reconfigure
from tests.supervisors.otp.erlang import RESTARTING, UNDEFINED, supervisor, worker
from transport.errors import Invalid

POLICIES = ("never", "any_significant", "all_significant")


def child(name, restart="transient", *, significant=True, **more):
    return {"name": name, "restart": restart, "significant": significant, **more}


async def test_otp_nonsignificant_temporary(world):
    for policy in POLICIES:
        sup = await world.sup(f"s-{policy}", auto_shutdown=policy)
        for way in ("terminate", "kill", "crash", "normal"):
            await sup.start_child(child("child1", "temporary", significant=False))
            await (sup.terminate_child("child1") if way == "terminate" else sup.end("child1", way))
            assert await sup.which_children() == []
        assert await sup.alive()
        assert await sup.shutdown() == "shutdown"


async def test_otp_nonsignificant_transient(world):
    for policy in POLICIES:
        sup = await world.sup(f"s-{policy}", auto_shutdown=policy, intensity=5, children=[child("child1", significant=False)])
        await sup.terminate_child("child1")
        who = await sup.restart_child("child1")
        for way in ("kill", "crash"):
            await sup.end("child1", way)
            who = await sup.running("child1", other_than=who)
        await sup.end("child1", "normal")
        assert await sup.which_children() == [("child1", UNDEFINED)]
        assert await sup.alive()
        await sup.shutdown()


@pytest.mark.parametrize("way", ["kill", "crash", "normal"])
async def test_otp_significant_temporary(world, way):
    children = [child("child1", "temporary"), child("child2", "temporary"), child("child3", "temporary", significant=False)]
    any_one = await world.sup("any", auto_shutdown="any_significant", intensity=5, children=children)
    await any_one.terminate_child("child1")
    assert await any_one.alive()
    assert {name for name, _ in await any_one.which_children()} == {"child2", "child3"}
    await any_one.start_child(children[0])
    assert (await any_one.which_children())[0][0] == "child1"

    await any_one.end("child1", way)
    assert await any_one.exit() == "normal"
    assert [world.exits(name)[-1] for name in ("child2", "child3")] == ["shutdown", "shutdown"]
    if way != "normal":
        return

    every = await world.sup("all", auto_shutdown="all_significant", intensity=5, children=children)
    await every.end("child1", "normal")
    assert await every.alive()
    await every.end("child2", "normal")
    assert await every.exit() == "normal"
    assert world.exits("child3")[-1] == "shutdown"


async def test_otp_significant_transient(world):
    children = [child("child1"), child("child2"), child("child3", significant=False)]
    any_one = await world.sup("any", auto_shutdown="any_significant", intensity=5, children=children)
    await any_one.terminate_child("child1")
    assert await any_one.alive()
    who = await any_one.restart_child("child1")
    for way in ("kill", "crash"):
        await any_one.end("child1", way)
        who = await any_one.running("child1", other_than=who)
    assert await any_one.alive()
    await any_one.end("child1", "normal")
    assert await any_one.exit() == "normal"
    assert [world.exits(name)[-1] for name in ("child2", "child3")] == ["shutdown", "shutdown"]

    every = await world.sup("all", auto_shutdown="all_significant", intensity=5, children=children)
    await every.end("child1", "normal")
    assert await every.alive()
    await every.end("child2", "normal")
    assert await every.exit() == "normal"


async def test_otp_significant_simple(world):
    simple = {"strategy": "simple_one_for_one", "template": {}}
    for policy in ("any_significant", "all_significant"):
        with pytest.raises(Invalid, match="none is significant"):
            AddChild.parse({"child": {"name": "sup", "supervises": {**simple, "auto_shutdown": policy}}})
    sup = await world.sup(**simple, auto_shutdown="never")
    assert await sup.shutdown() == "shutdown"


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_otp_significant_bystander(world, strategy):
    children = [child("child1"), child("child2", significant=False), child("child3")]
    for policy in ("any_significant", "all_significant"):
        sup = await world.sup(policy, strategy=strategy, auto_shutdown=policy, intensity=5, children=children)
        before = dict(await sup.which_children())
        await sup.end("child2", "kill")
        gone = {"one_for_one": {"child2"}, "one_for_all": set(before), "rest_for_one": {"child2", "child3"}}[strategy]
        for name in gone:
            await sup.running(name, other_than=before[name])
        after = dict(await sup.which_children())
        assert {name for name in before if after[name] != before[name]} == gone
        assert await sup.alive()
        assert await sup.shutdown() == "shutdown"


@pytest.mark.parametrize("significant", [True, False])
async def test_otp_significant_escalation(world, significant):
    inner = supervisor(
        world,
        "inner",
        [worker(world, **child("worker"))],
        restart="transient",
        significant=significant,
        auto_shutdown="any_significant",
    )
    outer = await world.sup("outer", [inner], auto_shutdown="any_significant")
    await type(outer)(world, "inner").end("worker", "normal")

    await world.exit_of("inner")
    assert await world.exit_of("worker") == "normal"
    if significant:
        assert await outer.exit() == "normal"
    else:
        assert await outer.alive()
        assert await outer.which_children() == [("inner", UNDEFINED)]
        assert await outer.shutdown() == "shutdown"


async def test_otp_significant_upgrade_never_any(world):
    sup = await world.sup(auto_shutdown="never")
    with pytest.raises(Invalid, match="auto_shutdown is never"):
        await sup.start_child(child("child1"))
    await sup.reconfigure(auto_shutdown="any_significant")
    for name in ("child1", "child2"):
        await sup.start_child(child(name))
    await sup.end("child1", "normal")
    assert await sup.exit() == "normal"
    assert world.exits("child2") == ["shutdown"]


@pytest.mark.parametrize("policy", ["any_significant"])
async def test_otp_significant_upgrade_any_never(world, policy):
    await upgraded_to_never(world, policy)


@pytest.mark.parametrize("policy", ["all_significant"])
async def test_otp_significant_upgrade_all_never(world, policy):
    await upgraded_to_never(world, policy)


async def upgraded_to_never(world, policy):
    sup = await world.sup(auto_shutdown=policy, children=[child("child1")])
    await sup.reconfigure(auto_shutdown="never")
    assert await sup.alive()
    with pytest.raises(Invalid, match="auto_shutdown is never"):
        await sup.start_child(child("child2"))
    await sup.end("child1", "normal")
    assert await sup.alive()
    assert await sup.restart_child("child1")
    assert await sup.shutdown() == "shutdown"
    assert world.exits("child1") == ["normal", "shutdown"]


async def test_otp_significant_upgrade_never_all(world):
    sup = await world.sup(auto_shutdown="never")
    with pytest.raises(Invalid, match="auto_shutdown is never"):
        await sup.start_child(child("child1"))
    await sup.reconfigure(auto_shutdown="all_significant")
    for name in ("child1", "child2"):
        await sup.start_child(child(name))
    await sup.end("child1", "normal")
    assert await sup.alive()
    await sup.end("child2", "normal")
    assert await sup.exit() == "normal"


async def test_otp_significant_upgrade_any_all(world):
    sup = await world.sup(auto_shutdown="any_significant", children=[child("child1"), child("child2")])
    await sup.reconfigure([child("child1"), child("child2")], auto_shutdown="all_significant")
    await sup.end("child1", "normal")
    assert await sup.alive()
    await sup.end("child2", "normal")
    assert await sup.exit() == "normal"


async def test_otp_significant_upgrade_all_any(world):
    sup = await world.sup(auto_shutdown="all_significant", children=[child("child1"), child("child2")])
    await sup.reconfigure([child("child1"), child("child2")], auto_shutdown="any_significant")
    assert await sup.alive()
    await sup.end("child1", "normal")
    assert await sup.exit() == "normal"
    assert world.exits("child2") == ["shutdown"]


async def test_otp_significant_upgrade_child(world):
    plain, significant = child("child1", significant=False), child("child1")
    never = await world.sup("never", auto_shutdown="never", children=[plain])
    with pytest.raises(ValueError, match="auto_shutdown is never"):
        await never.reconfigure([significant], auto_shutdown="never")
    assert await never.alive()
    await never.shutdown()

    gains = await world.sup("gains", auto_shutdown="any_significant", children=[plain])
    await gains.reconfigure([significant], auto_shutdown="any_significant")
    assert await gains.alive()
    await gains.end("child1", "normal")
    assert await gains.exit() == "normal"

    loses = await world.sup("loses", auto_shutdown="any_significant", children=[significant])
    await loses.reconfigure([plain], auto_shutdown="any_significant")
    await loses.end("child1", "normal")
    assert await loses.alive()


async def refused(sup, spec, field):
    """A change that is wrong, said as a stranger would, leaves all as it was."""
    before = await sup.which_children()
    with pytest.raises(Invalid, match=field):
        await sup.ask(Reconfigure.parse({"spec": spec}))
    assert await sup.which_children() == before


async def test_otp_code_change(world):
    sup = await world.sup(intensity=0, period_s=1.0)
    await sup.reconfigure(intensity=1, period_s=3.0)
    await refused(sup, {"children": ["child1"]}, "children")
    await sup.reconfigure([{"name": "child1"}, {"name": "child2"}])
    assert await sup.which_children() == [("child2", UNDEFINED), ("child1", UNDEFINED)]
    one = await sup.restart_child("child1")
    two = await sup.restart_child("child2")

    await sup.reconfigure([{"name": "child1", "shutdown": 1.0}, {"name": "child3"}])
    assert await sup.which_children() == [("child2", two), ("child3", UNDEFINED), ("child1", one)]
    await sup.ask(Reconfigure(spec=None))
    for garbage in ("garbage", 17, []):
        await refused(sup, garbage, "spec")
    await refused(sup, {"intensity": "infinity"}, "intensity")
    await refused(sup, {"period_s": 0}, "period_s")

    # The flags hold: one restart is allowed now, where there was none.
    await sup.reconfigure([{"name": "child1"}], intensity=1, period_s=3600.0)
    await sup.crash("child1")
    assert await sup.running("child1", other_than=one) not in (UNDEFINED, RESTARTING)


async def test_otp_code_change_map(world):
    sup = await world.sup()
    await sup.reconfigure([{"name": "child1", "shutdown": 2.0}])
    assert (await sup.get_childspec("child1")).shutdown == 2.0
    one = await sup.restart_child("child1")
    await sup.reconfigure([{"name": "child1", "shutdown": 1.0}, {"name": "child3"}])
    assert (await sup.get_childspec("child1")).shutdown == 1.0
    assert await sup.running("child1") == one
    await refused(sup, {"children": [{"restart": "permanent"}]}, "name")
    await refused(sup, {"intensity": -1}, "intensity")
    await refused(sup, {"strategy": "none"}, "strategy")


@pytest.mark.parametrize("shutdown", [1.0])
async def test_otp_code_change_simple(world, shutdown):
    await change_of_template(world, {"shutdown": shutdown})


async def test_otp_code_change_simple_map(world):
    await change_of_template(world, {"shutdown": 1.0, "restart": "transient"})


async def change_of_template(world, template):
    sup = await world.sup(strategy="simple_one_for_one", intensity=0, period_s=1.0, template={"shutdown": 5.0})
    await sup.start_child("one")
    await sup.reconfigure(strategy="simple_one_for_one", template=template)
    assert (await sup.get_childspec("one")).shutdown == template["shutdown"]
    await refused(sup, {"strategy": "simple_one_for_one", "template": [template, template]}, "template")
    await refused(sup, {"strategy": "simple_one_for_one"}, "has a template")
    await refused(sup, {"strategy": "one_for_one"}, "one template stays one")
