"""What shows that a daemon lives: to others its heartbeat in the database, to itself that its parts still answer."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from datetime import datetime

from scheduler.clock import Clock
from scheduler.errors import SchedulerError
from scheduler.operations import watching
from scheduler.store import plans
from scheduler.store.database import Store

PACE_SECONDS = 1.0
_SILENT_HEARTBEATS = 4  # so many that did not ring: the alarm clock has died
_STUCK_SECONDS = 600.0  # the longest that one piece of work may keep the writer


class Heartbeat:
    """Writes that this daemon lives, and takes over from one that died beside it; on the writer thread."""

    def __init__(self, store: Store, clock: Clock, worker_id: str) -> None:
        self._store = store
        self._clock = clock
        self._worker_id = worker_id
        self._started_at = clock.now()
        self._hearing = watching.Hearing(clock)
        self._sure_from = clock.monotonic()  # from when on the heartbeats of other daemons can be judged

    def be_unsure(self) -> None:
        """Take nobody for dead until all had their turn: a step or an outage makes the heartbeats of the living old."""
        self._sure_from = self._clock.monotonic() + watching.SILENCE.total_seconds()

    def beat(self, coming: Sequence[tuple[datetime, str]] = ()) -> None:
        """Write the heartbeat with the moments that come next and their names."""
        now = self._clock.now()
        if self._store.dialect != "sqlite" and self._clock.monotonic() >= self._sure_from:
            watching.recover(self._store, self._hearing, now=now, own=self._worker_id)
        with self._store.begin() as conn:
            plans.beat(
                conn,
                daemon=self._worker_id,
                pid=os.getpid(),
                host=socket.gethostname(),
                started_at=self._started_at,
                now=now,
                next_jobs=[{"at": at.isoformat(), "job": name} for at, name in coming],
            )

    def leave(self) -> None:
        """Sign off: this daemon has ended in good order."""
        with self._store.begin() as conn:
            plans.leave(conn, self._worker_id)


class Vitals:
    """Notices that the alarm clock or the writer has died, without which the daemon would only look alive.

    Counted in paces, not measured: a process that was stopped for an hour has not been silent for an hour.
    """

    def __init__(self, heartbeat_seconds: float) -> None:
        self._heartbeat_seconds = heartbeat_seconds
        self._silent = 0  # paces since the alarm clock last rang for the heartbeat
        self._beating = 0  # paces since the heartbeat in hand was begun

    def rang(self) -> None:
        """The alarm clock rang for the heartbeat."""
        self._silent = 0

    def begun(self) -> None:
        """The writer was given the heartbeat to write."""
        self._beating = 1

    def done(self) -> None:
        """The writer has answered."""
        self._beating = 0

    def pace(self) -> None:
        """Count a pace.

        Raises: SchedulerError once a part of the daemon has been silent for too long.
        """
        self._silent += 1
        if self._silent * PACE_SECONDS > _SILENT_HEARTBEATS * self._heartbeat_seconds + PACE_SECONDS:
            raise SchedulerError("the alarm clock does not ring any more", remedy="start the daemon again")
        self._beating += self._beating > 0
        if self._beating * PACE_SECONDS > _STUCK_SECONDS:
            raise SchedulerError("the database writer does not answer any more", remedy="start the daemon again")
