"""When cycles are due: pure times."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from pydantic import ValidationError

from actors.daemon import scheduler
from actors.daemon.settings import CycleSettings

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
TEN_MINUTES = CycleSettings(interval_s=600)


def test_the_next_run_is_an_interval_and_at_most_the_jitter_later() -> None:
    for seed in ("a", "b", "c"):
        due = scheduler.after_run(NOW, TEN_MINUTES, 0.1, seed)
        assert timedelta(seconds=600) <= due - NOW < timedelta(seconds=660)
        assert due == scheduler.after_run(NOW, TEN_MINUTES, 0.1, seed)


def test_each_failure_in_a_row_waits_twice_as_long_up_to_the_limit() -> None:
    waits = [(scheduler.after_failure(NOW, failures, 30, 3600, "x") - NOW).total_seconds() for failures in range(1, 12)]
    assert 30 <= waits[0] < 36
    assert all(abs(2 * one - later) < 1e-3 for one, later in pairwise(waits[:7]))
    assert max(waits) < 3600 * 1.2
    assert scheduler.after_failure(NOW, 100_000, 30, 3600, "x") - NOW < timedelta(seconds=3600 * 1.2)


def test_a_clock_set_back_leaves_no_cycle_waiting_for_years() -> None:
    assert scheduler.sane(NOW + timedelta(days=900), NOW, TEN_MINUTES, 3600, 0.1) == NOW + timedelta(seconds=600)
    assert scheduler.sane(NOW - timedelta(days=900), NOW, TEN_MINUTES, 3600, 0.1) == NOW - timedelta(days=900)


def test_a_clock_set_back_leaves_a_nightly_cycle_nightly() -> None:
    nightly = CycleSettings(interval_s=None, cron="30 3 * * *")
    at_night = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    assert scheduler.sane(at_night + timedelta(days=900), NOW, nightly, 6 * 3600, 0.1) == at_night
    assert scheduler.sane(at_night, NOW, nightly, 6 * 3600, 0.1) == at_night


def test_a_changed_schedule_counts_from_now_on() -> None:
    late = CycleSettings(interval_s=None, cron="0 23 * * *")
    assert scheduler.sane(datetime(2026, 3, 2, 3, 30, tzinfo=UTC), NOW, late, 6 * 3600, 0.1) == NOW.replace(hour=23)
    assert scheduler.sane(NOW + timedelta(hours=6), NOW, TEN_MINUTES, 6 * 3600, 0.1) == NOW + timedelta(seconds=600)


def test_after_failures_the_wait_for_the_next_attempt_stands() -> None:
    nightly = CycleSettings(interval_s=None, cron="30 3 * * *")
    for schedule in (nightly, TEN_MINUTES):
        again = scheduler.after_failure(NOW, 9, 30, 6 * 3600, "x")
        assert scheduler.sane(again, NOW, schedule, 6 * 3600, 0.1, failures=9) == again


def test_cron_names_the_next_time_and_the_earlier_of_two_schedules_counts() -> None:
    nightly = CycleSettings(interval_s=None, cron="30 3 * * *")
    assert scheduler.after_run(NOW, nightly, 0.1, "x") == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    assert scheduler.first(NOW, nightly) == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    both = CycleSettings(interval_s=600, cron="5 9 * * *")
    assert scheduler.after_run(NOW, both, 0.0, "x") == NOW + timedelta(minutes=5)


def test_a_cycle_without_a_clock_is_never_due_by_it() -> None:
    counting = CycleSettings(interval_s=None, after_new=50)
    assert scheduler.first(NOW, counting) == scheduler.after_run(NOW, counting, 0.1, "x") == scheduler.NEVER


@pytest.mark.parametrize("cron", ["every day", "61 * * * *", "* * * *", "", "* * * * * *"])
def test_what_is_no_cron_expression_is_refused_with_the_reason(cron) -> None:
    with pytest.raises(ValidationError, match="cron"):
        CycleSettings(cron=cron)
