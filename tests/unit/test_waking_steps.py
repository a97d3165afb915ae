"""Noticing that the wall clock was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scheduler.waking import ClockSteps

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Settable:
    """A wall clock that can be set, beside one that only goes forward."""

    def __init__(self) -> None:
        self.wall, self.seconds = NOON, 100.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float, *, wall: float | None = None) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)


def test_time_that_passes_is_no_step() -> None:
    clock = Settable()
    steps = ClockSteps(clock)

    clock.pass_by(3_600)

    assert steps.look() is None


def test_an_hour_back_is_seen_once() -> None:
    clock = Settable()
    steps = ClockSteps(clock)

    clock.pass_by(1, wall=-3_599)

    assert steps.look() == timedelta(hours=-1)
    assert steps.look() is None


def test_thirty_seconds_ahead_are_a_step_and_so_is_a_night_asleep() -> None:
    clock = Settable()
    steps = ClockSteps(clock)

    clock.pass_by(1, wall=31)
    assert steps.look() == timedelta(seconds=30)

    clock.pass_by(1, wall=8 * 3_600 + 1)
    assert steps.look() == timedelta(hours=8)


def test_a_clock_that_is_slewed_never_jumps() -> None:
    clock = Settable()
    steps = ClockSteps(clock)

    for _ in range(10):
        clock.pass_by(1, wall=1.5)
        assert steps.look() is None
