"""Work that the daemon does beside its sending at moments of its own: at its start, then when its alarm clock rings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from scheduler.clock import Clock
from scheduler.errors import BusyError, StorageError
from scheduler.runtime.alarm import Alarm

_AGAIN = timedelta(minutes=1)  # after a round that a busy database cut off


class Round:
    """Does one kind of work again and again; `following` says when it is next, given the moment a round began."""

    def __init__(
        self, name: str, work: Callable[[], Awaitable[object]], clock: Clock, following: Callable[[datetime], datetime]
    ) -> None:
        self.name = name
        self._work = work
        self._clock = clock
        self._following = following
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
        try:
            await self._work()
        except BusyError:
            return began + _AGAIN
        except StorageError as error:
            if not error.passing:
                raise
            return began + _AGAIN
        return self._following(began)
