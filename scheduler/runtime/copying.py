"""A round of copying the shop's tasks into its calendar, as the daemon does it: what fails is told of once."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from scheduler.errors import DeliveryError

if TYPE_CHECKING:
    from scheduler.operations.task_calendar import TaskCalendar

PAUSE = timedelta(minutes=1)
_log = logging.getLogger(__name__)


class Copying:
    """Does the rounds of a calendar; one that does not answer is told of once, and asked again at the next round."""

    def __init__(self, calendar: TaskCalendar) -> None:
        self._calendar = calendar
        self._told = ""

    async def round(self) -> bool:
        """Do one round; return False when the calendar was away: nothing is lost by that.

        Raises: BusyError and StorageError of the database.
        """
        try:
            changes = await self._calendar.round()
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
