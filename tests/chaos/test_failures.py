"""Each failed operation is told with whose it was, its error, and how it lay to what was struck."""

from __future__ import annotations

import pytest

from chaos.failures import Strike, failures
from chaos.history import Operation

STRIKES = (Strike("SIGKILL memory", 10.0), Strike("SIGKILL gateway", 20.0))


def operation(**told):
    outcome, do = told.pop("outcome", "failed"), told.pop("do", "chat")
    return Operation("row.chat-0", 7, do, 19.5, 20.25, outcome, told)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"form": "plain", "error": "E: no"}, "failed: plain chat 7 of row.chat-0"),
        ({"form": "stream", "error": "E: no", "broken": True}, "broken: stream chat 7 of row.chat-0"),
        ({"do": "write", "error": "E: no"}, "failed: write 7 of row.chat-0"),
    ],
)
def test_a_failure_is_told_from_the_last_strike_before_its_end(told, words):
    [failure] = failures([operation(**told)], STRIKES)
    assert str(failure) == f"{words}, began -0.50 s and ended +0.25 s from SIGKILL gateway: E: no"


def test_what_ended_before_anything_was_struck_says_so():
    [failure] = failures([operation(error="E: no", form="plain")], [Strike("SIGKILL gateway", 21.0)])
    assert str(failure) == "failed: plain chat 7 of row.chat-0, before anything was struck: E: no"


def test_degraded_answers_are_told_and_good_ones_and_followers_are_not():
    found = failures(
        [
            operation(outcome="ok"),
            operation(outcome="ok", degraded=True, form="stream"),
            operation(do="feed"),
            operation(outcome="refused"),
        ]
    )
    assert [(failure.how, failure.form) for failure in found] == [("degraded", "stream")]
