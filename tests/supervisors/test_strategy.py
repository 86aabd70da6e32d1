"""Erlang's rules, on the pure machine: order, counting, backing off, significance."""

import pytest

from supervisors.actions import Finish, Forget, Start, Stop
from supervisors.spec import ChildSpec, SupervisorSpec
from tests.supervisors.drive import ASKED, CRASH, KILL, NORMAL, Drive
from transport.errors import Conflict


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


def test_adopted_children_are_not_started_again():
    strategy = Drive("a", "b", "c").strategy
    strategy.adopt("a", "starting")
    strategy.adopt("c", "draining")

    assert strategy.start() == []
    assert strategy.ended("c", ASKED) == []
    assert strategy.ready("a") == [Start("b")]
    assert strategy.ready("b") == [Start("c")]
