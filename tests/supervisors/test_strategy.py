"""Erlang's rules, on the pure machine: order, counting, backing off, significance."""

import random

import pytest

from supervisors.spec import ChildSpec, ChildTemplate, SupervisorSpec
from supervisors.strategy import End, Finish, Forget, Start, Stop, Strategy
from transport.errors import Conflict, NotFound, Unavailable

CRASH = End("abnormal", "exit 1")
KILL = End("killed", "signal 9 (SIGKILL)")
NORMAL = End("normal", "exit 0")
ASKED = End("shutdown", "exit 0")


class Drive:
    """A strategy, a clock turned by hand, and a record of all that was asked for."""

    def __init__(self, *children, **flags):
        self.now = 1000.0
        specs = tuple(ChildSpec(name=child) if isinstance(child, str) else child for child in children)
        flags.setdefault("escalation", "terminate")
        self.strategy = Strategy(SupervisorSpec(children=specs, **flags), lambda: self.now, random.Random(1))

    def up(self):
        """Start, and let every start succeed."""
        self.settle(self.strategy.start())
        return self

    def settle(self, actions):
        """Let all that is asked for succeed at once; what was asked for, in order."""
        done = []
        pending = list(actions)
        while pending:
            action = pending.pop(0)
            done.append(action)
            if isinstance(action, Start):
                pending += self.strategy.ready(action.name)
            elif isinstance(action, Stop):
                pending += self.strategy.ended(action.name, ASKED)
        return done

    def crash(self, name, end=CRASH):
        return self.settle(self.strategy.ended(name, end))

    def states(self):
        return {name: member.state for name, member in self.strategy.members.items()}


def test_children_start_in_order_each_after_the_one_before_is_ready():
    strategy = Drive("a", "b", "c").strategy

    assert strategy.start() == [Start("a")]
    assert strategy.wake() == []
    assert strategy.ready("a") == [Start("b")]
    assert strategy.ready("b") == [Start("c")]
    assert strategy.ready("c") == []


def test_children_stop_in_reverse_order_each_after_the_one_before_is_down():
    strategy = Drive("a", "b", "c").up().strategy

    assert strategy.shutdown("told") == [Stop("c")]
    assert strategy.ended("c", ASKED) == [Stop("b")]
    assert strategy.ended("b", ASKED) == [Stop("a")]
    assert strategy.ended("a", ASKED) == [Finish("told", gave_up=False)]


def test_one_that_dies_while_others_stop_is_neither_restarted_nor_waited_for():
    strategy = Drive("a", "b", "c").up().strategy
    strategy.shutdown("told")

    assert strategy.ended("a", CRASH) == []
    assert strategy.ended("c", ASKED) == [Stop("b")]
    assert strategy.ended("b", ASKED) == [Finish("told", gave_up=False)]


def test_one_for_one_restarts_only_the_one_that_died():
    drive = Drive("a", "b").up()

    assert drive.crash("a") == [Start("a")]
    assert drive.states() == {"a": "ready", "b": "ready"}


def test_one_for_one_restarts_side_by_side():
    strategy = Drive("a", "b", intensity=2).up().strategy

    assert strategy.ended("a", CRASH) == [Start("a")]
    assert strategy.ended("b", CRASH) == [Start("b")]


def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order():
    assert Drive("a", "b", "c", strategy="one_for_all").up().crash("b") == [
        Stop("c"),
        Stop("a"),
        Start("a"),
        Start("b"),
        Start("c"),
    ]


def test_rest_for_one_leaves_those_before_alone():
    drive = Drive("a", "b", "c", "d", strategy="rest_for_one").up()

    assert drive.crash("b") == [Stop("d"), Stop("c"), Start("b"), Start("c"), Start("d")]


def test_one_incident_costs_one_restart_however_many_die_of_it():
    drive = Drive("a", "b", "c", strategy="one_for_all", intensity=1).up()
    actions = drive.strategy.ended("b", CRASH)
    assert actions == [Stop("c")]

    assert drive.strategy.ended("a", CRASH) == []
    assert drive.settle(drive.strategy.ended("c", CRASH)) == [Start("a"), Start("b"), Start("c")]


def test_a_failed_start_in_one_for_all_begins_the_round_anew():
    strategy = Drive("a", "b", strategy="one_for_all", intensity=3).up().strategy
    strategy.ended("a", CRASH)
    assert strategy.ended("b", ASKED) == [Start("a")]
    assert strategy.ready("a") == [Start("b")]

    assert strategy.ended("b", CRASH) == [Stop("a")]
    assert strategy.ended("a", ASKED) == [Start("a")]
    assert strategy.ready("a") == [Start("b")]


