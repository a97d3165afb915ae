"""When the daemon asks what became of messages nobody knows the outcome of: at the moments its alarm clock holds."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from scheduler.clock import Clock
from scheduler.operations.settler import Settler
from scheduler.runtime.alarm import Alarm
from scheduler.runtime.rounds import PutOff
from scheduler.store.database import Store
from scheduler.store.writer import Writer

SETTLING = "a look at what is unknown"
SETTLED = "a look after what was found out"
_AGAIN = timedelta(seconds=5)  # after a round that a busy database cut off, or that found nothing of its own to ask


class Settling:
    """Does the rounds of a settler, where there is one, beside the sending, which never waits for them."""

    def __init__(self, settler: Settler | None, store: Store, writer: Writer, clock: Clock, alarm: Alarm) -> None:
        self._settler = settler
        self._store = store
        self._writer = writer
        self._clock = clock
        self._alarm = alarm
        self._rang = asyncio.Event()

    def rang(self) -> None:
        """The alarm clock rang for a round."""
        self._rang.set()

    async def arm(self) -> None:
        """Have the alarm clock ring for the next question; a round begins at once where its moment has come."""
        settler = self._settler
        if settler is None or not settler.channels:
            return
        with PutOff():  # the next look of the daemon comes here again
            next_look = await self._writer.run(lambda: self._next_look(settler))
            if next_look is None:
                self._alarm.unset(SETTLING)
            elif next_look <= self._clock.now():
                self.rang()
            else:
                self._alarm.set(SETTLING, next_look)

    def _next_look(self, settler: Settler) -> datetime | None:
        with self._store.read() as conn:
            return settler.next_look(conn)

    async def look(self) -> int:
        """Ask what is to be asked now; return how many questions that were."""
        return await self._settler.look() if self._settler is not None else 0

    async def run(self) -> None:
        """Do a round whenever the alarm rings for one; never returns."""
        while True:
            await self._rang.wait()
            self._rang.clear()
            if await self._round():
                self._alarm.now(SETTLED)  # what did not go is to be sent again, and the next question has its moment
            else:
                self._alarm.set(SETTLED, self._clock.now() + _AGAIN)

    async def _round(self) -> bool:
        """Do one round; return whether anything was asked."""
        with PutOff():
            return await self.look() > 0
        return False
