"""A house is looked at when nobody is on the way in or out."""

from __future__ import annotations

import pytest

from chaos.census import Census, Resident, compare

ONE = (Resident(1, 10.0, 5),)


@pytest.mark.parametrize(
    ("more", "steady"),
    [
        ({}, True),
        ({"spare": ONE * 3, "standby": ONE * 7}, True),
        ({"zygote": ONE * 2}, False),  # one of them was forked a moment ago, and is going to be a spare
        ({"heir": ONE}, False),  # whose bearer has ended
    ],
)
def test_a_house_is_steady_when_there_is_one_of_each_kind(more, steady):
    residents = {"supervisor": ONE, "zygote": ONE, "memory": ONE, **more}
    assert Census(residents, frozenset(), ()).is_steady is steady


@pytest.mark.parametrize(("open_now", "grown"), [(54, False), (70, True)])
def test_what_the_supervisor_has_for_standbys_that_came_meanwhile_is_no_growth(open_now, grown):
    young = Census({"supervisor": (Resident(1, 10.0, 40),)}, frozenset(), ())
    full = Census({"supervisor": (Resident(1, 10.0, open_now),), "standby": ONE * 7}, frozenset(), ())
    assert bool([*compare(young, full, grows_mb=48, grows_descriptors=12)]) is grown
