"""Notices that the wall clock was set, or that the machine slept."""

from __future__ import annotations

from datetime import timedelta

from scheduler.clock import Clock

TOLERANCE = timedelta(seconds=1)


class ClockSteps:
    """Compares the wall clock with one that never steps, from one look to the next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._measure()

    def look(self) -> timedelta | None:
        """Return by how much the wall clock jumped since the last look; None when that was a second or less.

        Negative when it was set back. A clock that is only slewed never jumps: each look compares with the one before.
        """
        offset = self._measure()
        step = timedelta(seconds=offset - self._offset)
        self._offset = offset
        return step if abs(step) > TOLERANCE else None

    def _measure(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