def test_a_failed_start_in_rest_for_one_goes_on_from_there():
    strategy = Drive("a", "b", "c", strategy="rest_for_one", intensity=3).up().strategy
    strategy.ended("a", CRASH)
    strategy.ended("c", ASKED)
    assert strategy.ended("b", ASKED) == [Start("a")]
    assert strategy.ready("a") == [Start("b")]

    assert strategy.ended("b", CRASH) == [Start("b")]
    assert strategy.ready("b") == [Start("c")]


@pytest.mark.parametrize("intensity", [0, 1, 3])
def test_one_restart_more_than_the_intensity_ends_the_supervisor(intensity):
    drive = Drive("a", "b", intensity=intensity, period_s=5).up()

    for _ in range(intensity):
        assert drive.crash("a") == [Start("a")]

    (stop, finish) = drive.crash("a")
    assert stop == Stop("b")
    assert finish.gave_up
    assert "exit 1" in finish.reason
    assert drive.states() == {"a": "given_up", "b": "stopped"}


def test_restarts_of_all_children_go_into_one_count():
    drive = Drive("a", "b", intensity=1).up()
    drive.crash("a")

    assert isinstance(drive.crash("b")[-1], Finish)


def test_a_restart_leaves_the_window_when_it_is_older_than_the_period():
    drive = Drive("a", intensity=1, period_s=5).up()
    drive.crash("a")
    drive.now += 5.1
    assert drive.crash("a") == [Start("a")]

    drive.now += 5.0
    assert isinstance(drive.crash("a")[-1], Finish)


def test_failed_starts_during_a_restart_count():
    drive = Drive("a", "b", intensity=3).up()
    assert drive.strategy.ended("a", CRASH) == [Start("a")]
    assert drive.strategy.ended("a", CRASH) == [Start("a")]
    assert drive.strategy.ended("a", CRASH) == [Start("a")]

    assert isinstance(drive.crash("a")[-1], Finish)


def test_a_child_that_cannot_start_at_first_ends_the_start():
    drive = Drive("a", "b", "c", intensity=9)
    drive.strategy.start()
    drive.strategy.ready("a")

    actions = drive.settle(drive.strategy.ended("b", CRASH))

    assert actions == [Stop("a"), Finish("b could not start: exit 1", gave_up=True)]


@pytest.mark.parametrize(
    ("restart", "end", "comes_back"),
    [
        ("permanent", NORMAL, True),
        ("permanent", CRASH, True),
        ("permanent", KILL, True),
        ("transient", NORMAL, False),
        ("transient", CRASH, True),
        ("transient", KILL, True),
        ("temporary", NORMAL, False),
        ("temporary", CRASH, False),
        ("temporary", KILL, False),
    ],
)
def test_restart_types(restart, end, comes_back):
    drive = Drive(ChildSpec(name="a", restart=restart), "b").up()

    actions = drive.crash("a", end)

    assert (Start("a") in actions) is comes_back
    assert ("a" in drive.states()) is (restart != "temporary")
    assert drive.states()["b"] == "ready"


def test_a_temporary_sibling_stopped_by_a_group_restart_is_forgotten():
    drive = Drive("a", ChildSpec(name="b", restart="temporary"), strategy="one_for_all").up()

    assert drive.crash("a") == [Stop("b"), Forget("b"), Start("a")] or drive.states() == {"a": "ready"}


def test_a_group_restart_brings_back_a_sibling_that_had_ended():
    drive = Drive(ChildSpec(name="a", restart="transient"), "b", strategy="one_for_all").up()
    drive.crash("a", NORMAL)

    assert drive.crash("b") == [Start("a"), Start("b")]


