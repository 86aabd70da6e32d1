"""How supervisors and children stop: in which order, within which time, and with which reason."""

from __future__ import annotations

import asyncio
import time

import pytest

from actors.message import Message
from actors.supervision import Children, ListChildren
from tests.supervisors.otp.erlang import refused, supervisor, worker
from transport.errors import DeadlineExceeded, UnknownType


class Unheard(Message, type="nobody.unheard", reply=Children):
    """What no supervisor knows."""


KINDS = ("temporary", "transient", "permanent")
ENDS = ("normal", "shutdown", "detail", "crash")
BUSY_S = 100.0


async def test_otp_sup_stop_infinity(world):
    sup = await world.sup(
        children=[supervisor(world, "child1", shutdown="infinity"), {"name": "child2", "shutdown": "infinity"}],
    )

    assert await sup.shutdown() == "shutdown"
    assert world.exits("child1") == world.exits("child2") == ["shutdown"]


async def test_otp_sup_stop_timeout(world):
    sup = await world.sup(children=[{"name": "child1", "shutdown": 10.0}, {"name": "child2", "shutdown": 0.3}])
    await world.keep_busy("child2", BUSY_S)

    began = time.monotonic()
    assert await sup.shutdown() == "shutdown"
    assert time.monotonic() - began >= 0.3
    assert world.exits("child1") == ["shutdown"]
    assert world.exits("child2") == ["killed"]
    assert world.order_of_ends() == ["child2", "child1", "sup"]


async def test_otp_sup_stop_timeout_dynamic(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "temporary", "shutdown": 0.3})
    await sup.start_child("one")
    await sup.start_child("two")
    await world.keep_busy("two", BUSY_S)

    assert await sup.shutdown() == "shutdown"
    assert world.exits("one") == ["shutdown"]
    assert world.exits("two") == ["killed"]


async def test_otp_sup_stop_brutal_kill(world):
    sup = await world.sup(children=[{"name": "child1", "shutdown": 20.0}, {"name": "child2", "shutdown": "brutal"}])

    assert await sup.shutdown() == "shutdown"
    assert world.exits("child1") == ["shutdown"]
    assert world.exits("child2") == ["killed"]
    assert not [line for line in world.log() if "shutdown_error" in line and world.unique("child2") in line]


async def test_otp_sup_stop_brutal_kill_dynamic(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "temporary", "shutdown": "brutal"})
    names = [f"c{number}" for number in range(10)]
    await asyncio.gather(*(sup.start_child(name) for name in names))

    assert await sup.shutdown() == "shutdown"
    assert [world.exits(name) for name in names] == [["killed"]] * 10
    assert world.order_of_ends()[-1] == "sup"


async def test_otp_sup_stop_race(world):
    go = world.root / world.unique("go")
    twelve = [(f"{kind}-{end}", kind, end) for kind in KINDS for end in ENDS]
    sup = await world.sup(
        children=[
            {"name": "a", "restart": "temporary", "shutdown": 20.0},
            *({"name": name, "restart": kind, "shutdown": 20.0} for name, kind, _ in twelve),
            {"name": "z", "restart": "temporary", "shutdown": 20.0, "arguments": {"stop_when": str(go)}},
        ],
    )

    stopping = asyncio.ensure_future(sup.shutdown())
    await world.until(lambda: draining(world, "sup"))
    for name, _, end in twelve:
        world.do(name, end)
    await world.until(lambda: {name for name, _, _ in twelve} <= set(world.order_of_ends()))
    go.touch()

    assert await stopping == "shutdown"
    assert world.exits("z") == world.exits("a") == ["shutdown"]
    own = {"normal": {"normal"}, "shutdown": {"normal", "shutdown"}, "detail": {"normal", "shutdown"}, "crash": {"abnormal"}}
    for name, _, end in twelve:
        (said,) = world.exits(name)
        assert said in own[end], (name, said)
    assert world.starts().count("a") == 1
    errors = [line for line in world.log() if "shutdown_error" in line]
    reported = {name for name, _, _ in twelve if any(f"id: {world.unique(name)}," in line for line in errors)}
    assert {name for name, kind, end in twelve if end == "crash"} <= reported
    assert not reported & {name for name, kind, end in twelve if end == "normal" and kind != "permanent"}


