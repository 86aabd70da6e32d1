"""How supervisors and children start, and how a start that fails or has nothing to do is answered."""

from __future__ import annotations

import pytest

from actors.supervision import AddChild
from tests.supervisors.otp.erlang import UNDEFINED, refused
from transport.errors import Conflict, Invalid, NotFound, Unavailable


async def test_otp_sup_start_normal(world):
    sup = await world.sup()

    assert not sup.ignored
    assert await sup.shutdown() == "shutdown"


async def test_otp_sup_start_ignore_init(world):
    sup = await world.sup(arguments={"init": "ignore"})

    assert sup.ignored
    await world.quiet()
    assert world.exits("sup") == ["ignored"]
    assert not (await world.sup()).ignored


async def test_otp_sup_start_ignore_child(world):
    sup = await world.sup()
    world.verdict("child1", "ignore")

    assert await sup.start_child({"name": "child1", "shutdown": 20.0}) is UNDEFINED
    pid = await sup.start_child({"name": "child2", "shutdown": 20.0})
    assert await sup.which_children() == [("child2", pid), ("child1", UNDEFINED)]
    assert await sup.types() == {"worker"}
    assert await sup.count_children() == (2, 1, 0, 2)
    assert await sup.restart_child("child1") is UNDEFINED


async def test_otp_sup_start_ignore_temporary_child(world):
    world.verdict("child1", "ignore")
    sup = await world.sup(children=[{"name": name, "restart": "temporary", "shutdown": 20.0} for name in ("child1", "child2")])

    ((name, pid),) = await sup.which_children()
    assert name == "child2"
    assert pid
    assert await sup.count_children() == (1, 1, 0, 1)


async def test_otp_sup_start_ignore_temporary_child_start_child(world):
    sup = await world.sup()
    world.verdict("child1", "ignore")

    assert await sup.start_child({"name": "child1", "restart": "temporary"}) is UNDEFINED
    pid = await sup.start_child({"name": "child2", "restart": "temporary"})
    assert await sup.which_children() == [("child2", pid)]
    assert await sup.count_children() == (1, 1, 0, 1)
    world.verdict("child1", "ok")
    assert await sup.start_child({"name": "child1", "restart": "temporary"})


async def test_otp_sup_start_ignore_temporary_child_start_child_simple(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "temporary"})
    world.verdict("first", "ignore")

    assert await sup.start_child("first") is UNDEFINED
    pid = await sup.start_child("second")
    assert await sup.which_children() == [("second", pid)]
    assert await sup.count_children() == (1, 1, 0, 1)


async def test_otp_sup_start_ignore_permanent_child_start_child_simple(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "permanent"})
    world.verdict("first", "ignore")

    assert await sup.start_child("first") is UNDEFINED
    pid = await sup.start_child("second")
    assert await sup.which_children() == [("second", pid)]
    assert await sup.count_children() == (1, 1, 0, 1)
    assert await sup.shutdown() == "shutdown"


async def test_otp_sup_start_error_return(world):
    with pytest.raises(Unavailable, match=r"bad_return: .*spec_of_\w+ gave 'invalid'"):
        await world.sup(arguments={"init": "rubbish"})

    await world.quiet()
    assert len(world.exits("sup")) == 1


async def test_otp_sup_start_fail(world):
    with pytest.raises(Unavailable, match="RuntimeError: fail") as caught:
        await world.sup(arguments={"init": "fail"})

    assert 'raise RuntimeError("fail")' in caught.value.detail["traceback"]
    await world.quiet()
    assert len(world.exits("sup")) == 1


async def test_otp_sup_start_child_returns_error(world):
    sup = await world.sup()
    world.verdict("child1", "error")
    world.verdict("child2", "rubbish")

    for name, why in (("child1", "R1"), ("child2", "bad_return: a start returned object")):
        with pytest.raises(Unavailable, match=why) as caught:
            await sup.start_child({"name": name})
        assert why in caught.value.detail["reason"]
        assert caught.value.detail["child"]["id"] == world.unique(name)
    assert await sup.which_children() == []
    assert not [line for line in world.log() if "start_error" in line and world.unique("child1") in line]


async def test_otp_sup_start_restart_child_returns_error(world):
    sup = await world.sup(children=[{"name": "child1"}])
    world.verdict("child1", "error")

    await sup.terminate_child("child1")
    with pytest.raises(Unavailable, match="RuntimeError: R1") as caught:
        await sup.restart_child("child1")
    assert 'raise RuntimeError("R1")' in caught.value.detail["traceback"]
    assert await sup.which_children() == [("child1", UNDEFINED)]


async def test_otp_sup_start_child_returns_error_simple(world):
    sup = await world.sup(strategy="simple_one_for_one", template={})
    world.verdict("one", "error")
    world.verdict("two", "rubbish")

    for name, why in (("one", "R1"), ("two", "bad_return")):
        with pytest.raises(Unavailable, match=why) as caught:
            await sup.start_child(name)
        assert "child" not in caught.value.detail
    assert await sup.which_children() == []


