"""What operators ask for: adding, stopping, starting, deleting, listing, counting, checking specs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import time
import weakref

import pytest

from actors.supervision import AddChild, CheckSpecs, CountChildren, ListChildren
from supervisors.spec import ChildSpec, ChildTemplate, SupervisorSpec
from tests.supervisors.otp.erlang import UNDEFINED, ActorWorld, Sup, refused
from tests.supervisors.otp.house import Worker
from transport.errors import Conflict, Invalid, NotFound, Unavailable

CHILD1 = {"name": "child1", "shutdown": 20.0}


async def test_otp_child_adm(world):
    sup = await world.sup(intensity=1, period_s=1000.0, children=[CHILD1])
    first = await sup.running("child1")

    with refused("already_started", Conflict) as caught:
        await sup.start_child(CHILD1)
    if isinstance(first, int):
        assert caught.value.detail["pid"] == first
    with refused("not_found"):
        await sup.terminate_child("nobody")
    await sup.terminate_child("child1")
    assert world.exits("child1") == ["shutdown"]
    assert await sup.which_children() == [("child1", UNDEFINED)]
    assert await sup.count_children() == (1, 0, 0, 1)
    await sup.terminate_child("child1")

    with refused("already_present", Conflict):
        await sup.start_child(CHILD1)
    second = await sup.restart_child("child1")
    assert second != first
    assert await sup.count_children() == (1, 1, 0, 1)
    with refused("running", Conflict):
        await sup.restart_child("child1")
    with refused("not_found"):
        await sup.restart_child("nobody")
    with refused("running", Conflict):
        await sup.delete_child("child1")
    with refused("not_found"):
        await sup.delete_child("nobody")

    await sup.terminate_child("child1")
    await sup.delete_child("child1")
    with refused("not_found"):
        await sup.restart_child("child1")
    assert await sup.which_children() == []
    assert await sup.count_children() == (0, 0, 0, 0)
    third = await sup.start_child(CHILD1)
    assert await sup.count_children() == (1, 1, 0, 1)
    with refused("not_found"):
        await sup.terminate_child(str(third)[-8:])
    assert await sup.running("child1") == third

    # Who is away is waited for here, as long as the caller wants.
    asked = [
        world.ask(world.unique("absent"), one, timeout=0.5) for one in (AddChild(child="x"), ListChildren(), CountChildren())
    ]
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in told] == [Unavailable] * 3


async def test_otp_child_adm_simple(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"shutdown": 20.0})
    assert await sup.which_children() == []
    assert await sup.count_children() == (1, 0, 0, 0)
    one = await sup.start_child("one")
    assert await sup.count_children() == (1, 1, 0, 1)
    two = await sup.start_child("two")
    assert set(await sup.which_children()) == {("one", one), ("two", two)}
    assert await sup.count_children() == (1, 2, 0, 2)

    for stranger in ("id", "sup"):
        with refused("not_found"):
            await sup.terminate_child(stranger)
    # Erlang has no ids here and refuses both; a name says who is meant, and is refused because that one runs.
    for call in (sup.restart_child, sup.delete_child):
        with refused("running"):
            await call("one")
    assert await sup.count_children() == (1, 2, 0, 2)

    await sup.terminate_child("one")
    assert not world.pids(one)
    assert await sup.which_children() == [("two", two)]
    assert await sup.count_children() == (1, 1, 0, 1)
    # A pid that is dead may be terminated again; a name that nobody bears is nobody's.
    for call in (sup.terminate_child, sup.restart_child, sup.delete_child):
        with refused("not_found"):
            await call("one")
    assert await world.alive("sup")
    with pytest.raises(Unavailable):
        await world.ask(world.unique("absent"), AddChild(child="x"), timeout=0.5)


FAULTS = [
    ("restart", "permanant", "restart"),
    ("shutdown", -10, "shutdown"),
    ("type", "wrker", "type"),
    ("significant", "perhaps", "significant"),
    ("arguments", "not a mapping", "arguments"),
    ("name", "", "name"),
]


async def test_otp_child_specs(world):
    sup = await world.sup()
    for field, value, said in FAULTS:
        faulty = {"name": "child", field: value}
        with pytest.raises(Invalid, match=said) as started:
            await sup.ask(AddChild.parse({"child": faulty}))
        with pytest.raises(Invalid, match=said) as checked:
            await sup.ask(CheckSpecs.parse({"children": [faulty]}))
        with pytest.raises(Invalid, match=said):
            AddChild.parse({"child": {"name": "sup", "supervises": {"children": [faulty]}}})
        assert started.value.detail["fields"][0]["problem"] in str(checked.value.detail["fields"])
    for rubbish in (17, None, ["child"]):
        with pytest.raises(Invalid):
            AddChild.parse({"child": rubbish})
    with pytest.raises(Invalid, match="children"):
        CheckSpecs.parse({"children": "child"})

    shutdowns = (0, 1.0, "infinity", "brutal")
    kinds = itertools.product(("permanent", "transient", "temporary"), shutdowns, ("worker", "supervisor"))
    await sup.check_childspecs([{"name": f"c{n}", "restart": r, "shutdown": s, "type": t} for n, (r, s, t) in enumerate(kinds)])
    with pytest.raises(Invalid, match="two children have the same name: twice"):
        await sup.check_childspecs([{"name": "twice"}, {"name": "twice"}])
    for spec in (
        {"strategy": "simple_one_for_one"},
        {"strategy": "simple_one_for_one", "template": {}, "children": [{"name": "a"}]},
    ):
        with pytest.raises(Invalid, match="simple_one_for_one has"):
            AddChild.parse({"child": {"name": "sup", "supervises": spec}})
    assert await sup.which_children() == []


async def test_otp_child_specs_map(world):
    sup = await world.sup()
    for faulty, said in [({}, "name"), ({"restart": "permanent"}, "name"), *(({"name": "c", f: v}, s) for f, v, s in FAULTS)]:
        with pytest.raises(Invalid, match=said):
            await sup.ask(CheckSpecs.parse({"children": [faulty]}))

    policies = (None, "never", "any_significant", "all_significant")
    for policy, restart, significant in itertools.product(
        policies, (None, "permanent", "transient", "temporary"), (None, True, False)
    ):
        child = {key: value for key, value in (("restart", restart), ("significant", significant)) if value is not None}
        allowed = not significant or (restart in ("transient", "temporary") and policy != "never")
        with contextlib.nullcontext() if allowed else pytest.raises((ValueError, Invalid), match="significant"):
            await sup.check_childspecs([{"name": "child", **child}], policy)
    with pytest.raises(Invalid, match="auto_shutdown"):
        CheckSpecs.parse({"children": [], "auto_shutdown": "sometimes"})
    with pytest.raises(Invalid, match="same name"):
        await sup.check_childspecs([{"name": "twice"}, {"name": "twice"}])
    with pytest.raises(Invalid, match="auto_shutdown is never"):
        AddChild.parse(
            {"child": {"name": "s", "supervises": {"children": [{"name": "c", "restart": "transient", "significant": True}]}}}
        )


async def test_otp_sup_flags(world):
    for field, value in [
        ("strategy", "none_for_one"),
        ("intensity", "infinity"),
        ("intensity", -1),
        ("period_s", 0),
        ("period_s", float("inf")),
        ("auto_shutdown", "sometimes"),
        ("unknown", "which is an error here, not ignored"),
    ]:
        with pytest.raises(Invalid, match=field):
            await world.ask("supervisor", AddChild.parse({"child": {"name": "sup", "supervises": {field: value}}}))
    with pytest.raises(Invalid, match="supervises"):
        AddChild.parse({"child": {"name": "sup", "supervises": "flags"}})
    # Flags are looked at before children.
    with pytest.raises(Invalid) as caught:
        AddChild.parse({"child": {"name": "sup", "supervises": {"strategy": "none_for_one", "children": [{"name": ""}]}}})
    assert "strategy" in caught.value.detail["fields"][0]["field"]


async def test_otp_which_children(world):
    sup = await world.sup()
    with pytest.raises(NotFound):
        await sup.which_child("child1")
    assert await sup.which_children() == []

    one = await sup.start_child({"name": "child1"})
    assert await sup.which_children() == [("child1", one)]
    two = await sup.start_child({"name": "child2"})
    assert await sup.which_children() == [("child2", two), ("child1", one)]
    await sup.terminate_child("child1")
    assert await sup.which_children() == [("child2", two), ("child1", UNDEFINED)]
    assert await sup.which_child("child1") == ("child1", UNDEFINED)
    assert await sup.which_child("child2") == ("child2", two)
    await sup.delete_child("child1")
    assert await sup.which_children() == [("child2", two)]
    with pytest.raises(NotFound):
        await sup.which_child("child1")


async def test_otp_which_children_simple_one_for_one(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "temporary"})
    assert await sup.which_children() == []

    one, two = await sup.start_child("one"), await sup.start_child("two")
    assert set(await sup.which_children()) == {("one", one), ("two", two)}
    assert await sup.which_child("one") == ("one", one)
    await sup.terminate_child("one")
    assert await sup.which_children() == [("two", two)]
    for name in ("one", "sup", "stranger"):
        with pytest.raises(NotFound):
            await sup.which_child(name)


async def test_otp_do_not_save_child_specs_for_temporary_children(world):
    kept = {
        "kill": ("already_started", "already_started", None),
        "normal": ("already_started", "already_present", None),
        "crash": ("already_started", "already_started", None),
        "terminate": ("already_present", "already_present", None),
    }
    for strategy in ("one_for_all", "one_for_one", "rest_for_one"):
        sup = await world.sup(f"s-{strategy[:8]}", strategy=strategy, intensity=20)
        for way, answers in kept.items():
            for restart, answer in zip(("permanent", "transient", "temporary"), answers, strict=True):
                name = f"{strategy[:4]}-{way[:4]}-{restart[:4]}"
                spec = {"name": name, "restart": restart, "shutdown": 20.0}
                before = await sup.start_child(spec)
                await (sup.terminate_child(name) if way == "terminate" else sup.end(name, way))
                if answer is None:
                    assert await sup.start_child(spec)
                    await sup.terminate_child(name)
                    continue

                if answer == "already_started":
                    await sup.running(name, other_than=before)
                with refused(answer, Conflict):
                    await sup.start_child(spec)
                if answer == "already_present":
                    assert await sup.restart_child(name)
                await sup.terminate_child(name)
                await sup.delete_child(name)
        assert await sup.shutdown() == "shutdown"


@pytest.fixture
async def actors(short_dir):
    """For counts that would be as many processes."""
    async with ActorWorld(short_dir) as world:
        yield world


async def many(sup: Sup, world: ActorWorld, first: int, last: int) -> None:
    supervision = world.stage.bearers[sup.ref].family.supervision
    for number in range(first, last):
        await supervision.add_child(f"c{number}")


async def test_otp_count_children(actors):
    sup = await actors.sup(strategy="simple_one_for_one", template={"restart": "temporary"})
    for last in (100, 200):
        await many(sup, actors, last - 100, last)
        assert len(await sup.which_children()) == last
        assert await sup.count_children() == await sup.count_children() == (1, last, 0, last)

    for number in range(200):
        actors.stage.bearers[f"c{number}"].kill()
    await actors.until(lambda: count_is(sup, (1, 0, 0, 0)))


async def count_is(sup, counts):
    return await sup.count_children() == counts


async def test_otp_count_children_supervisor(actors):
    template = {"restart": "temporary", "type": "supervisor"}
    sup = await actors.sup(strategy="simple_one_for_one", template=template)
    await many(sup, actors, 0, 100)
    assert await sup.count_children() == (1, 100, 100, 0)
    assert await sup.types() == {"supervisor"}
    await many(sup, actors, 100, 200)
    assert await sup.count_children() == (1, 200, 200, 0)
    assert len(await sup.which_children()) == 200

    for number in range(200):
        actors.stage.bearers[f"c{number}"].kill()
    await actors.until(lambda: count_is(sup, (1, 0, 0, 0)))


async def test_otp_count_restarting_children(world):
    names = ("one", "two", "three")
    sup = await world.sup(strategy="simple_one_for_one", intensity=200, period_s=10.0, template={"shutdown": "brutal"})
    seen = [await sup.count_children()]
    before = {}
    for name in names:
        before[name] = await sup.start_child(name)
        seen.append(await sup.count_children())
    assert seen == [(1, number, 0, number) for number in range(4)]

    for name in names:
        await sup.crash(name)
    for name in names:
        before[name] = await sup.running(name, other_than=before[name])
    assert await sup.count_children() == (1, 3, 0, 3)
    for name in ("one", "two"):
        world.verdict(name, "error:0.1")
        await sup.crash(name)
    await world.until(lambda: world.starts().count("two") >= 4)
    assert await sup.count_children() == (1, 1, 0, 3)
    for name in ("one", "two"):
        world.verdict(name, "ok")
        await sup.running(name)
    assert await sup.count_children() == (1, 3, 0, 3)
    for left, name in zip((2, 1, 0), names, strict=True):
        await sup.terminate_child(name)
        assert await sup.count_children() == (1, left, 0, left)


async def test_otp_simple_one_for_one_corruption(world):
    sup = await world.sup(strategy="simple_one_for_one", template={"restart": "temporary", "shutdown": 20.0})
    await sup.start_child("first")
    await sup.crash("first")
    # What a message and an assignment hold: Erlang's 50,000 would be refused.
    large = list(range(10_000))

    who, extra = await sup.start_child("second", extra=large)
    assert who
    assert extra == large
    assert (await sup.get_childspec("second")).arguments == {}
    await sup.crash("second")
    assert await sup.count_children() == (1, 0, 0, 0)


class Large(str):
    """A string that weak references may point to."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"])
