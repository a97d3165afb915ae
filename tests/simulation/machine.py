"""The machine of a simulated world: a disk that may fail, the store and the guard on it, and what lies beside it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from simulation.loop import LoopClock

from scheduler.errors import BusyError, StorageError
from scheduler.guard import LedgerGuard
from scheduler.guard.marks import Mark, MarkFile
from scheduler.store.database import Connection, Store
from scheduler.store.writer import Group, ThreadWriter

T = TypeVar("T")


class Disk:
    """The database of a simulated world and what is wrong with it; every process has its own `SimStore` on it."""

    def __init__(self, raw: sqlite3.Connection, reading: Connection, writing: Connection, *, shared: bool) -> None:
        self.raw, self.reading, self.writing = raw, reading, writing
        self.shared = shared  # several daemons, as on PostgreSQL
        self.busy = 0  # so many transactions from now on find it locked
        self.full = False
        self.after_commit: Callable[[], None] = lambda: None
        self.commits = 0
        self.faults = 0

    def next_lease(self) -> datetime | None:
        """Return the moment after the next lease of a message that nobody has begun."""
        (found,) = self.raw.execute("SELECT min(lease_until) FROM delivery WHERE state = 'claimed'").fetchone()
        return datetime.fromisoformat(found) + timedelta(seconds=1) if found is not None else None


class SimStore(Store):
    """The product's store on a simulated disk; `boundary` is told of every transaction's begin and end."""

    def __init__(self, disk: Disk, boundary: Callable[[str], None]) -> None:
        # The parent's own connections are not opened: this one stands on the disk of the world.
        self.path = None
        self.dialect = "postgresql" if disk.shared else "sqlite"
        self._shown = "the simulated disk"
        self._disk = disk
        self._boundary = boundary

    @property
    def in_memory(self) -> bool:
        return True

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        self._boundary("begin")
        if self._disk.busy > 0:
            self._disk.busy -= 1
            raise BusyError("the database is locked by another process")
        conn = self._disk.writing
        with self._worded(), conn.begin():
            yield conn
            self._boundary("commit")
            if self._disk.full:
                self._disk.faults += 1
                raise StorageError("cannot use the database: database or disk is full", passing=True)
        self._disk.commits += 1
        self._disk.after_commit()
        self._boundary("committed")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._boundary("read")
        with self._worded():
            yield self._disk.reading

    def changed_token(self) -> str:
        return str(self._disk.commits)

    def close(self) -> None:
        """Nothing of its own is open."""


class LoopWriter(ThreadWriter):
    """Gathers work for a commit as the daemon's writer does, and does it on the loop instead of a thread."""

    def _hand_ahead(self, group: Group[Any, Any]) -> None:
        """Nothing runs ahead of the loop that does the work itself."""

    async def run(self, work: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        return work()


class SideFiles:
    """What a machine keeps outside the database, where neither a crash nor a restore reaches it."""

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.records: list[dict[str, object]] = []


class _Journal:
    """The outcome journal, in memory."""

    def __init__(self, files: SideFiles, boundary: Callable[[str], None]) -> None:
        self._files, self._boundary = files, boundary

    @property
    def is_empty(self) -> bool:
        return not self._files.records

    def append(self, records: Sequence[Mapping[str, object]]) -> None:
        self._boundary("journal")
        self._files.records += [dict(record) for record in records]
        self._boundary("journaled")

    def read(self) -> list[dict[str, object]]:
        return list(self._files.records)

    def clear(self) -> None:
        self._boundary("clear")
        self._files.records.clear()

    def close(self) -> None:
        """There is no file."""


class _MarkFile(MarkFile):
    """The file of the high-water mark, in memory."""

    def __init__(self, files: SideFiles) -> None:
        self._files = files

    def read(self) -> Mark | None:
        return self._files.mark

    def write(self, mark: Mark) -> None:
        self._files.mark = mark


class SimGuard(LedgerGuard):
    """The product's guard, with its files in memory."""

    def __init__(self, store: SimStore, clock: LoopClock, files: SideFiles, boundary: Callable[[str], None]) -> None:
        super().__init__(store, clock, folder=Path("nowhere"), machine="here")
        self._files = files
        self._instance = "simulated"
        self._journal = _Journal(files, boundary)  # type: ignore[assignment]

    def _marks(self) -> MarkFile:
        return _MarkFile(self._files)