async def test_otp_sup_start_map(world):
    sup = await world.sup(
        children=[{"name": "child1"}, {"name": "child2", "shutdown": "brutal"}, {"name": "child3", "type": "supervisor"}],
        escalation="terminate",
        intensity=1,
        period_s=5.0,
    )

    one, two, three = [await sup.get_childspec(name) for name in ("child1", "child2", "child3")]
    assert (one.restart, one.shutdown, one.type, one.significant) == ("permanent", 5.0, "worker", False)
    assert (two.restart, two.shutdown, two.type) == ("permanent", "brutal", "worker")
    assert (three.restart, three.shutdown, three.type) == ("permanent", "infinity", "supervisor")
    with pytest.raises(NotFound):
        await sup.get_childspec("child4")
    assert await sup.shutdown() == "shutdown"


async def test_otp_sup_start_map_simple(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "temporary"})
    for name in ("a", "b", "c"):
        await sup.start_child(name)

    specs = [(await sup.get_childspec(name)).model_dump(exclude={"name"}) for name in ("a", "b", "c")]
    assert specs[0] == specs[1] == specs[2]
    assert (specs[0]["restart"], specs[0]["shutdown"], specs[0]["type"]) == ("temporary", 5.0, "worker")
    with pytest.raises(NotFound):
        await sup.get_childspec("sup")


@pytest.mark.parametrize(
    ("child", "field"),
    [
        ({}, "name"),
        ({"name": "child3", "unknown": True}, "unknown"),
        ("child 4", "child"),
    ],
    ids=["without a name", "an unknown key, which is an error here", "no spec at all"],
)
async def test_otp_sup_start_map_faulty_specs(world, child, field):
    # A spec without a start has no counterpart: what a name starts is said once, by the composition root.
    with pytest.raises(Invalid, match=field):
        await world.ask("supervisor", AddChild.parse({"child": {"name": "sup", "supervises": {"children": [child]}}}))


async def test_otp_extra_return(world):
    given = {"extra": {"information": [1, 2]}}
    extra = {"information": [1, 2]}
    sup = await world.sup(children=[{"name": "child1", "shutdown": 20.0, "arguments": given}])

    for call in (sup.terminate_child, sup.delete_child, sup.restart_child):
        with refused("not_found"):
            await call("nobody")
    before = await sup.which_children()
    for call in (sup.delete_child, sup.restart_child):
        with refused("running", Conflict):
            await call("child1")
    assert await sup.which_children() == before
    assert await sup.count_children() == (1, 1, 0, 1)

    await sup.terminate_child("child1")
    assert world.exits("child1") == ["shutdown"]
    assert await sup.which_children() == [("child1", UNDEFINED)]
    assert await sup.count_children() == (1, 0, 0, 1)
    pid, told = await sup.restart_child("child1")
    assert told == extra
    assert await sup.which_children() == [("child1", pid)]

    await sup.terminate_child("child1")
    await sup.terminate_child("child1")
    await sup.delete_child("child1")
    with refused("not_found"):
        await sup.restart_child("child1")
    assert await sup.which_children() == []
    assert await sup.count_children() == (0, 0, 0, 0)

    pid, told = await sup.start_child({"name": "child1", "arguments": given})
    assert told == extra
    await sup.crash("child1")
    await sup.running("child1", other_than=pid)
    assert await sup.count_children() == (1, 1, 0, 1)


async def test_otp_faulty_application_shutdown(world):
    world.verdict("child", "missing")

    with pytest.raises(Unavailable) as caught:
        await world.sup("application", strategy="one_for_all", intensity=0, period_s=1.0, children=[{"name": "child"}])

    reason = caught.value.detail["reason"]
    steps = ["shutdown: failed_to_start_child", world.unique("child"), "NameError", "nothing_of_that_name"]
    assert caught.value.message.startswith(world.unique("application"))
    assert [reason.find(step) for step in steps] == sorted(reason.find(step) for step in steps)
    assert -1 not in [reason.find(step) for step in steps]
    assert "return nothing_of_that_name()" in caught.value.detail["traceback"]
    assert not await world.alive("application")


async def test_otp_already_started_outside_supervisor(world):
    outside = await world.sup("outside", children=[{"name": "holder"}])
    holder = await outside.running("holder")
    sup = await world.sup()

    with refused("already_started", Conflict) as caught:
        await sup.start_child({"name": "child", "restart": "transient", "arguments": {"claims": world.unique("holder")}})
    if isinstance(holder, int):
        assert caught.value.detail["pid"] == holder
    assert "child" not in caught.value.detail
    assert await sup.which_children() == []
    assert await sup.shutdown() == "shutdown"
    assert await outside.running("holder") == holder
