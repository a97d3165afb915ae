"""Notices what others do to the database: told by them where they can tell, looking for it all the time besides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from scheduler.errors import BusyError, StorageError
from scheduler.store import reader
from scheduler.store.database import Store, generation_of
from scheduler.store.doorbell import Doorbell

LOOK_SECONDS = 0.05  # SQLite: a few microseconds each, while nobody writes
ASK_SECONDS = 1.0  # PostgreSQL: one query each
_LEAVE_SECONDS = 2.0


class Watch:
    """Calls `changed` when a decision was committed, or a message added that is due before the daemon would look.

    A decision is told at once: by the doorbell on SQLite, by a notice on PostgreSQL. What nobody tells (rows written
    by hand, a bell that was not heard) is found by looking: every 50 ms on SQLite, every second on PostgreSQL. A
    database that does not answer is looked at again later; any other error ends `run`.
    """

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed
        self._told = asyncio.Event()
        self._expected: datetime | None = None
        self._expects = False
        self._generation: str | None = None
        self._version: int | None = None
        self._asked: asyncio.Future[bool] | None = None  # the question to the database in hand

    def expect(self, due: datetime | None) -> None:
        """Remember the earliest moment at which the daemon knows it has to do something; None when there is none."""
        self._expected = due
        self._expects = True

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        bell = self._store.doorbell()
        hearing = loop.create_task(self._store.hear(self._told.set))
        # A thread of its own: those of the loop may all be busy with a mail server that does not answer.
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="watch")
        try:
            if bell is not None:
                loop.add_reader(bell.fileno(), self._rung, bell)
            while not hearing.done():
                if await self._has_news(thread):
                    self._changed()
                with suppress(TimeoutError):
                    async with asyncio.timeout(ASK_SECONDS if self._store.path is None else LOOK_SECONDS):
                        await self._told.wait()
            await hearing
        finally:
            hearing.cancel()
            if self._asked is not None and not self._asked.done():
                await asyncio.wait([self._asked], timeout=_LEAVE_SECONDS)  # it gives its connection back
            thread.shutdown(wait=False, cancel_futures=True)
            if bell is not None:
                loop.remove_reader(bell.fileno())
                bell.close()

    def _rung(self, bell: Doorbell) -> None:
        if bell.heard():
            self._told.set()

    async def _has_news(self, thread: ThreadPoolExecutor) -> bool:
        told = self._told.is_set()
        self._told.clear()
        try:
            version = self._store.data_version()
            if not told and version is not None and version == self._version:
                return False
            self._asked = asyncio.get_running_loop().run_in_executor(thread, self._look)
            news = await asyncio.shield(self._asked)
        except BusyError:
            self._version = None  # looked at again, whatever it says by then
            return False
        except StorageError as error:
            if not error.passing:
                raise
            self._version = None
            return False
        self._version = version
        return news

    def _look(self) -> bool:
        with self._store.read() as conn:
            generation = generation_of(conn)
            due = reader.next_due(conn)
        decided, self._generation = generation != self._generation, generation
        sooner = self._expects and due is not None and (self._expected is None or due < self._expected)
        return decided or sooner
