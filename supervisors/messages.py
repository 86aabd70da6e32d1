"""The supervisor's contracts under their own roof; they stand in `actors/supervision.py`, where the gateway may read them."""

from actors.supervision import (
    Child,
    ChildChanged,
    Children,
    ChildState,
    Lanes,
    ListChildren,
    RestartChild,
    StartChild,
    StopChild,
)

__all__ = [
    "Child",
    "ChildChanged",
    "ChildState",
    "Children",
    "Lanes",
    "ListChildren",
    "RestartChild",
    "StartChild",
    "StopChild",
]
