"""A simulated daemon: the product's own parts on a store that may fail, in a process that may die at any moment."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

from simulation.loop import LoopClock, VirtualLoop
from simulation.machine import Disk, LoopWriter, SideFiles, SimGuard, SimStore

from scheduler import bootstrap
from scheduler.catalog import Catalog, InForce
from scheduler.channels.base import Channel, Message
from scheduler.engines.local import LocalEngine
from scheduler.errors import BusyError, SchedulerError, StorageError
from scheduler.operations import watching
from scheduler.rendering.inline import InlineRenderer
from scheduler.simulation import FarEnd, Fate, Point, WorldChannel
from scheduler.store import meta, plans, reader
from scheduler.store.database import Connection

CONNECTIONS = 2
_LONGEST_UNSEEN = 64_800.0  # seconds; under the 24 hours after which somebody has to say what goes
_HEARTBEAT = timedelta(minutes=1)
SECRET = hashlib.sha256(b"simulation").digest()
_OWNER: contextvars.ContextVar[Process | None] = contextvars.ContextVar("owner", default=None)


class Crash(BaseException):
    """The process is killed: nothing of it runs on, and what it had in memory is gone."""


# What tells one revision of one edition from another, without reading all that is stored of it.
_FACTS = (
    "SELECT r.source_hash, e.reference_at, json_extract(r.timeline, '$.first_applies') FROM revision r"
    " JOIN edition e ON e.campaign = r.campaign AND e.edition = ? WHERE r.campaign = ? AND r.number = ?"
)


class KeptCatalog(Catalog):
    """A catalog whose campaigns outlive a seed: a revision never changes, and parsing it again costs the most."""

    _all: ClassVar[dict[tuple[object, ...], InForce]] = {}

    def _load(self, conn: Connection, campaign: str, edition: str, number: int) -> InForce | None:
        kept = self._kept.get((campaign, edition))
        if kept is not None and kept.revision == number:
            return kept
        facts = conn.exec_driver_sql(_FACTS, (edition, campaign, number)).one_or_none()
        if facts is None:
            return None
        name = (campaign, edition, number, *facts)
        found = self._all.get(name)
        if found is None:
            record, reference = plans.load_revision(conn, campaign, number), plans.reference(conn, campaign, edition)
            assert record is not None
            assert reference is not None
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
        files: SideFiles | None,
        channels: Callable[[Process], dict[str, Channel]],
        *,
        ahead: timedelta = timedelta(),
    ) -> None:
        self.name = name
        self.dead = False
        self.fuse: int | None = None  # boundaries left to live
        self.stalled: asyncio.Future[None] | None = None
        self.fault: str | None = None
        self.before_recovery: Callable[[], None] = lambda: None
        self.died: Callable[[Process], None] = lambda process: None
        self.surprised: Callable[[str], None] = lambda what: None
        self.idle = 0
        self._clock, self._loop = clock, loop
        self._hearing = watching.Hearing(clock)
        self._tasks: list[asyncio.Task[Any]] = []
        self._asleep: asyncio.Future[None] | None = None
        self.store = SimStore(disk, self.boundary)
        self._disk = disk
        self._guarded = files is not None
        self._looked = loop.time()
        self.guard = SimGuard(self.store, clock, files or SideFiles(), self.boundary)
        self.system = bootstrap.assemble(
            self.store,
            LoopWriter(),
            InlineRenderer(),
            channels(self),
            clock,
            worker_id=name,
            secret_key=SECRET,
            connections=CONNECTIONS,
            ahead=ahead,
            journal=self.guard.journal,
            began=self.guard.began,
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

    def set_far_end(self, far_end: FarEnd) -> None:
        """Give every far end other manners."""
        for channel in self.system.channels.values():
            if isinstance(channel, WorldChannel):
                channel.far_end = far_end

    def start(self) -> None:
        """Begin to serve."""
        context = contextvars.copy_context()
        context.run(_OWNER.set, self)
        context.run(lambda: self._loop.create_task(self._serve()))
        self._go_on_beating()

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
        return watching.recover(self.store, self._hearing, now=self._clock.now(), own=self.name)

    async def _serve(self) -> None:
        """Do as the daemon does: the guard first, then look, deliver, and sleep until something is due."""
        outage, started = 1.0, False
        while True:
            if self.stalled is not None:
                await self.stalled
            try:
                if not started:
                    self.before_recovery()
                    self.guard.start()
                    started = True
                await (
                    self.system.settler.look()
                )  # the daemon does that beside its looks, each of which begins with the guard
                if self._guarded:
                    self._beat()
                if await self.system.dispatcher.tick():
                    self.idle = 0
                    self._loop.call_later(1.0, self.look)
                    assert isinstance(self.system.engine, LocalEngine)
                    await self.system.engine.rest()
                    self._loop.call_later(1.0, self.look)
                with self.store.read() as conn:
                    due, held = reader.next_due(conn), meta.hold(conn)
                    if (asked := self.system.settler.next_look(conn)) is not None:
                        due = min(due, asked) if due is not None else asked
            except BusyError:
                await self._sleep(1.0)
                continue
            except StorageError as error:
                if not error.passing:
                    self._fail(error)
                    return
                await self._sleep(outage)
                outage = min(outage * 2, 300.0)
                continue
            except SchedulerError as error:
                self._fail(error)
                return
            except Exception as error:
                self.surprised(f"{self.name} ended by {type(error).__name__}: {error}")
                self._fail(error)
                return
            outage = 1.0
            if (leased := self._disk.next_lease()) is not None:  # a heartbeat would find it
                due = min(due, leased) if due is not None else leased
            now = self._clock.now()
            if self._is_sending():  # a heartbeat finds what follows from it
                due = min(due, now + _HEARTBEAT) if due is not None else now + _HEARTBEAT
            if due is None or held is not None:
                await self._sleep(None)
                continue
            if due - self.system.dispatcher.ahead > now:
                due -= self.system.dispatcher.ahead
            wait = (due - now).total_seconds()
            self.idle = self.idle + 1 if wait <= 0 else 0
            await self._sleep(max(wait, 1.0) if wait <= 0 else wait)

    def _is_sending(self) -> bool:
        engine = self.system.engine
        assert isinstance(engine, LocalEngine)
        return bool(engine._lanes or engine._early)

    def _go_on_beating(self) -> None:
        """An idle daemon was not away: it looks again so long after its last look."""
        if self.dead or not self._guarded:
            return
        left = self._looked + _LONGEST_UNSEEN - self._loop.time()
        if left <= 0:
            self.look()
            left = _LONGEST_UNSEEN
        self._loop.call_later(left, self._go_on_beating)

    def look(self) -> None:
        """The guard looks every second; where nothing happened since its last look, it would see nothing new.

        Seeds without anything it watches for are spared its looks.
        """
        if self._guarded and not self.dead and self.stalled is None:
            with suppress(SchedulerError):
                self._beat()

    def _beat(self) -> None:
        self._looked = self._loop.time()
        self.guard.beat()

    def _fail(self, error: Exception) -> None:
        """End with a message, as a daemon does that cannot go on."""
        self.fault = str(error)
        self.dead = True
        self.died(self)

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


__all__ = ["CONNECTIONS", "Crash", "KeptCatalog", "Process", "owned_task"]
