"""An event loop whose time is virtual: when nothing is ready it moves to the next timer instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta


class Stuck(RuntimeError):
    """Every task waits for something that will never happen."""


class _Jump(selectors.SelectSelector):
    """Waits for nothing: the seconds the loop would have slept are added to its time."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("no task is ready and no timer is set")
        self.elapsed += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs the same tasks in the same order every time; `time()` is the virtual seconds since it was made."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._jump.elapsed

    def skip(self, seconds: float) -> None:
        """Let time pass in which nobody ran: timers due in it are late, as after a suspend."""
        self._jump.elapsed += seconds


class LoopClock:
    """The clocks of a machine in virtual time: the wall clock may be stepped, the monotonic one stands in a suspend."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._started_at = loop.time()
        self._start = start.astimezone(UTC)
        self._stepped = timedelta()
        self._leapt = timedelta()
        self._suspended = 0.0
        self.highest = self._start  # the latest moment anybody was told, but for leaps

    @property
    def elapsed(self) -> float:
        """The true seconds since the start, whatever the wall clock says."""
        return self._loop.time() - self._started_at

    def now(self) -> datetime:
        moment = self._start + timedelta(seconds=round(self.elapsed, 6)) + self._stepped
        self.highest = max(self.highest, moment)
        return moment + self._leapt

    def monotonic(self) -> float:
        return self._loop.time() - self._suspended

    def step(self, span: timedelta) -> None:
        """Set the wall clock forward or back."""
        self._stepped += span

    @property
    def is_wrong(self) -> bool:
        return bool(self._leapt)

    def leap(self, span: timedelta) -> None:
        """Set the wall clock so far ahead that it can only be wrong; no span sets it right."""
        self._leapt = span

    def suspend(self, seconds: float) -> None:
        """Put the machine to sleep for some seconds."""
        self._suspended += seconds
        self._loop.skip(seconds)