class TestBackingOff:
    def drive(self, *names, **flags):
        flags = {"escalation": "back_off", "backoff_first_s": 1.0, "backoff_factor": 2.0, "backoff_cap_s": 5.0, **flags}
        return Drive(*names, **flags)

    def test_the_first_restart_comes_at_once_and_each_further_one_later(self):
        drive = self.drive("a").up()
        assert drive.crash("a") == [Start("a")]

        waits = []
        for _ in range(6):
            assert drive.crash("a") == []
            assert drive.states() == {"a": "backing_off"}
            waits.append(drive.strategy.due - drive.now)
            drive.now = drive.strategy.due
            assert drive.settle(drive.strategy.wake()) == [Start("a")]

        for wait, most in zip(waits, [1, 2, 4, 5, 5, 5], strict=True):
            assert 0.75 * most <= wait <= most
        assert drive.strategy.due is None

    def test_a_child_that_was_up_for_the_period_starts_from_the_beginning(self):
        drive = self.drive("a", period_s=5).up()
        drive.crash("a")
        drive.now += 6

        assert drive.crash("a") == [Start("a")]

    def test_the_house_never_gives_up(self):
        drive = self.drive("a", "b", intensity=0).up()

        for _ in range(2000):
            drive.crash("a")
            drive.now = drive.strategy.due or drive.now
            drive.settle(drive.strategy.wake())

        assert drive.states() == {"a": "ready", "b": "ready"}

    def test_who_is_killed_while_serving_comes_back_at_once_every_time(self):
        drive = self.drive("a").up()

        assert [drive.crash("a", KILL) for _ in range(20)] == [[Start("a")]] * 20

    def test_a_child_that_cannot_start_does_not_hold_up_the_rest(self):
        drive = self.drive("a", "b", "c")
        drive.strategy.start()
        drive.strategy.ready("a")

        assert set(drive.strategy.ended("b", CRASH)) == {Start("b"), Start("c")}
        assert drive.strategy.ended("b", CRASH) == []
        assert drive.strategy.ready("c") == []
        assert drive.states() == {"a": "ready", "b": "backing_off", "c": "ready"}

    def test_a_waiting_child_can_be_started_stopped_and_the_house_shut_down(self):
        drive = self.drive("a").up()
        drive.crash("a")
        drive.crash("a")
        with pytest.raises(Conflict, match="a is backing_off"):
            drive.strategy.start_child("a")
        assert drive.strategy.restart_child("a") == [Start("a")]

        drive.strategy.ready("a")
        drive.crash("a")
        drive.crash("a")
        drive.strategy.stop_child("a")
        assert drive.states() == {"a": "stopped"}

        drive.strategy.start_child("a")
        drive.crash("a")
        drive.crash("a")
        assert drive.strategy.shutdown("told") == [Finish("told", gave_up=False)]

    def test_a_group_waits_together(self):
        drive = self.drive("a", "b", strategy="one_for_all").up()
        drive.crash("b")
        assert drive.crash("b") == [Stop("a")]

        drive.now = drive.strategy.due
        assert drive.settle(drive.strategy.wake()) == [Start("a"), Start("b")]


class TestSignificance:
    def children(self):
        return (
            ChildSpec(name="a", restart="transient", significant=True),
            ChildSpec(name="b", restart="transient"),
            ChildSpec(name="c", restart="temporary", significant=True),
        )

    def test_any(self):
        drive = Drive(*self.children(), auto_shutdown="any_significant").up()

        assert drive.crash("b", NORMAL) == []
        finish = drive.crash("a", NORMAL)[-1]
        assert isinstance(finish, Finish)
        assert not finish.gave_up

    def test_all(self):
        drive = Drive(*self.children(), auto_shutdown="all_significant").up()

        assert not any(isinstance(action, Finish) for action in drive.crash("c", CRASH))
        assert isinstance(drive.crash("a", NORMAL)[-1], Finish)

    def test_an_operators_stop_does_not_count(self):
        drive = Drive(*self.children(), auto_shutdown="any_significant").up()

        assert drive.settle(drive.strategy.stop_child("a")) == [Stop("a")]

    def test_significance_without_auto_shutdown_is_refused(self):
        with pytest.raises(ValueError, match="auto_shutdown is never"):
            SupervisorSpec(children=self.children())

        with pytest.raises(ValueError, match="permanent child cannot be significant"):
            ChildSpec(name="a", significant=True)


