"""Work that the daemon does beside its sending, in rounds: one at its start, one whenever its alarm clock rings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from scheduler.clock import Clock
from scheduler.errors import BusyError, StorageError
from scheduler.runtime.alarm import Alarm

_AGAIN = timedelta(minutes=1)


class PutOff:
    """Leaves its `with` block where the database is busy or away: what was not done is done at the next occasion."""

    def __enter__(self) -> None:
        """Begin what may be put off."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Whether the error is one that passes."""
        return isinstance(error, BusyError) or (isinstance(error, StorageError) and error.passing)


class Round:
    """Does one kind of work again and again; `following` says when it is next, given the moment a round began.

    A round that a busy database cut off is begun anew after `again`. One that is `paced` lies a span after the last and
    not at a moment of the calendar, so it is done at once when the clock was set. `also_once` says whether a daemon
    that looks a single time does it too.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        clock: Clock,
        following: Callable[[datetime], datetime],
        *,
        again: timedelta = _AGAIN,
        paced: bool = False,
        also_once: bool = True,
    ) -> None:
        self.name = name
        self.paced = paced
        self.also_once = also_once
        self._work = work
        self._clock = clock
        self._following = following
        self._again = again
        self._rang = asyncio.Event()

    def rang(self) -> None:
        """The alarm clock rang for a round."""
        self._rang.set()

    async def run(self, alarm: Alarm) -> None:
        """Do a round at once and whenever the alarm rings for one; never returns."""
        while True:
            alarm.set(self.name, await self.once())
            await self._rang.wait()
            self._rang.clear()

    async def once(self) -> datetime:
        """Do one round; return when the next one begins. A database that is busy or away only puts it off."""
        began = self._clock.now()
        with PutOff():
            await self._work()
            return self._following(began)
        return began + self._again


def every(pause: timedelta, name: str, work: Callable[[], Awaitable[object]], clock: Clock) -> Round:
    """Return rounds that begin a pause after one another."""
    return Round(name, work, clock, lambda began: began + pause, paced=True)
