"""The only reader of the clocks; everything else is handed a moment or a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what moment it is, as an aware UTC datetime, and how much time went by whatever the wall clock says."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps back; only differences mean something."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds on a clock that never steps, for measuring how long something took."""
        return time.monotonic()


class FixedClock:
    """A clock somebody set and left: `--now` and CAMPAIGN_NOW."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment it was set to, in UTC."""
        return self._moment

    def monotonic(self) -> float:
        """Return real seconds: work takes its time although the calendar stands still."""
        return time.monotonic()


class VirtualClock:
    """A clock that stands still until it is moved forward: rehearsals and simulations."""

    def __init__(self, start: datetime) -> None:
        self._moment = start.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment the clock was last moved to, in UTC."""
        return self._moment

    def monotonic(self) -> float:
        """Return the seconds of virtual time."""
        return self._moment.timestamp()

    def advance_to(self, moment: datetime) -> None:
        """Move forward to `moment`; an earlier moment leaves the clock where it is, time never runs back."""
        self._moment = max(self._moment, moment.astimezone(UTC))

    def advance(self, span: timedelta) -> None:
        """Move forward by `span` (not negative)."""
        self.advance_to(self._moment + span)