class TestOperators:
    def test_stop_and_start(self):
        drive = Drive("a", "b", intensity=0).up()

        assert drive.settle(drive.strategy.stop_child("a")) == [Stop("a")]
        assert drive.settle(drive.strategy.stop_child("a")) == []
        assert drive.settle(drive.strategy.start_child("a")) == [Start("a")]
        with pytest.raises(Conflict, match="a is ready"):
            drive.strategy.start_child("a")

    def test_a_restart_is_not_counted(self):
        drive = Drive("a", intensity=0).up()

        assert drive.settle(drive.strategy.restart_child("a")) == [Stop("a"), Start("a")]
        assert drive.settle(drive.strategy.restart_child("a")) == [Stop("a"), Start("a")]

    def test_a_failed_start_by_hand_leaves_it_stopped(self):
        drive = Drive("a", "b", intensity=5).up()
        drive.settle(drive.strategy.stop_child("a"))
        drive.strategy.start_child("a")

        assert drive.crash("a") == []
        assert drive.states() == {"a": "stopped", "b": "ready"}

    def test_children_come_and_go_at_run_time(self):
        drive = Drive("a").up()

        assert drive.settle(drive.strategy.add_child(ChildSpec(name="b"))) == [Start("b")]
        with pytest.raises(Conflict):
            drive.strategy.add_child(ChildSpec(name="b"))
        with pytest.raises(Conflict):
            drive.strategy.delete_child("b")

        drive.settle(drive.strategy.stop_child("b"))
        assert drive.strategy.delete_child("b") == [Forget("b")]
        with pytest.raises(NotFound):
            drive.strategy.start_child("b")

    def test_a_wish_during_a_drain_is_granted_after_it(self):
        strategy = Drive("a").up().strategy
        assert strategy.stop_child("a") == [Stop("a")]
        assert strategy.start_child("a") == []

        assert strategy.ended("a", ASKED) == [Start("a")]


class TestNotUpYet:
    """Of a house whose first child cannot start at once."""

    def drive(self, *names):
        drive = Drive(*names, strategy="one_for_all", escalation="back_off")
        drive.strategy.start()
        assert drive.strategy.ended("a", CRASH) == [Start("a")]
        assert drive.strategy.ended("a", CRASH) == []
        return drive

    def test_who_is_wanted_by_an_operator_keeps_its_place_and_those_before_it_are_tried_now(self):
        drive = self.drive("a", "b", "c")

        assert drive.strategy.start_child("c") == [Start("a")]
        assert drive.strategy.ready("a") == [Start("b")]
        assert drive.strategy.ready("b") == [Start("c")]

    def test_a_temporary_child_still_has_its_first_start(self):
        drive = self.drive("a", ChildSpec(name="b", restart="temporary"))

        drive.now += 60.0
        assert drive.strategy.wake() == [Start("a")]
        assert drive.strategy.ready("a") == [Start("b")]


class TestAddedAtRunTime:
    @pytest.mark.parametrize("escalation", ["terminate", "back_off"])
    def test_one_that_cannot_start_is_forgotten_and_counts_for_nothing(self, escalation):
        drive = Drive("a", intensity=0, escalation=escalation).up()
        drive.strategy.add_child(ChildSpec(name="b"))

        assert drive.crash("b") == [Forget("b")]
        assert drive.states() == {"a": "ready"}

    def test_once_it_has_been_ready_it_is_a_child_like_any_other(self):
        drive = Drive("a", strategy="rest_for_one").up()
        drive.settle(drive.strategy.add_child(ChildSpec(name="b")))
        drive.settle(drive.strategy.add_child(ChildSpec(name="c")))
        assert drive.crash("b") == [Stop("c"), Start("b"), Start("c")]

        drive.settle(drive.strategy.stop_child("c"))
        drive.strategy.start_child("c")
        assert drive.crash("c") == []
        assert drive.states()["c"] == "stopped"

    def test_one_that_waits_to_be_tried_again_is_there_and_not_stopped(self):
        drive = Drive("a", escalation="back_off").up()
        drive.crash("a")
        drive.crash("a")

        with pytest.raises(Conflict, match="already; it is backing_off"):
            drive.strategy.add_child(ChildSpec(name="a"))
        with pytest.raises(Conflict, match="a is backing_off; stop it first"):
            drive.strategy.delete_child("a")
        assert drive.strategy.stop_child("a") == []
        assert drive.strategy.due is None
        assert drive.strategy.delete_child("a") == [Forget("a")]

    def test_a_temporary_child_that_cannot_start_concerns_nobody_else(self):
        drive = Drive("a", ChildSpec(name="b", restart="temporary"), strategy="one_for_all", escalation="back_off")
        drive.strategy.start()
        drive.strategy.ready("a")

        assert drive.crash("b") == [Forget("b")]
        assert drive.states() == {"a": "ready"}

    def test_nothing_is_started_once_all_are_to_stop(self):
        drive = Drive("a", "b").up()
        drive.settle(drive.strategy.stop_child("b"))
        assert drive.strategy.shutdown("told") == [Stop("a")]

        for wish in (
            lambda: drive.strategy.start_child("b"),
            lambda: drive.strategy.restart_child("a"),
            lambda: drive.strategy.add_child(ChildSpec(name="c")),
        ):
            with pytest.raises(Unavailable, match="all children are being stopped: told"):
                wish()
        assert drive.strategy.stop_child("a") == []
        assert drive.strategy.ended("a", ASKED) == [Finish("told", gave_up=False)]


