"""What the daemon does once a day beside sending: at its start and at three in the morning (UTC), bit by bit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from scheduler.clock import Clock
from scheduler.errors import BusyError, StorageError
from scheduler.runtime.alarm import Alarm
from scheduler.store.writer import Writer

DAILY = "daily round"
_HOUR = 3
_AGAIN = timedelta(minutes=10)  # after a round that a busy database cut off

Begin = Callable[[datetime], Callable[[], bool]]
"""Begins a round as of a moment; the step it returns is done on the writer until it returns False."""


class Daily:
    """Does the rounds. Between two steps messages are sent; a round that was cut off is begun anew later."""

    def __init__(self, begin: Begin, writer: Writer, clock: Clock) -> None:
        self._begin = begin
        self._writer = writer
        self._clock = clock
        self._rang = asyncio.Event()

    def rang(self) -> None:
        """The alarm clock rang for a round."""
        self._rang.set()

    async def run(self, alarm: Alarm) -> None:
        """Do a round at once and whenever the alarm rings for one; never returns."""
        while True:
            alarm.set(DAILY, await self._round())
            await self._rang.wait()
            self._rang.clear()

    async def _round(self) -> datetime:
        """Do one round; return when the next one begins."""
        now = self._clock.now()
        step = self._begin(now)
        try:
            while await self._writer.run(step):
                await asyncio.sleep(0)
        except BusyError:
            return now + _AGAIN
        except StorageError as error:
            if not error.passing:
                raise
            return now + _AGAIN
        return following(now)


def following(now: datetime) -> datetime:
    """Return the next three o'clock (UTC) after a moment."""
    at = now.astimezone(UTC).replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)
