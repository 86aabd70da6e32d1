"""Supervision over actors of this process: what is kept of children, and what is not."""

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from actors.host import Host
from supervisors.in_process import InProcessChildren, Stage
from supervisors.spec import SupervisorSpec
from tests.supervisors.echo_house import Collapse, Leave, start
from transport.errors import Unavailable

TEMPLATE = {"strategy": "simple_one_for_one", "template": {"restart": "temporary"}}


class Yard:
    """A host and its supervision; `forgotten` is what it told."""

    def __init__(self, host, root, flags, start_actor=None):
        self.host = host
        self.root = root
        self.forgotten = asyncio.Queue()
        stage = Stage(host, root, start_actor or (lambda host, child: start(host, child.name, root)))
        self.family = InProcessChildren(SupervisorSpec(**flags), stage, on_forget=self.forgotten.put_nowait)
        self.supervision = self.family.supervision
        self.children = weakref.WeakSet()
        made = self.supervision.make_child
        self.supervision.make_child = lambda *arguments: self.seen(made(*arguments))

    def seen(self, child):
        self.children.add(child)
        return child


@pytest.fixture
async def yard(short_dir):
    async with Host(run_dir=short_dir, bind=False) as host:
        yield lambda **flags: Yard(host, short_dir, flags)


@pytest.mark.parametrize("end", [Leave(), Collapse(), None])
async def test_nothing_is_kept_of_a_temporary_child_that_has_ended(yard, end):
    yard = yard(**TEMPLATE)

    for name in ("w1", "w2"):
        await yard.supervision.add_child(name)
        if end is None:
            await yard.supervision.stop_child(name)
        else:
            yard.host.ref(name).tell(end)
        assert await yard.forgotten.get() == name

    await asyncio.sleep(0)
    gc.collect()
    assert not yard.children
    assert not yard.supervision.records
    assert not yard.supervision.strategy.members


async def test_nothing_is_kept_of_a_child_that_could_not_start(yard):
    yard = yard()
    (yard.root / "broken-w1").touch()

    with pytest.raises(Unavailable, match="broken on purpose"):
        await yard.supervision.add_child("w1")

    assert await yard.forgotten.get() == "w1"
    assert not yard.supervision.records
    assert yard.supervision.views() == ()


async def test_the_same_call_may_come_twice_at_once(yard):
    yard = yard()

    first, second = await asyncio.gather(*(yard.supervision.add_child("w1", key="k") for _ in range(2)))

    assert first == second
    assert first[0].restarts == 0


async def test_many_children_are_stopped_at_once(yard):
    yard = yard(**TEMPLATE)
    await asyncio.gather(*(yard.supervision.add_child(f"w{number}") for number in range(100)))

    yard.supervision.shutdown("told")
    assert {view.state for view in yard.supervision.views()} == {"draining"}
    assert not (await yard.supervision.finished).gave_up


async def test_a_start_that_runs_into_a_timeout_of_its_own_says_which(short_dir):
    async def start_in_vain(_, child):
        raise TimeoutError(f"the disk of {child.name} does not answer")

    async with Host(run_dir=short_dir, bind=False) as host:
        family = InProcessChildren(SupervisorSpec(), Stage(host, short_dir, start_in_vain))
        with pytest.raises(Unavailable, match="the disk of w1 does not answer"):
            await family.supervision.add_child("w1")


async def test_a_start_that_goes_on_although_it_is_cancelled_is_left_behind_and_bears_no_name(short_dir):
    begun, gate = asyncio.Event(), asyncio.Event()

    async def start_actor(host, child):
        begun.set()
        while not gate.is_set():
            with suppress(asyncio.CancelledError):
                await gate.wait()
        await start(host, child.name, short_dir)

    child = {"name": "w1", "shutdown": 0.05, "ready_timeout_s": 30}
    async with Host(run_dir=short_dir, bind=False) as host:
        yard = Yard(host, short_dir, {"children": [child]}, start_actor)
        yard.supervision.start()
        await begun.wait()
        starting = next(task for task in asyncio.all_tasks() if task.get_name() == "start w1")

        async with asyncio.timeout(5):
            yard.supervision.shutdown("told to")
            await yard.supervision.finished
        assert yard.supervision.views()[0].last_exit == "had not stopped within 0.05 s"

        gate.set()
        await starting
        assert not host.is_ready("w1")
