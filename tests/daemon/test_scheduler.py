"""When cycles are due: pure times."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from actors.daemon import scheduler

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_the_next_run_is_an_interval_and_at_most_the_jitter_later() -> None:
    for seed in ("a", "b", "c"):
        due = scheduler.after_run(NOW, 600, 0.1, seed)
        assert timedelta(seconds=600) <= due - NOW < timedelta(seconds=660)
        assert due == scheduler.after_run(NOW, 600, 0.1, seed)


def test_each_failure_in_a_row_waits_twice_as_long_up_to_the_limit() -> None:
    waits = [(scheduler.after_failure(NOW, failures, 30, 3600, "x") - NOW).total_seconds() for failures in range(1, 12)]
    assert 30 <= waits[0] < 36
    assert all(abs(2 * one - later) < 1e-3 for one, later in pairwise(waits[:7]))
    assert max(waits) < 3600 * 1.2
    assert scheduler.after_failure(NOW, 100_000, 30, 3600, "x") - NOW < timedelta(seconds=3600 * 1.2)


def test_a_clock_set_back_leaves_no_cycle_waiting_for_years() -> None:
    assert scheduler.sane(NOW + timedelta(days=900), NOW, 3600) == NOW + timedelta(hours=1)
    assert scheduler.sane(NOW - timedelta(days=900), NOW, 3600) == NOW - timedelta(days=900)
