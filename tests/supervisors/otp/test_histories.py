"""Drawn histories over real children: a tree of actors or of processes, whose children end and whose operators wish.

What is expected is kept beside it in a few lines: who is to be up, and how many restarts each supervisor has counted.
"""

from __future__ import annotations

import random

import pytest

from tests.supervisors.otp.erlang import RESTARTING, UNDEFINED, Sup, supervisor, worker
from transport.errors import LatticeError

STEPS = 14
INNER = ("w1", "w2")
INNER_INTENSITY = 1


class Expected:
    """Who is to be up, and what was counted; a model of the tree."""

    def __init__(self, kinds: dict[str, str], strategy: str, intensity: int) -> None:
        self.kinds = kinds
        self.strategy = strategy
        self.intensity = intensity
        self.up = dict.fromkeys(kinds, True)
        self.restarts = 0
        self.inner_restarts = 0

    @property
    def over(self) -> bool:
        return self.restarts > self.intensity

    def ended(self, name: str, *, normal: bool) -> None:
        """A child of the upper supervisor ended by itself."""
        kind = self.kinds[name]
        if kind == "temporary":
            del self.kinds[name], self.up[name]
        elif kind == "transient" and normal:
            self.up[name] = False
        else:
            self.restarts += 1
            names = list(self.kinds)
            moved = {
                "one_for_one": [name],
                "rest_for_one": names[names.index(name) :],
                "one_for_all": names,
            }[self.strategy]
            for other in moved:
                self.restarted(other)

    def restarted(self, name: str) -> None:
        if self.kinds[name] == "temporary":
            del self.kinds[name], self.up[name]
        else:
            self.up[name] = True
            if name == "inner":
                self.inner_restarts = 0

    def inner_ended(self) -> bool:
        """A worker below the inner supervisor ended; whether that was one too many."""
        self.inner_restarts += 1
        too_many = self.inner_restarts > INNER_INTENSITY
        if too_many:
            self.ended("inner", normal=True)
        return too_many


@pytest.mark.parametrize("seed", [3, 8])
async def test_any_history_of_a_tree(world, seed):
    chance = random.Random(seed)
    names = chance.sample(["a", "inner", "b", "c"], 4)
    kinds = {name: "permanent" if name == "inner" else chance.choice(["permanent", "transient", "temporary"]) for name in names}
    expected = Expected(kinds, chance.choice(["one_for_one", "rest_for_one", "one_for_all"]), chance.randint(3, 5))
    specs = [spec_of(world, name, kinds[name]) for name in names]
    sup = await world.sup(children=specs, strategy=expected.strategy, intensity=expected.intensity)
    inner = Sup(world, "inner")
    assert [name for name in world.starts() if name not in INNER] == [name for name in names if name != "inner"]

    seen: set[object] = set()
    for _ in range(STEPS):
        seen |= await what_is_listed_is_true(world, sup, inner, expected)
        await something_happens(world, sup, inner, expected, chance)
        if expected.over:
            assert await sup.exit() in ("shutdown", "normal")
            break
    else:
        seen |= await what_is_listed_is_true(world, sup, inner, expected)
        running = [name for name, up in expected.up.items() if up]
        assert await sup.shutdown() == "shutdown"
        stopped = [name for name in world.order_of_ends() if name in running]
        assert stopped[-len(running) :] == running[::-1]

    await world.until(lambda: not world.pids(*seen))


def spec_of(world, name, kind):
    if name == "inner":
        workers = [worker(world, below, shutdown=2.0) for below in INNER]
        return supervisor(world, "inner", workers, intensity=INNER_INTENSITY)
    return worker(world, name, restart=kind, shutdown=2.0)


async def something_happens(world, sup, inner, expected, chance):
    """One step: somebody ends, or an operator wants something."""
    up = [name for name, is_up in expected.up.items() if is_up and name != "inner"]
    down = [name for name, is_up in expected.up.items() if not is_up]
    what = chance.choice(["crash", "kill", "normal", "below", "stop", "start"])

    if what == "start" and down:
        name = chance.choice(down)
        await sup.restart_child(name)
        expected.up[name] = True
    elif what == "stop" and up:
        name = chance.choice(up)
        await sup.terminate_child(name)
        if expected.kinds[name] == "temporary":
            del expected.kinds[name], expected.up[name]
        else:
            expected.up[name] = False
    elif what == "below":
        known = len(world.exits("inner"))
        await inner.end(chance.choice(INNER), chance.choice(["crash", "kill"]))
        if expected.inner_ended():
            await world.until(lambda: len(world.exits("inner")) > known)
    elif what in ("crash", "kill", "normal") and up:
        name = chance.choice(up)
        await sup.end(name, what)
        expected.ended(name, normal=what == "normal")


async def what_is_listed_is_true(world, sup, inner, expected):
    """Everybody who is to be up is, once, and nobody else; returns who is there."""

    async def settled():
        try:
            listed = dict(await sup.which_children())
            below = dict(await inner.which_children()) if expected.up["inner"] else {}
        except LatticeError:
            return None  # the inner one is just being replaced
        everybody = [*listed.values(), *below.values()]
        up = {name: who is not UNDEFINED for name, who in listed.items() if who != RESTARTING}
        return (listed, below) if up == expected.up and RESTARTING not in everybody and below.keys() == set(INNER) else None

    listed, below = await world.until(settled)
    assert list(listed) == list(expected.kinds)[::-1]
    there = [who for who in (*listed.values(), *below.values()) if who is not UNDEFINED]
    assert len(there) == len(set(there)), "two names, one bearer"
    assert sorted(map(str, world.pids(*there))) == sorted(map(str, there)), "whoever is listed runs"
    specs, active, *_ = await sup.count_children()
    assert (specs, active) == (len(listed), sum(expected.up.values()))
    return set(there)
