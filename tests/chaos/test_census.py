"""A house is looked at when nobody is on the way in or out."""

from __future__ import annotations

import pytest

from chaos.census import Census, Resident

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
