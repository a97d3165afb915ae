"""The shop's tasks in a calendar: each open one is there once, and what is ticked off on one side is on the other.

The ledger is the truth: a task exists once its delivery is recorded as sent, whatever the calendar does. It is copied
afterwards, under a name that its message's key gives it, so that no second copy can come about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from scheduler.channels import vtodo
from scheduler.channels.caldav import Entry, TaskCollection
from scheduler.clock import Clock
from scheduler.operations import tasks
from scheduler.store import meta, plans
from scheduler.store.database import Store
from scheduler.store.plans import ShownTask
from scheduler.store.writer import Writer

NOTE = "ticked off in the calendar"
WHO = "calendar"
SHOWN = timedelta(days=30)  # how long after its end a task is still looked at, so that the calendar hears of it
T = TypeVar("T")


@dataclass(slots=True)
class Changes:
    """What a round did: tasks put into the calendar, ticked off there and so here, ticked off there by us, removed."""

    added: int = 0
    ticked: int = 0
    closed: int = 0
    removed: int = 0


class TaskCalendar:
    """Keeps ledger and calendar alike; every round may be cut off anywhere and done again."""

    def __init__(self, store: Store, writer: Writer, collection: TaskCollection, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._collection = collection
        self._clock = clock

    async def round(self) -> Changes:
        """Do one round; nothing while the database is held, it may be a copy of another one.

        Raises: DeliveryError when the calendar does not answer as it should; BusyError, StorageError of the database.
        """
        changes = Changes()
        names = {name: shown for shown in await self._writer.run(self._shown) for name in shown.names}
        if not names:
            return changes
        entries = await self._collection.read(names)
        for name, shown in names.items():
            if name == shown.names[-1]:
                await self._one(name, shown.task, entries.get(name), changes)
            else:
                await self._former(name, shown.task, entries.get(name), changes)
        return changes

    async def close(self) -> None:
        """Let go of the connections."""
        await self._collection.close()

    async def _one(self, name: str, task: ShownTask, entry: Entry | None, changes: Changes) -> None:
        if task.is_forgotten:
            changes.removed += entry is not None and await self._collection.remove(name)
        elif entry is None:
            if task.done_at is None:
                written = vtodo.written(await self._run(lambda: self._todo(name, task)))
                changes.added += await self._collection.add(name, written)
        elif _is_done(entry):
            if task.done_at is None:
                changes.ticked += await self._run(lambda: self._finish(task.id))
        elif task.done_at is not None:
            changes.closed += await self._close_entry(name, entry, task.done_at)

    async def _former(self, name: str, task: ShownTask, entry: Entry | None, changes: Changes) -> None:
        """See to the object of a task from before it was opened again: it is over, and says nothing any more."""
        if entry is None:
            return
        if task.is_forgotten:
            changes.removed += await self._collection.remove(name)
        elif not _is_done(entry):
            changes.closed += await self._close_entry(name, entry, self._clock.now())

    async def _close_entry(self, name: str, entry: Entry, at: datetime) -> bool:
        try:
            changed = vtodo.done(entry.content, at)
        except ValueError:  # what somebody made unreadable is left to them
            return False
        return await self._collection.replace(name, changed, entry.etag)

    def _shown(self) -> list[_Shown]:
        with self._store.read() as conn:
            if meta.hold(conn) is not None:
                return []
            again = plans.reopenings(conn)
            found = plans.shown_tasks(conn, since=self._clock.now() - SHOWN)
            return [_Shown(task, names_of(task, again.get(task.id, 0))) for task in found]

    def _todo(self, name: str, task: ShownTask) -> vtodo.Task:
        brief = tasks.brief(self._store, task.id, now=self._clock.now())
        by_hand = brief is not None and brief.task.by_hand
        return vtodo.Task(
            uid=name.removesuffix(".ics"),
            channel=task.channel,
            campaign=task.campaign,
            text=task.text,
            created_at=task.created_at,
            due_at=task.due_at,
            name=f"{task.first_name} {task.last_name}".strip(),
            phone=task.phone,
            label=brief.task.way if brief is not None and by_hand else "",
            details=tasks.details(brief) if brief is not None and by_hand else (),
        )

    def _finish(self, task: int) -> bool:
        return tasks.finish(self._store, task, now=self._clock.now(), note=NOTE, who=WHO)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._writer.run(work)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A task and the names of its objects, the one that counts at the end."""

    task: ShownTask
    names: tuple[str, ...]


def names_of(task: ShownTask, reopened: int) -> tuple[str, ...]:
    """Return the names of a task's objects in the calendar: each time it was opened again it got a new one.

    What was ticked off stays so in every calendar that has seen it; no time stamp of another clock has to be believed.
    """
    return tuple(f"{_uid(task, number)}.ics" for number in range(reopened + 1))


def _uid(task: ShownTask, reopened: int) -> str:
    return f"campaign-{task.key}-{reopened + 1}" if reopened else f"campaign-{task.key}"


def _is_done(entry: Entry) -> bool:
    """Whether it was ticked off; what somebody made unreadable is left to them."""
    try:
        return vtodo.is_done(entry.content)
    except ValueError:
        return False
