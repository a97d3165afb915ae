"""The alarm clock: holds the coming moments as APScheduler's jobs; the only importer of apscheduler.

Every job only says which moment has come. Jobs live in memory and always bear fresh ids: a job that is armed again
under its own id while it runs is dropped by APScheduler. There is no interval job: after the clock was set forward by
a year, one of 20 seconds would count a million and a half missed runs before anything else happened.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_ERROR
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)  # is due whatever the clock says


class Alarm:
    """Calls `fired` with the name of each moment when it has come, on the event loop that `start` was called on.

    APScheduler only logs what a job raises: `failed` is called with it.
    """

    def __init__(self, fired: Callable[[str], None], failed: Callable[[BaseException], None]) -> None:
        self._fired = fired
        # What APScheduler reports of its own jobs says nothing of ours; what goes wrong in them is raised in the loop.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._scheduler.add_listener(lambda event: failed(event.exception), EVENT_JOB_ERROR)
        self._numbers = itertools.count(1)
        self._armed: dict[str, tuple[str, datetime]] = {}

    def start(self) -> None:
        """Begin to fire."""
        self._scheduler.start()

    def stop(self) -> None:
        """Fire nothing more."""
        if self._scheduler.running:
            # Paused first: a scheduler that is shut down while a job is due would still submit it.
            self._scheduler.pause()
            self._scheduler.shutdown(wait=False)

    def now(self, name: str) -> None:
        """Fire as soon as the loop is free, whatever the wall clock says; a moment armed under this name stays."""
        self._scheduler.add_job(self._fire, DateTrigger(_LONG_AGO, UTC), args=(name, ""), id=self._fresh(), name=name)

    def set(self, name: str, at: datetime) -> None:
        """Fire at a moment (aware), instead of the one this name was armed for."""
        if (armed := self._armed.get(name)) is not None and armed[1] == at:
            return
        self.unset(name)
        job_id = self._fresh()
        self._armed[name] = (job_id, at)
        self._scheduler.add_job(self._fire, DateTrigger(at, UTC), args=(name, job_id), id=job_id, name=name)

    def unset(self, name: str) -> None:
        """Forget the moment of a name; nothing happens when there is none."""
        if (armed := self._armed.pop(name, None)) is not None:
            with suppress(LookupError):  # it has fired and is gone
                self._scheduler.remove_job(armed[0])

    def hold(self, moments: Mapping[str, datetime], *, besides: frozenset[str] = frozenset()) -> None:
        """Be armed for exactly these moments, and those of the names `besides`, which stay as they are."""
        self._scheduler.pause()  # it would look through its jobs after each one that is added
        for name in self._armed.keys() - moments.keys() - besides:
            self.unset(name)
        for name, at in moments.items():
            self.set(name, at)
        self._scheduler.resume()

    def look_at_the_clock(self) -> None:
        """Let APScheduler read the wall clock again: it sleeps by the clock as it was when it fell asleep."""
        self._scheduler.wakeup()

    def coming(self, limit: int) -> list[tuple[datetime, str]]:
        """Return the next moments with their names, as APScheduler holds them."""
        jobs = ((job.next_run_time, job.name) for job in self._scheduler.get_jobs())
        return sorted((at, name) for at, name in jobs if at is not None and at > _LONG_AGO)[:limit]

    def _fresh(self) -> str:
        return str(next(self._numbers))

    async def _fire(self, name: str, job_id: str) -> None:
        if (armed := self._armed.get(name)) is not None and armed[0] == job_id:
            del self._armed[name]
        self._fired(name)
