"""Children that operators stop, start, add and delete, and those that are made of a template, on the pure machine."""

import pytest

from supervisors.actions import Finish, Forget, Start, Stop
from supervisors.spec import ChildSpec, ChildTemplate, SupervisorSpec
from tests.supervisors.drive import ASKED, CRASH, KILL, NORMAL, Drive
from transport.errors import Conflict, NotFound, Unavailable


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
