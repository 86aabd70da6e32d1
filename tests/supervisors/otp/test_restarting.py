"""Who is restarted when a child ends, how often, and when a supervisor gives up."""

from __future__ import annotations

import asyncio

import pytest

from actors.supervision import AddChild
from supervisors.reports import ErrorReport, ProgressReport, of_child
from supervisors.spec import ChildSpec
from tests.supervisors.otp.erlang import UNDEFINED, supervisor, worker

TWO = [{"name": "child1", "shutdown": 20.0}, {"name": "child2", "shutdown": 20.0}]
THREE = [*TWO, {"name": "child3", "shutdown": 20.0}]


async def crash_to_the_end(sup, *names):
    """These crash, one after the other; the last is one too many."""
    for name in names[:-1]:
        before = dict(await sup.which_children())
        await sup.crash(name)
        for child in before:
            await sup.running(child)
    await sup.crash(names[-1])
    assert await sup.exit() in ("shutdown", "normal")


async def test_otp_multiple_restarts(world):
    sup = await world.sup(intensity=1, period_s=0.3, children=[{"name": "child1", "shutdown": "brutal"}])
    for _ in range(4):
        before = await sup.running("child1")
        await sup.crash("child1")
        await sup.running("child1", other_than=before)
        await asyncio.sleep(0.4)

    await sup.terminate_child("child1")
    await sup.delete_child("child1")


async def test_otp_one_for_one(world):
    sup = await world.sup(children=TWO)
    before = dict(await sup.which_children())

    await sup.crash("child1")
    await sup.running("child1", other_than=before["child1"])
    assert await sup.running("child2") == before["child2"]
    assert await sup.count_children() == (2, 2, 0, 2)
    await crash_to_the_end(sup, "child2", "child1")


async def test_otp_one_for_one_escalation(world):
    sup = await world.sup(intensity=4, children=TWO)
    world.verdict("child1", "error")

    await sup.crash("child1")
    assert await sup.exit() == "normal"
    assert world.starts().count("child1") == 1 + 4
    assert world.exits("child2") == ["shutdown"]
    mine = [line for line in world.log() if world.unique("sup") in line]
    assert len([line for line in mine if "start_error" in line]) == 4
    assert len([line for line in mine if "errorContext: shutdown," in line]) == 1


async def test_otp_one_for_all(world):
    sup = await world.sup(strategy="one_for_all", children=TWO)
    before = dict(await sup.which_children())

    await sup.crash("child1")
    await sup.running("child2", other_than=before["child2"])
    assert world.order_of_ends() == ["child1", "child2"]
    assert not set(dict(await sup.which_children()).values()) & set(before.values())
    assert not world.pids(*before.values())
    assert await sup.count_children() == (2, 2, 0, 2)
    await crash_to_the_end(sup, "child2", "child2")


async def test_otp_one_for_all_escalation(world):
    sup = await world.sup(strategy="one_for_all", intensity=4, children=TWO)
    world.verdict("child2", "error")

    await sup.crash("child1")
    assert await sup.exit() == "normal"
    assert world.starts().count("child2") == 1 + 4


async def test_otp_one_for_all_other_child_fails_restart(world):
    sup = await world.sup(strategy="one_for_all", intensity=3, children=TWO)
    world.verdict("child2", "wait")
    await sup.end("child1", "kill")
    await world.until(lambda: world.starts() == ["child1", "child2", "child1", "child2"])
    world.verdict("child1", "wait")
    world.verdict("child2", "error")

    await world.until(lambda: len(world.starts()) == 5)
    assert world.starts()[4] == "child1"
    assert world.order_of_ends() == ["child1", "child2", "child2", "child1"]
    world.verdict("child2", "ok")
    world.verdict("child1", "ok")
    await sup.running("child2")
    assert world.starts()[4:] == ["child1", "child2"]
    assert await sup.alive()


async def test_otp_simple_one_for_one(world):
    sup = await world.sup(strategy="simple_one_for_one", template={})
    one, two = await sup.start_child("one"), await sup.start_child("two")

    await sup.crash("one")
    await sup.running("one", other_than=one)
    assert await sup.running("two") == two
    assert await sup.count_children() == (1, 2, 0, 2)
    await crash_to_the_end(sup, "two", "one")


async def test_otp_simple_one_for_one_extra(world):
    sup = await world.sup(strategy="simple_one_for_one", template={})
    (one, told), (two, also) = await sup.start_child("one", extra="a"), await sup.start_child("two", extra="b")
    assert (told, also) == ("a", "b")

    await sup.crash("one")
    await sup.running("one", other_than=one)
    assert await sup.running("two") == two
    assert await sup.count_children() == (1, 2, 0, 2)
    await crash_to_the_end(sup, "two", "one")


