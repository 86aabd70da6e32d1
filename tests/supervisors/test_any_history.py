"""Any history of failures and operators' commands under any flags, drawn by hypothesis: what always holds of a supervisor.

The machine under test is the strategy, which decides; the processes are the model's. What is held against each other: what the
strategy believes of the children, and which of them really run.
"""

from __future__ import annotations

import random
import sys

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supervisors.actions import End, Finish, Forget, Start, Stop
from supervisors.movement import DOWN
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.strategy import Strategy
from transport.errors import LatticeError

pytestmark = pytest.mark.timeout(400)
"""It takes a second; where it finds something, hypothesis may look for a shorter history for five minutes."""

ENDS = [
    End("abnormal", "exit 1"),
    End("killed", "signal 9 (SIGKILL)"),
    End("normal", "exit 0"),
]
NAMES = [f"c{number}" for number in range(5)]
RESTARTS = st.sampled_from(["permanent", "transient", "temporary"])


class AnyHistory(RuleBasedStateMachine):
    @initialize(
        strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
        escalation=st.sampled_from(["terminate", "back_off"]),
        intensity=st.integers(0, 4),
        policy=st.sampled_from(["never", "any_significant", "all_significant"]),
        kinds=st.lists(RESTARTS, max_size=4),
        data=st.data(),
    )
    def begin(self, *, strategy, escalation, intensity, policy, kinds, data):
        self.now = 1000.0
        children = tuple(
            ChildSpec(
                name=name,
                restart=kind,
                significant=policy != "never" and kind != "permanent" and data.draw(st.booleans()),
            )
            for name, kind in zip(NAMES, kinds, strict=False)
        )
        spec = SupervisorSpec(
            strategy=strategy, escalation=escalation, intensity=intensity, period_s=5.0, auto_shutdown=policy, children=children
        )
        self.machine = Strategy(spec, lambda: self.now, random.Random(7))
        self.alive = {}
        self.incarnations = {}
        self.first_order = [child.name for child in children]
        self.finish = None
        self.counted = []
        self.asked = 0
        self.count_restarts()
        self.carry_out(self.machine.start())

    def count_restarts(self):
        """Beside the machine's own count, one that keeps every restart and looks at all of them."""
        allows = self.machine.intensity.allows

        def counted(now):
            intensity, period = self.machine.intensity.intensity, self.machine.intensity.period_s
            expected = sum(now - earlier <= period for earlier in self.counted) < intensity
            allowed = allows(now)
            assert allowed == expected
            self.asked += 1
            if allowed:
                self.counted.append(now)
            return allowed

        self.machine.intensity.allows = counted

    def carry_out(self, actions):
        assert self.asked <= 1, "one incident costs one restart at most"
        self.asked = 0
        for action in actions:
            match action:
                case Start(name):
                    assert name not in self.alive, "no two incarnations"
                    assert self.machine.finishing is None, "nothing is started once all are to stop"
                    self.starts_for_the_first_time_in_order(name)
                    self.alive[name] = "starting"
                    self.incarnations[name] = self.incarnations.get(name, 0) + 1
                    self.starts_in_order(name)
                case Stop(name):
                    assert self.alive[name] in ("starting", "ready"), "whoever is asked to stop runs, and is asked once"
                    self.alive[name] = "draining"
                case Forget(name):
                    assert name not in self.alive, "whoever is forgotten is gone"
                    if name in self.first_order:
                        # Who is added again under its name comes last, and waits for nobody.
                        self.first_order.remove(name)
                case Finish():
                    assert self.finish is None
                    assert not self.alive, "no orphan"
                    self.finish = action

    def starts_in_order(self, name):
        """Nobody of the same batch is on his way up before it, and nobody who goes down with it still runs."""
        member = self.machine.members[name]
        if member.batch is not None:
            others = [other.spec.name for other in member.batch.members if other is not member]
            assert not [other for other in others if self.alive.get(other) in ("starting", "draining")]

    def starts_for_the_first_time_in_order(self, name):
        """Whatever operators want meanwhile: nobody is started for the first time before those that stand before it."""
        if name not in self.first_order or name in self.incarnations:
            return

        for earlier in self.first_order[: self.first_order.index(name)]:
            member = self.machine.members.get(earlier)
            if member is not None and member.wanted:
                assert earlier in self.incarnations
                assert self.incarnations[earlier] > 1 or self.alive.get(earlier) != "starting"

    def pick(self, data, names):
        return data.draw(st.sampled_from(sorted(names)))

    @precondition(lambda self: "starting" in self.alive.values())
    @rule(data=st.data())
    def one_gets_ready(self, data):
        name = self.pick(data, [name for name, state in self.alive.items() if state == "starting"])
        self.alive[name] = "ready"
        self.carry_out(self.machine.ready(name))

    @precondition(lambda self: "starting" in self.alive.values())
    @rule(data=st.data())
    def one_has_nothing_to_do(self, data):
        name = self.pick(data, [name for name, state in self.alive.items() if state == "starting"])
        del self.alive[name]
        self.carry_out(self.machine.ended(name, End("ignored", "ignored its start")))
        assert name not in self.alive or self.machine.members[name].state == "starting"

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), end=st.sampled_from(ENDS))
    def one_ends(self, data, end):
        name = self.pick(data, self.alive)
        asked = self.alive.pop(name) == "draining"
        self.carry_out(self.machine.ended(name, End("shutdown", "exit 0") if asked else end))

    @rule(seconds=st.sampled_from([0.05, 1.0, 4.9, 5.1, 60.0]))
    def time_passes(self, seconds):
        self.now += seconds
        self.carry_out(self.machine.wake())

    @rule(data=st.data(), what=st.sampled_from(["stop_child", "start_child", "restart_child", "delete_child"]))
    def an_operator_asks(self, data, what):
        name = data.draw(st.sampled_from(NAMES))
        if what == "stop_child" and name in self.first_order:
            # It has given up its place; who starts it again wants it now.
            self.first_order.remove(name)
        try:
            self.carry_out(getattr(self.machine, what)(name))
        except LatticeError:
            self.carry_out([])

    @rule(name=st.sampled_from(NAMES), kind=RESTARTS)
    def one_is_added(self, name, kind):
        try:
            self.carry_out(self.machine.add_child(ChildSpec(name=name, restart=kind)))
        except LatticeError:
            self.carry_out([])

    @rule(intensity=st.integers(0, 4), names=st.permutations(NAMES))
    def the_rules_change(self, intensity, names):
        children = tuple(ChildSpec(name=name) for name in names[:2])
        before = dict(self.alive)
        self.first_order = []
        spec = self.machine.spec.model_copy(update={"intensity": intensity, "children": children, "auto_shutdown": "never"})
        self.machine.reconfigure(spec)
        assert self.alive == before
        assert list(self.machine.members)[:2] == list(names[:2])

    @precondition(lambda self: self.machine.finishing is None)
    @rule()
    def all_are_told_to_stop(self):
        self.carry_out(self.machine.shutdown("told"))

    @invariant()
    def what_is_listed_is_true(self):
        if not hasattr(self, "machine"):
            return

        for name, member in self.machine.members.items():
            assert self.alive.get(name) == (None if member.state in DOWN else member.state)
        assert set(self.alive) <= set(self.machine.members), "nobody runs who is not listed"
        assert self.machine.active == sum(state in ("ready", "draining") for state in self.alive.values())

    @invariant()
    def something_always_goes_on(self):
        """Whoever is to run runs, or is on his way, or there is a time at which he will be tried."""
        if not hasattr(self, "machine") or self.machine.finishing is not None:
            return

        for member in self.machine.members.values():
            if member.wanted and member.state in DOWN:
                batch = member.batch
                assert batch is not None
                assert batch.due or any(other.spec.name in self.alive for other in batch.members)

    @invariant()
    def who_gave_up_had_counted_to_the_end(self):
        if hasattr(self, "machine") and self.finish is not None and self.finish.gave_up:
            assert self.machine.spec.escalation == "terminate"

    def teardown(self):
        """Told to stop, everything comes down, last first, and then it is over."""
        if not hasattr(self, "machine") or sys.exc_info()[0] is not None:
            # What failed before is to be told, and not what comes of going on after it.
            return

        # Who was told to end before by an operator ends when it does; the others in the reverse of their order.
        told_before = {name for name, state in self.alive.items() if state == "draining"}
        self.carry_out(self.machine.shutdown("at the end"))
        order = list(self.machine.members)
        went = []
        while self.alive:
            name = next(name for name, state in self.alive.items() if state == "draining")
            del self.alive[name]
            if name not in told_before:
                went.append(order.index(name))
            self.carry_out(self.machine.ended(name, End("shutdown", "exit 0")))
        assert went == sorted(went, reverse=True)
        assert self.finish is not None


AnyHistory.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyHistory = AnyHistory.TestCase
