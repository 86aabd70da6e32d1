"""The clock by which things are thrown away does not follow one that has just jumped."""

from datetime import UTC, datetime, timedelta

from actors.clock import DOUBTED_S, SystemClock

YEAR = timedelta(days=365)


class Machine(SystemClock):
    """A machine whose clock is set by a test, and which has run for as long as the test says."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.ran_s = 100.0
        super().__init__(lambda: self.ran_s)

    def now(self) -> datetime:
        return self.time

    def runs(self, seconds: float) -> None:
        self.ran_s += seconds
        self.time += timedelta(seconds=seconds)


def test_a_clock_that_runs_evenly_is_believed() -> None:
    machine = Machine()
    for seconds in (0.0, 1.0, 86_400.0, YEAR.total_seconds()):
        machine.runs(seconds)
        assert machine.steady() == machine.now()


def test_a_jump_of_a_year_is_not_followed_and_nothing_is_left_of_it_once_it_is_taken_back() -> None:
    machine = Machine()
    machine.time += YEAR
    machine.runs(60)
    assert machine.steady() == machine.now() - YEAR
    machine.time -= YEAR
    machine.runs(DOUBTED_S * 2)
    assert machine.steady() == machine.now()


def test_a_jump_that_stands_for_a_day_was_meant() -> None:
    machine = Machine()
    machine.time += YEAR
    machine.steady()
    machine.runs(DOUBTED_S - 1)
    assert machine.steady() == machine.now() - YEAR
    machine.runs(1)
    assert machine.steady() == machine.now()


def test_a_clock_that_is_set_back_is_believed_at_once() -> None:
    machine = Machine()
    machine.time -= YEAR
    assert machine.steady() == machine.now()