async def test_otp_simple_one_for_one_escalation(world):
    sup = await world.sup(strategy="simple_one_for_one", intensity=4, template={})
    await sup.start_child("one")
    await sup.start_child("two")
    world.verdict("one", "error")

    await sup.crash("one")
    assert await sup.exit() == "normal"
    assert world.exits("two") == ["shutdown"]


@pytest.mark.parametrize("restart", ["transient", "permanent"])
async def test_otp_simple_one_for_one_restart_ignore(world, restart):
    sup = await world.sup(strategy="simple_one_for_one", intensity=10, template={"restart": restart})
    first = await sup.start_child("one")

    await sup.end("one", "kill")
    await sup.running("one", other_than=first)
    assert len(await sup.which_children()) == 1
    world.verdict("one", "ignore")
    await sup.end("one", "kill")
    await world.until(lambda: nobody(sup))
    assert await sup.shutdown() == "shutdown"


async def nobody(sup):
    return await sup.which_children() == []


async def test_otp_rest_for_one(world):
    sup = await world.sup(strategy="rest_for_one", children=THREE)
    before = dict(await sup.which_children())

    await sup.crash("child2")
    await sup.running("child3", other_than=before["child3"])
    after = dict(await sup.which_children())
    assert after["child1"] == before["child1"]
    assert after["child2"] != before["child2"]
    assert world.order_of_ends() == ["child2", "child3"]
    assert await sup.count_children() == (3, 3, 0, 3)
    await crash_to_the_end(sup, "child3", "child2")


async def test_otp_rest_for_one_escalation(world):
    sup = await world.sup(strategy="rest_for_one", intensity=4, children=TWO)
    world.verdict("child2", "error")

    await sup.crash("child1")
    assert await sup.exit() == "normal"
    assert world.exits("child1")[-1] == "shutdown"
    assert world.starts().count("child1") == 2


async def test_otp_rest_for_one_other_child_fails_restart(world):
    # How often it fails before the verdict changes is the machine's affair: the intensity is not what is tried here.
    sup = await world.sup(strategy="rest_for_one", intensity=1000, children=TWO)
    world.verdict("child2", "wait")
    await sup.end("child1", "kill")
    await world.until(lambda: world.starts() == ["child1", "child2", "child1", "child2"])
    first = await sup.running("child1")
    world.verdict("child2", "error")
    await world.until(lambda: len(world.starts()) >= 5)
    world.verdict("child2", "ok")

    assert set(world.starts()[4:]) == {"child2"}
    await sup.running("child2")
    assert await sup.running("child1") == first
    assert await sup.alive()


async def test_otp_external_start_no_progress_log(world):
    sup = await world.sup()
    first = await sup.start_child({"name": "child1"})
    await sup.end("child1", "normal")
    await sup.running("child1", other_than=first)

    mine = (world.unique("child1"), "supervisor: ")
    seen = [line for line in world.log() if all(text in line for text in mine) and "DEBUG" not in line]
    assert "child_terminated" in seen[0]
    assert "ERROR" in seen[0]
    assert "started" in seen[1]
    assert await sup.count_children() == (1, 1, 0, 1)


@pytest.mark.parametrize("rule", [{"name": "child1", "shutdown": 20.0}])
async def test_otp_permanent_normal(world, rule):
    await comes_back(world, rule, "normal")


async def test_otp_permanent_shutdown(world):
    await comes_back(world, {"name": "child1"}, "shutdown", "detail")


async def test_otp_permanent_abnormal(world):
    await comes_back(world, {"name": "child1"}, "crash")


async def test_otp_transient_abnormal(world):
    await comes_back(world, {"name": "child1", "restart": "transient"}, "crash", "kill")


async def comes_back(world, rule, *ways):
    sup = await world.sup()
    who = await sup.start_child(rule)
    for way in ways:
        await sup.end("child1", way)
        who = await sup.running("child1", other_than=who)
        assert await sup.count_children() == (1, 1, 0, 1)


async def test_otp_transient_normal(world):
    await stays_down(world, "normal")


async def test_otp_transient_shutdown(world):
    await stays_down(world, "shutdown", "detail")


