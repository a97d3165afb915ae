"""When the daemon looks into the calendar of the shop's tasks: at its start and every minute, beside the sending."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from scheduler.errors import BusyError, DeliveryError, StorageError

if TYPE_CHECKING:
    from scheduler.operations.task_calendar import TaskCalendar

SECONDS = 60.0
_log = logging.getLogger(__name__)


class Copying:
    """Does the rounds of a calendar; one that does not answer is told of once, and asked again at the next round."""

    def __init__(self, calendar: TaskCalendar, *, seconds: float = SECONDS) -> None:
        self._calendar = calendar
        self._seconds = seconds
        self._told = ""

    async def run(self) -> None:
        """Do a round at once and after every pause; never returns."""
        while True:
            await self.round()
            await asyncio.sleep(self._seconds)

    async def round(self) -> bool:
        """Do one round; return False when calendar or database were busy or away: nothing is lost by that."""
        try:
            changes = await self._calendar.round()
        except BusyError:
            return False
        except StorageError as error:
            if not error.passing:
                raise
            return False
        except DeliveryError as error:
            if str(error) != self._told:
                _log.warning("the tasks are not in the calendar: %s", error)
            self._told = str(error)
            return False
        if self._told:
            _log.warning("the calendar answers again")
        self._told = ""
        if changes.ticked:
            _log.info("%d tasks were ticked off in the calendar", changes.ticked)
        return True
