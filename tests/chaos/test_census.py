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
        ({"spare": ONE * 6}, False),  # some came too late on a busy machine, and are sent away
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


def test_the_most_that_one_of_a_kind_has_grown_by_tells_whether_a_house_is_warm():
    def house(paradox_mb: float, memory_mb: float, standby_mb: float) -> Census:
        sizes = {"paradox": paradox_mb, "memory": memory_mb, "standby": standby_mb}
        return Census({what: (Resident(1, mb, 5),) for what, mb in sizes.items()}, frozenset(), ())

    assert house(223, 90, 60).grown_since(house(153, 100, 20)) == 70
    assert house(150, 90, 60).grown_since(house(153, 100, 20)) == -3
    assert Census({}, frozenset(), ()).grown_since(house(153, 100, 20)) == 0
