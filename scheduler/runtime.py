"""Lets APScheduler wake the dispatcher: the daemon's event loop, its jobs, its end; the only importer of apscheduler.

APScheduler fires, our table is the calendar: every job only says "look now", and every look calls the same idempotent
`tick()`. Jobs live in memory, are made from the table at the start and after each look, and always bear fresh ids: a
job that re-arms its own id while it runs is dropped by APScheduler. Nothing else fires.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.clock import Clock
from scheduler.dispatcher import Dispatcher
from scheduler.engines.base import Engine
from scheduler.errors import BusyError
from scheduler.operations import watching
from scheduler.store import plans, reader
from scheduler.store.database import Store
from scheduler.store.writer import Writer

HEARTBEAT_SECONDS = 20  # re-reads the clock: APScheduler's own sleep overshoots when the clock stepped
POLL_SECONDS = 1  # notices what another process wrote
COMING_JOBS = 1_000


class Daemon:
    """Serves one database until it is told to stop."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        dispatcher: Dispatcher,
        engine: Engine,
        clock: Clock,
        *,
        worker_id: str,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._writer = writer
        self._dispatcher = dispatcher
        self._engine = engine
        self._clock = clock
        self._worker_id = worker_id
        self._say = say
        # A poll that is skipped because the one before it still waits is no news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._numbers = itertools.count(1)
        self._armed: dict[str, tuple[str, datetime]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._seen = ""
        self._started_at = self._looked_at = clock.now()

    async def serve(self) -> None:
        """Run until SIGINT or SIGTERM; finish the messages in flight, give the rest back, and return."""
        self._on_signals()
        self._scheduler.add_job(self._look, DateTrigger(self._clock.now()), id="start")
        self._scheduler.add_job(self._heartbeat, IntervalTrigger(seconds=HEARTBEAT_SECONDS), id="heartbeat")
        self._scheduler.add_job(self._poll, IntervalTrigger(seconds=POLL_SECONDS), id="poll")
        self._scheduler.start()
        _notify("READY=1")
        try:
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                try:
                    await self._work()
                except BusyError as error:  # what was not done is done at the next look, which the poll brings
                    self._seen = ""
                    if self._say is not None:
                        self._say(str(error))
        finally:
            # Paused first: a scheduler that is shut down while a job is due would still submit it.
            self._scheduler.pause()
            self._scheduler.shutdown(wait=False)
            await self._writer.run(self._leave)
            _notify("STOPPING=1")

    async def run_once(self) -> None:
        """Send what is due now and return."""
        self._on_signals()
        while not self._stopping and await self._dispatcher.tick():
            pass

    def stop(self) -> None:
        """Ask for the end: what is being sent is finished, nothing new is begun."""
        self._stopping = True
        self._engine.stop()
        self._wake.set()

    async def _look(self) -> None:
        """What every APScheduler job does: wake the loop."""
        self._wake.set()

    async def _heartbeat(self) -> None:
        """Tell that the daemon lives, however long the mailing in hand takes, and wake the loop."""
        with contextlib.suppress(BusyError):
            await self._writer.run(self._beat)
            _notify("WATCHDOG=1")
        self._wake.set()

    async def _poll(self) -> None:
        """Wake the loop when another process changed the database."""
        with contextlib.suppress(BusyError):
            token = await self._writer.run(self._store.changed_token)
            if token != self._seen:
                self._seen = token
                self._wake.set()

    async def _work(self) -> None:
        # Read first: what is decided while this look lasts is for the next one.
        self._seen = await self._writer.run(self._store.changed_token)
        working = True
        while working and not self._stopping:
            self._looked_at = self._clock.now()
            working = await self._dispatcher.tick() > 0
        if not self._stopping:
            await self._writer.run(self._beat)
            await self._dispatcher.prepare()
            _notify("WATCHDOG=1")

    def _beat(self) -> None:
        """Arm the coming moments, write the heartbeat, take over from a daemon that died beside this one."""
        if self._store.dialect != "sqlite":
            watching.recover(self._store, now=self._clock.now(), own=self._worker_id)
        with self._store.read() as conn:
            coming = {f"{row.campaign}/{row.touch} {row.key}": row.fires_at for row in reader.coming(conn, COMING_JOBS)}
            due = reader.next_due(conn)
        if due is not None:
            # What the last look left lying cannot be moved on: it is looked at again, but not without a pause.
            pause = timedelta(seconds=POLL_SECONDS) if due <= self._looked_at else timedelta(milliseconds=1)
            coming["next message"] = max(due, self._clock.now() + pause)
        self._arm(coming)
        jobs = sorted((job.next_run_time, job.name) for job in self._scheduler.get_jobs() if job.next_run_time)
        with self._store.begin() as conn:
            plans.beat(
                conn,
                daemon=self._worker_id,
                pid=os.getpid(),
                host=socket.gethostname(),
                started_at=self._started_at,
                now=self._clock.now(),
                next_jobs=[{"at": at.isoformat(), "job": name} for at, name in jobs[:10]],
            )

    def _arm(self, coming: dict[str, datetime]) -> None:
        """Hold one date job per coming moment: new and moved ones under a fresh id, gone ones removed."""
        for name in [name for name, (_, at) in self._armed.items() if coming.get(name) != at]:
            job_id, _ = self._armed.pop(name)
            with contextlib.suppress(LookupError):  # it has fired and is gone
                self._scheduler.remove_job(job_id)
        for name, at in coming.items():
            if name not in self._armed:
                job_id = f"{next(self._numbers)}"
                self._scheduler.add_job(self._look, DateTrigger(at), id=job_id, name=name)
                self._armed[name] = (job_id, at)

    def _leave(self) -> None:
        with self._store.begin() as conn:
            plans.leave(conn, self._worker_id)

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def first() -> None:
            if self._stopping:
                os._exit(130)  # the second Ctrl-C stops at once: what was in flight is found as unknown
            if self._say is not None:
                self._say("stopping: finishing what is being sent, once more to stop at once")
            self.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, first)


def _notify(state: str) -> None:
    """Tell systemd (sd_notify) when it asked to be told: a datagram to NOTIFY_SOCKET."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(state.encode())