async def draining(world, name):
    listed = await world.ask("supervisor", ListChildren())
    return any(child.state == "draining" for child in listed.children if child.name == world.unique(name))


@pytest.mark.parametrize("restart", KINDS)
async def test_otp_sup_stop_non_shutdown_exit_dynamic(world, restart):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": restart, "shutdown": 20.0})
    for name in ("normal", "shutdown", "detail"):
        await sup.start_child(name)
    await sup.start_child("other", stop="other")

    began = time.monotonic()
    assert await sup.shutdown() == "shutdown"
    assert time.monotonic() - began < 20.0
    # What ends in order when it was asked to has ended with shutdown here: an exit code says no more.
    assert [world.exits(name) for name in ("normal", "shutdown", "detail", "other")] == [["shutdown"]] * 3 + [["other"]]


async def test_otp_sup_stop_manual(world):
    sup = await world.sup(
        children=[
            {"name": "child1", "shutdown": "brutal"},
            {"name": "child2", "shutdown": 0.3},
            {"name": "child3", "shutdown": 0.3},
        ],
    )
    await world.keep_busy("child3", BUSY_S)

    await sup.stop()
    assert await sup.exit() == "normal"
    assert [world.exits(name) for name in ("child1", "child2", "child3")] == [["killed"], ["shutdown"], ["killed"]]


async def test_otp_sup_stop_manual_timeout(world):
    sup = await world.sup(children=[{"name": "child1", "shutdown": 20.0}, {"name": "child2", "shutdown": 20.0}])
    await world.keep_busy("child1", 1.5)

    # Enough for it to be told, and not for the child to be done.
    with pytest.raises(DeadlineExceeded):
        await sup.stop(timeout=0.5)
    assert await sup.exit() == "normal"
    assert world.exits("child1") == world.exits("child2") == ["shutdown"]


async def test_otp_order_of_children(world):
    names = ["ch7", "ch3", "ch10", "ch2", "ch5"]
    sup = await world.sup(strategy="rest_for_one", children=[{"name": name, "shutdown": 20.0} for name in names])
    assert world.starts() == names
    before = dict(await sup.which_children())

    await sup.crash("ch10")
    await sup.running("ch5", other_than=before["ch5"])
    assert world.order_of_ends() == ["ch10", "ch5", "ch2"]
    assert world.starts() == [*names, "ch10", "ch2", "ch5"]
    after = dict(await sup.which_children())
    assert [name for name in names if after[name] == before[name]] == ["ch7", "ch3"]

    await sup.shutdown()
    assert world.order_of_ends()[3:] == [*reversed(names), "sup"]


async def test_otp_child_unlink(world):
    sup = await world.sup()
    pid = await sup.start_child({"name": "child", "shutdown": 20.0, "heartbeat_s": 60.0})
    world.do("child", "unlink")

    with pytest.raises(UnknownType):
        await world.ask(sup.ref, Unheard())
    world.host.ref(sup.ref).tell(Unheard())
    await sup.terminate_child("child")
    assert not world.pids(pid)
    assert await sup.count_children() == (1, 0, 0, 1)

    # Nor does it outlive a supervisor that is killed.
    pid = await sup.restart_child("child")
    world.do("child", "unlink")
    await world.quiet()
    await world.kill(None, "sup")
    await world.until(lambda: not world.pids(pid))


async def test_otp_hanging_restart_loop(world):
    sup = await world.sup(intensity=8, period_s=10.0, children=[{"name": "child1", "shutdown": "brutal"}])
    world.verdict("child1", "error:0.2")
    await sup.crash("child1")
    await world.until(lambda: len(world.starts()) >= 3)

    await stuck(sup, "child1")
    assert await sup.which_children() == [("child1", "restarting")]
    assert await sup.count_children() == (1, 0, 0, 1)
    await sup.terminate_child("child1")
    assert await sup.which_children() == [("child1", None)]
    tried = len(world.starts())
    await world.quiet()
    assert len(world.starts()) == tried

    world.verdict("child1", "ok")
    assert await sup.restart_child("child1")
    world.verdict("child1", "error:0.2")
    await sup.crash("child1")
    await world.quiet()
    assert await sup.shutdown() == "shutdown"
    assert not (await world.sup()).ignored