async def test_otp_do_not_save_start_parameters_for_temporary_children(actors, strategy):
    held = {}
    for restart in ("permanent", "transient", "temporary"):
        flags = {"template": ChildTemplate(restart=restart)} if strategy == "simple_one_for_one" else {}
        sup = await actors.sup(restart, strategy=strategy, **flags)
        supervision = actors.stage.bearers[sup.ref].family.supervision
        held[restart] = []
        for number in range(20):
            name, large = f"{restart}{number}", Large("large" * 1000)
            held[restart].append(weakref.ref(large))
            wanted = name if flags else ChildSpec(name=name, restart=restart)
            await supervision.add_child(wanted, arguments={"large": large})
            del large
        for actor in actors.host._post.actors.values():
            # The workers' own: what is looked at is what their supervisor keeps.
            if isinstance(actor, Worker):
                actor.arguments = {}

    await asyncio.sleep(0)
    gc.collect()
    alive = {restart: sum(ref() is not None for ref in refs) for restart, refs in held.items()}
    assert alive == {"permanent": 20, "transient": 20, "temporary": 0}


async def test_otp_simple_one_for_one_scale_many_temporary_children(actors):
    took = {}  # of processor time: what else the machine does is not counted
    for count in (50, 500):
        sup = await actors.sup(f"s{count}", strategy="simple_one_for_one", template={"restart": "temporary"})
        supervision = actors.stage.bearers[sup.ref].family.supervision
        await many(sup, actors, 0, count)
        began = time.process_time()
        for number in range(count):
            await supervision.stop_child(f"c{number}")
        took[count] = time.process_time() - began
        assert await sup.count_children() == (1, 0, 0, 0)

    assert took[500] <= 50 * took[50]


async def test_otp_scale_start_stop_many_children(actors):
    took = {}
    sup = await actors.sup()
    supervision = actors.stage.bearers[sup.ref].family.supervision
    for count in (20, 400):
        began = time.process_time()
        for number in range(count):
            with contextlib.suppress(Conflict):
                await supervision.add_child(f"c{number}")
        started = time.process_time()
        for number in range(count):
            await supervision.stop_child(f"c{number}")
        took[count] = started - began, time.process_time() - started

    # Linear would be twenty times as long.
    assert all(many <= 200 * few for few, many in zip(took[20], took[400], strict=True))


def test_supervisor_specs_nest_as_they_are_said():
    spec = SupervisorSpec(children=({"name": "inner", "supervises": {"children": ({"name": "leaf"},)}},))

    assert SupervisorSpec.model_validate_json(spec.model_dump_json()) == spec