class TestMadeOfATemplate:
    def drive(self, *names, restart="permanent", **flags):
        drive = Drive(strategy="simple_one_for_one", template=ChildTemplate(restart=restart), **flags).up()
        for name in names:
            assert self.add(drive, name) == [Start(name)]
        return drive

    def add(self, drive, name):
        return drive.settle(drive.strategy.add_child(drive.strategy.spec.child(name)))

    def test_none_at_the_start(self):
        drive = self.drive()

        assert drive.states() == {}
        assert drive.strategy.shutdown("told") == [Finish("told", gave_up=False)]

    def test_they_are_restarted_alone_and_counted_together(self):
        drive = self.drive("a", "b", intensity=2)
        assert drive.crash("a") == [Start("a")]
        assert drive.crash("b") == [Start("b")]

        assert drive.crash("a")[-1].gave_up

    def test_failed_restarts_of_one_end_all(self):
        drive = self.drive("a", "b", intensity=4)
        for _ in range(4):
            assert drive.strategy.ended("a", CRASH) == [Start("a")]

        stop, finish = drive.crash("a")
        assert stop == Stop("b")
        assert finish.gave_up

    def test_they_stop_all_at_once(self):
        strategy = self.drive("a", "b", "c").strategy
        strategy.stop_child("b")

        assert strategy.shutdown("told") == [Stop("a"), Stop("c")]
        assert strategy.ended("a", ASKED) == strategy.ended("b", CRASH) == []
        assert strategy.ended("c", ASKED) == [Finish("told", gave_up=False)]

    @pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
    def test_a_stopped_one_is_forgotten(self, restart):
        drive = self.drive("a", "b", restart=restart)

        assert drive.settle(drive.strategy.stop_child("a")) == [Stop("a"), Forget("a")]
        assert drive.states() == {"b": "ready"}
        assert self.add(drive, "a") == [Start("a")]

    @pytest.mark.parametrize(
        ("restart", "end", "what_follows"),
        [
            ("permanent", NORMAL, Start("a")),
            ("transient", NORMAL, Forget("a")),
            ("transient", KILL, Start("a")),
            ("temporary", KILL, Forget("a")),
        ],
    )
    def test_restart_types(self, restart, end, what_follows):
        assert self.drive("a", "b", restart=restart).crash("a", end) == [what_follows]

    def test_one_that_waits_to_be_tried_again_can_be_stopped_for_good(self):
        drive = self.drive("a", escalation="back_off")
        drive.crash("a")
        drive.crash("a")
        assert drive.states() == {"a": "backing_off"}

        assert drive.strategy.stop_child("a") == [Forget("a")]
        assert drive.strategy.due is None

    def test_those_that_a_supervisor_left_are_taken_over_side_by_side(self):
        drive = self.drive(intensity=1)
        for name in ("a", "b", "c"):
            drive.strategy.remember_child(drive.strategy.spec.child(name))
        drive.strategy.adopt("b", "ready")

        assert drive.strategy.start() == [Start("a"), Start("c")]
        assert drive.strategy.ended("a", CRASH) == [Start("a")]

    def test_many_come_and_go(self):
        drive = self.drive(*(f"c{number}" for number in range(300)), restart="temporary")
        for number in range(300):
            drive.crash(f"c{number}")

        assert drive.states() == {}

    @pytest.mark.parametrize(
        ("flags", "problem"),
        [
            ({}, "simple_one_for_one has a template"),
            ({"template": {}, "strategy": "one_for_all"}, "no other strategy has"),
            ({"template": {}, "children": (ChildSpec(name="a"),)}, "no child at its start"),
            ({"template": {}, "auto_shutdown": "any_significant"}, "none is significant"),
            ({"template": {}, "auto_shutdown": "all_significant"}, "none is significant"),
            ({"template": {"restart": "transient", "significant": True}}, "auto_shutdown is never"),
        ],
    )
    def test_flags_that_make_no_sense_are_refused(self, flags, problem):
        with pytest.raises(ValueError, match=problem):
            SupervisorSpec(**{"strategy": "simple_one_for_one", **flags})


def test_adopted_children_are_not_started_again():
    strategy = Drive("a", "b", "c").strategy
    strategy.adopt("a", "starting")
    strategy.adopt("c", "draining")

    assert strategy.start() == []
    assert strategy.ended("c", ASKED) == []
    assert strategy.ready("a") == [Start("b")]
    assert strategy.ready("b") == [Start("c")]