async def stays_down(world, *ways):
    sup = await world.sup()
    await sup.start_child({"name": "child1", "restart": "transient"})
    for way in ways:
        await sup.end("child1", way)
        assert await sup.which_children() == [("child1", UNDEFINED)]
        assert await sup.count_children() == (1, 0, 0, 1)
        assert await sup.restart_child("child1")


@pytest.mark.parametrize("way", ["normal"])
async def test_otp_temporary_normal(world, way):
    await is_forgotten(world, way)


async def test_otp_temporary_shutdown(world):
    await is_forgotten(world, "shutdown", "detail")


async def test_otp_temporary_abnormal(world):
    await is_forgotten(world, "crash")


async def is_forgotten(world, *ways):
    sup = await world.sup()
    for way in ways:
        assert await sup.start_child({"name": "child1", "restart": "temporary"})
        await sup.end("child1", way)
        assert await sup.which_children() == []
        assert await sup.count_children() == (0, 0, 0, 0)


async def test_otp_temporary_bystander(world):
    children = [{"name": "child1", "shutdown": 0.1}, {"name": "child2", "restart": "temporary", "shutdown": 0.1}]
    for strategy in ("one_for_all", "rest_for_one"):
        sup = await world.sup(strategy, strategy=strategy, period_s=300.0, children=children)
        before = await sup.running("child1")
        await sup.end("child1", "normal")
        after = await sup.running("child1", other_than=before)
        assert await sup.which_children() == [("child1", after)]
        assert await sup.alive()
        await sup.shutdown()


async def test_otp_tree(world):
    top = await world.sup("top", strategy="one_for_all", intensity=4)
    one, two, three = (type(top)(world, f"supchild{number}") for number in (1, 2, 3))
    loose = {"intensity": 4, "shutdown": "infinity"}
    for child in (
        supervisor(world, "supchild1", [worker(world, "child1"), worker(world, "child2")], **loose),
        supervisor(world, "supchild2", **loose),
        supervisor(world, "supchild3", restart="transient", **loose),
    ):
        await world.ask(top.ref, AddChild(child=child))
    await top.terminate_child("supchild3")
    assert await top.count_children() == (3, 2, 3, 0)
    assert await one.count_children() == (2, 2, 0, 2)
    assert await two.count_children() == (0, 0, 0, 0)

    three_and_four = {name: await two.start_child({"name": name}) for name in ("child3", "child4")}
    assert await two.count_children() == (2, 2, 0, 2)
    await two.crash("child4")
    await two.running("child4", other_than=three_and_four["child4"])
    assert await two.running("child3") == three_and_four["child3"]

    before = dict(await top.which_children())
    world.verdict("child3", "error")
    await two.crash("child3")
    await top.running("supchild3")
    assert [name for name, _ in await top.which_children()] == ["supchild3", "supchild2", "supchild1"]
    assert not set(dict(await top.which_children()).values()) & (set(before.values()) - {UNDEFINED})
    assert await top.count_children() == (3, 3, 3, 0)
    assert await one.count_children() == (2, 2, 0, 2)
    assert await two.count_children() == await three.count_children() == (0, 0, 0, 0)


def test_otp_format_log_2():
    child = of_child(ChildSpec(name="child1", arguments={"a": 1}), 17)
    several = {**child, "nb_children": 7}
    del several["pid"]
    failure = ErrorReport("sup", "child_terminated", list(range(1, 16)), child)
    progress = ProgressReport("sup", child)

    labels = [line.partition(":")[0] for line in failure.text().splitlines()]
    assert labels == ["supervisor", "errorContext", "reason", "offender"]
    assert all(f"{field}: " in failure.text() for field in child)
    assert [line.partition(":")[0] for line in progress.text().splitlines()] == ["supervisor", "started"]
    assert "[1, 2, 3, 4, 5, 6, 7, 8, 9, ...]" in failure.text(depth=10)
    for report, chars in ((failure, 200), (progress, 80)):
        cut = report.text(chars=chars)
        assert len(cut) <= chars < len(report.text())
        assert cut.startswith("supervisor: sup")
        assert report.text().startswith(cut[:-3])

    line = failure.text(single_line=True)
    assert "\n" not in line
    assert line.endswith("offender: id: child1, pid: 17")
    assert "restart" not in line
    assert "..." in failure.text(single_line=True, depth=10)
    assert len(failure.text(single_line=True, chars=200)) <= 200
    assert ErrorReport("sup", "shutdown_error", "other", several).text(single_line=True).endswith("id: child1, nb_children: 7")
    assert progress.text(single_line=True) == "supervisor: sup, started: id: child1, pid: 17"
    assert len(progress.text(single_line=True, chars=30)) <= 30