async def test_otp_hanging_restart_loop_rest_for_one(world):
    names = ("child1", "child2", "child3")
    sup = await world.sup(
        strategy="rest_for_one",
        intensity=8,
        period_s=10.0,
        children=[{"name": name, "shutdown": "brutal"} for name in names],
    )
    first = await sup.running("child1")
    world.verdict("child2", "error:0.2")
    await sup.crash("child2")
    await world.until(lambda: world.starts().count("child2") >= 3)

    await stuck(sup, "child2")
    assert await sup.which_children() == [("child3", None), ("child2", "restarting"), ("child1", first)]
    assert await sup.count_children() == (3, 1, 0, 3)
    await sup.terminate_child("child2")
    assert await sup.which_children() == [("child3", None), ("child2", None), ("child1", first)]

    world.verdict("child2", "ok")
    second = await sup.restart_child("child2")
    assert await sup.which_children() == [("child3", None), ("child2", second), ("child1", first)]
    world.verdict("child2", "error:0.2")
    await sup.crash("child2")
    await world.quiet()
    assert await sup.shutdown() == "shutdown"
    assert not (await world.sup()).ignored


async def test_otp_hanging_restart_loop_simple(world):
    sup = await world.sup(strategy="simple_one_for_one", intensity=8, period_s=10.0, template={"shutdown": "brutal"})
    await sup.start_child("one")
    world.verdict("one", "error:0.2")
    await sup.crash("one")
    await world.until(lambda: world.starts().count("one") >= 3)

    # By a name that outlives its bearers restart and delete have their ordinary answer, where Erlang has no ids to go by.
    await stuck(sup, "one", start=False)
    assert await sup.which_children() == [("one", "restarting")]
    assert await sup.count_children() == (1, 0, 0, 1)
    await sup.terminate_child("one")
    assert await sup.which_children() == []

    world.verdict("one", "ok")
    assert await sup.start_child("one")
    world.verdict("one", "error:0.2")
    await sup.crash("one")
    await world.quiet()
    assert await sup.shutdown() == "shutdown"
    assert not (await world.sup()).ignored


async def stuck(sup, name, *, start=True):
    """What is refused while a child is restarted again and again."""
    if start:
        with refused("already_present"):
            await sup.start_child({"name": name, "shutdown": "brutal"})
    with refused("restarting"):
        await sup.restart_child(name)
    with refused("restarting"):
        await sup.delete_child(name)


async def test_otp_simple_one_for_one_shutdown(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"shutdown": 2.0})
    for name, seconds in (("one", 0.3), ("two", 0.3), ("slow", 60.0)):
        await sup.start_child(name, stop_s=seconds)

    began = time.monotonic()
    assert await sup.shutdown() == "shutdown"
    assert 0.3 <= time.monotonic() - began < 20.0
    assert world.exits("slow") == ["killed"]
    assert world.exits("one") == world.exits("two") == ["shutdown"]


async def test_otp_simple_global_supervisor(world):
    for run in range(4):
        server = worker(world, f"server{run}", shutdown=2.0)
        inner = supervisor(world, f"sup2{run}", [server], **LOOSE, shutdown=2.0)
        top = await world.sup(f"top{run}", [inner], **LOOSE)
        sup2 = type(top)(world, f"sup2{run}")
        first_sup, first_server = await top.running(sup2.name), await sup2.running(f"server{run}")

        match run:
            case 0:
                await top.end(sup2.name, "kill")
                await top.running(sup2.name, other_than=first_sup)
            case 1:
                await sup2.end(f"server{run}", "kill")
            case 2:
                await sup2.crash(f"server{run}")
            case 3:
                await sup2.terminate_child(f"server{run}")
                await sup2.restart_child(f"server{run}")
        second = await sup2.running(f"server{run}", other_than=first_server)

        second_sup = await top.running(sup2.name)
        await world.kill(None, top.name)
        await world.until(lambda gone=(second, second_sup): not world.pids(*gone))


LOOSE = {"strategy": "one_for_all", "intensity": 3, "period_s": 60.0}
