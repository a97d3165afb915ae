"""A simulated daemon: the product's own parts on a store that may fail, in a process that may die at any moment."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from simulation.loop import LoopClock, VirtualLoop

from scheduler import bootstrap
from scheduler.catalog import Catalog, InForce
from scheduler.channels.base import Channel, Message
from scheduler.errors import BusyError, SchedulerError
from scheduler.operations import watching
from scheduler.rendering.inline import InlineRenderer
from scheduler.simulation import Fate, Point
from scheduler.store import plans, reader
from scheduler.store.database import Connection, Store
from scheduler.store.writer import ThreadWriter

T = TypeVar("T")
CONNECTIONS = 2
SECRET = hashlib.sha256(b"simulation").digest()
_OWNER: contextvars.ContextVar[Process | None] = contextvars.ContextVar("owner", default=None)


class Crash(BaseException):
    """The process is killed: nothing of it runs on, and what it had in memory is gone."""


class Disk:
    """The database of a simulated world and what is wrong with it; every process has its own `SimStore` on it."""

    def __init__(self, engine: Any, raw: sqlite3.Connection, *, shared: bool) -> None:
        self.engine = engine
        self.raw = raw
        self.shared = shared  # several daemons, as on PostgreSQL
        self.busy = 0  # so many transactions from now on find it locked
        self.full = False
        self.after_commit: Callable[[], None] = lambda: None
        self.commits = 0
        self.faults = 0


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
        with self._worded(), self._disk.engine.begin() as conn:
            yield conn
            self._boundary("commit")
            if self._disk.full:
                self._disk.faults += 1
                raise SchedulerError("cannot use the database: database or disk is full")
        self._disk.commits += 1
        self._disk.after_commit()
        self._boundary("committed")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._boundary("read")
        with self._worded(), self._disk.engine.connect() as conn:
            yield conn

    def changed_token(self) -> str:
        return str(self._disk.commits)

    def close(self) -> None:
        """Nothing of its own is open."""


class LoopWriter(ThreadWriter):
    """Gathers work for a commit as the daemon's writer does, and does it on the loop instead of a thread."""

    async def run(self, work: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        return work()


class KeptCatalog(Catalog):
    """A catalog whose campaigns outlive a seed: a revision never changes, and parsing it again costs the most."""

    _all: dict[tuple[str, str, int, str, str], InForce] = {}

    def _load(self, conn: Connection, campaign: str, edition: str, number: int) -> InForce | None:
        kept = self._kept.get((campaign, edition))
        if kept is not None and kept.revision == number:
            return kept
        record = plans.load_revision(conn, campaign, number)
        reference = plans.reference(conn, campaign, edition)
        if record is None or reference is None:
            return None
        firsts = str(record.timeline.get("first_applies"))
        name = (campaign, edition, number, record.source_hash, f"{reference.isoformat()} {firsts}")
        found = self._all.get(name)
        if found is None:
            found = self._all[name] = KeptInForce(record, reference)
        self._kept[campaign, edition] = found
        return found


class KeptInForce(InForce):
    """Keeps every timeline it resolved, not the newest alone."""

    def timeline(self, sent: Any) -> Any:
        if len(self._timelines) > 200:
            self._timelines.clear()
        every = self.__dict__.setdefault("_every", {})
        key = tuple(sorted(sent.items()))
        if key not in every:
            self._timelines.clear()
            every[key] = super().timeline(sent)
        return every[key]


class Process:
    """One run of a daemon, from its start to its end or death."""

    def __init__(
        self,
        name: str,
        disk: Disk,
        clock: LoopClock,
        loop: VirtualLoop,
        channels: Callable[[Process], dict[str, Channel]],
    ) -> None:
        self.name = name
        self.dead = False
        self.fuse: int | None = None  # boundaries left to live
        self.stalled: asyncio.Future[None] | None = None
        self.fault: str | None = None
        self.before_recovery: Callable[[], None] = lambda: None
        self.died: Callable[[Process], None] = lambda process: None
        self.idle = 0
        self._clock, self._loop = clock, loop
        self._tasks: list[asyncio.Task[Any]] = []
        self._asleep: asyncio.Future[None] | None = None
        self.store = SimStore(disk, self.boundary)
        self._disk = disk
        self.system = bootstrap.assemble(
            self.store,
            LoopWriter(),
            InlineRenderer(),
            channels(self),
            clock,
            worker_id=name,
            secret_key=SECRET,
            connections=CONNECTIONS,
        )
        self.system.catalog.__class__ = KeptCatalog

    def boundary(self, where: str) -> None:
        """Die here when the fuse has burnt down; a dead process gets no further than this."""
        if self.dead:
            raise Crash(where)
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.dead = True
                self.died(self)
                raise Crash(where)

    def at(self, point: Point, message: Message, fate: Fate) -> asyncio.Future[None] | None:
        """Stand at a point of a send: die here, or wait while stalled."""
        self.boundary(point)
        return self.stalled

    def start(self) -> None:
        """Begin to serve."""
        context = contextvars.copy_context()
        context.run(_OWNER.set, self)
        context.run(lambda: self._loop.create_task(self._serve()))

    def owns(self, task: asyncio.Task[Any]) -> None:
        """Remember a task that was made in this process."""
        self._tasks.append(task)
        if len(self._tasks) > 200:
            self._tasks = [one for one in self._tasks if not one.done()]

    def poke(self) -> None:
        """Wake it: something changed."""
        if self._asleep is not None and not self._asleep.done():
            self._asleep.set_result(None)

    def resume(self) -> None:
        """Let a stalled process run on."""
        if self.stalled is not None:
            self.stalled.set_result(None)
            self.stalled = None

    async def end(self) -> None:
        """Take what is left of it off the loop: nothing of it touches the store any more."""
        self.dead = True
        for _ in range(20):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=1)
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.exception()  # seen

    def recover(self) -> int:
        """Take over from dead daemons, as the product does at its start and, where several share, at a heartbeat."""
        return watching.recover(self.store, now=self._clock.now(), own=self.name)

    async def _serve(self) -> None:
        while True:  # a daemon that finds its database locked or full is started again by its supervisor
            try:
                self.before_recovery()
                self.recover()
                break
            except SchedulerError:
                await self._sleep(60)
        while True:
            if self.stalled is not None:
                await self.stalled
            try:
                if await self.system.dispatcher.tick():
                    self.idle = 0
                await self.system.engine.drain()
                with self.store.read() as conn:
                    due = reader.next_due(conn)
            except BusyError:
                await self._sleep(1)
                continue
            except SchedulerError as error:
                self.fault = str(error)  # the daemon ends with this message
                self.dead = True
                self.died(self)
                return
            if due is None:
                await self._sleep(None)
                continue
            wait = (due - self._clock.now()).total_seconds()
            self.idle = self.idle + 1 if wait <= 0 else 0
            await self._sleep(max(wait, 1.0) if wait <= 0 else wait)

    async def _sleep(self, seconds: float | None) -> None:
        self._asleep = self._loop.create_future()
        timer = self._loop.call_later(seconds, self.poke) if seconds is not None else None
        try:
            await self._asleep
        finally:
            self._asleep = None
            if timer is not None:
                timer.cancel()


def owned_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any) -> asyncio.Task[Any]:
    """Make a task that belongs to the process in whose context it was made."""
    task = asyncio.Task(coroutine, loop=loop, **kwargs)
    owner = _OWNER.get()
    if owner is not None:
        owner.owns(task)
    return task


__all__ = ["CONNECTIONS", "Crash", "Disk", "KeptCatalog", "Process", "SimStore", "owned_task"]
