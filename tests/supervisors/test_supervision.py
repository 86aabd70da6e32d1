"""Supervision over actors of this process: what is kept of children, and what is not."""

import asyncio
import gc
import weakref

import pytest

from actors.host import Host
from supervisors.actor_child import ActorChild
from supervisors.spec import SupervisorSpec
from supervisors.supervision import Supervision
from tests.supervisors.echo_house import Collapse, Leave, start
from transport.errors import Unavailable

TEMPLATE = {"strategy": "simple_one_for_one", "template": {"restart": "temporary"}}


class Yard:
    """A host and its supervision; `forgotten` and `finished` are what it told."""

    def __init__(self, host, root, flags):
        self.host = host
        self.forgotten = asyncio.Queue()
        self.finished = asyncio.get_running_loop().create_future()
        self.children = weakref.WeakValueDictionary()
        self.supervision = Supervision(
            SupervisorSpec(**flags),
            self.make_child,
            on_forget=self.forgotten.put_nowait,
            on_finish=self.finished.set_result,
        )
        self.root = root
        host.on_actor_failed = lambda name, reason, trace: self.children[name].failed(reason, trace)
        host.on_actor_ended = lambda name: self.children[name].stopped_by_itself()

    def make_child(self, spec, supervision):
        child = ActorChild(spec, supervision, self.host, lambda host, name: start(host, name, self.root), self.root)
        self.children[spec.name] = child
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
    assert first.restarts == 0


async def test_many_children_are_stopped_at_once(yard):
    yard = yard(**TEMPLATE)
    await asyncio.gather(*(yard.supervision.add_child(f"w{number}") for number in range(100)))

    yard.supervision.shutdown("told")
    assert {view.state for view in yard.supervision.views()} == {"draining"}
    assert not (await yard.finished).gave_up
