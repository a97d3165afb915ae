"""The shop's tasks in a calendar: each open one is there once, and what is ticked off on one side is on the other.

The ledger is the truth: a task exists once its delivery is recorded as sent, whatever the calendar does. It is copied
afterwards, under a name that its message's key gives it, so that no second copy can come about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from scheduler.channels import vtodo
from scheduler.channels.caldav import Entry, TaskCollection
from scheduler.clock import Clock
from scheduler.operations import watching
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
        tasks = {name_of(task): task for task in await self._writer.run(self._tasks)}
        if not tasks:
            return changes
        entries = await self._collection.read(tasks)
        for name, task in tasks.items():
            await self._one(name, task, entries.get(name), changes)
        return changes

    async def close(self) -> None:
        """Let go of the connections."""
        await self._collection.close()

    async def _one(self, name: str, task: ShownTask, entry: Entry | None, changes: Changes) -> None:
        if task.is_forgotten:
            changes.removed += entry is not None and await self._collection.remove(name)
        elif entry is None:
            if task.done_at is None:
                changes.added += await self._collection.add(name, vtodo.written(_todo(task)))
        elif _is_done(entry):
            if task.done_at is None:
                changes.ticked += await self._run(lambda: self._finish(task.id))
        elif task.done_at is not None:
            changed = vtodo.done(entry.content, task.done_at)
            changes.closed += await self._collection.replace(name, changed, entry.etag)

    def _tasks(self) -> list[ShownTask]:
        with self._store.read() as conn:
            if meta.hold(conn) is not None:
                return []
            return plans.shown_tasks(conn, since=self._clock.now() - SHOWN)

    def _finish(self, task: int) -> bool:
        return watching.finish_task(self._store, task, now=self._clock.now(), note=NOTE, who=WHO)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._writer.run(work)


def name_of(task: ShownTask) -> str:
    """Return the name of a task's object in the calendar."""
    return f"campaign-{task.key}.ics"


def _is_done(entry: Entry) -> bool:
    """Whether it was ticked off; what somebody made unreadable is left to them."""
    try:
        return vtodo.is_done(entry.content)
    except ValueError:
        return False


def _todo(task: ShownTask) -> vtodo.Task:
    return vtodo.Task(
        uid=f"campaign-{task.key}",
        channel=task.channel,
        campaign=task.campaign,
        text=task.text,
        created_at=task.created_at,
        due_at=task.due_at,
        name=f"{task.first_name} {task.last_name}".strip(),
        phone=task.phone,
    )
