"""Depth: how much thought an answer gets, from the effort that was asked for and the time that is left. Knows no actor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import JsonValue

from actors.thinking.messages import Effort

__all__ = ["PLAN", "Depth", "depth_for", "has_tools", "takes_several_calls"]

NEEDED: Final[dict[Effort, float]] = {"none": 0.0, "low": 0.0, "medium": 2.5, "high": 3.0}
"""Model calls, one after the other, that an effort needs to be worth beginning, in expected calls."""

ORDER: Final[tuple[Effort, ...]] = ("high", "medium", "low", "none")

PLAN: Final = (
    "Before you answer, plan in a few short lines between <think> and </think>: what is asked, what you know of it, what "
    "could be "
    "wrong. These lines are removed; then write the answer alone."
)
"""What effort "low" adds to its one call."""


class Depth(NamedTuple):
    """The depth, and why it is less than what was asked for; empty where it is not."""

    effort: Effort
    why: str


def depth_for(effort: Effort | None, options: Mapping[str, JsonValue], *, left_s: float, pace_s: float) -> Depth:
    """What an effort comes to.

    Args:
        effort: what the request asks for.
        options: the request's; see `takes_several_calls`.
        left_s: seconds that models may take.
        pace_s: seconds that one call is expected to take.
    """
    asked: Effort = effort or "none"
    if asked in {"medium", "high"} and (reason := takes_several_calls(options)):
        return Depth("none", reason)

    for effort_in_time in ORDER[ORDER.index(asked) :]:
        if NEEDED[effort_in_time] * pace_s <= left_s:
            why = "" if effort_in_time == asked else f"{left_s:.1f} s are left, and a model call takes about {pace_s:.1f} s"
            return Depth(effort_in_time, why)

    return Depth("none", "no time is left")


def takes_several_calls(options: Mapping[str, JsonValue]) -> str:
    """Why a request can be answered by one call alone; empty where it can be deliberated on."""
    if has_tools(options):
        return "the client's own tools are the steps of this answer"
    if options.get("n") not in {None, 1}:
        return "the client asked for several choices"
    if options.get("logprobs"):
        return "the client asked for log probabilities"
    if options.get("audio") or options.get("modalities") not in (None, ["text"]):
        return "the client asked for more than text"

    return ""


def has_tools(options: Mapping[str, JsonValue]) -> bool:
    """Whether the client offers tools of its own."""
    return bool(options.get("tools") or options.get("functions"))
