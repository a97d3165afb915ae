"""Telling the staff of their tasks: each once when it is due, and again when nobody did it in its time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from scheduler.catalog import Catalog
from scheduler.channels.base import STAFF, Channel
from scheduler.clock import Clock
from scheduler.errors import FAULTS, BusyError, StorageError
from scheduler.operations import tasks, watching
from scheduler.operations.alerting import subject
from scheduler.operations.concerns import Concern
from scheduler.operations.reasoning import moment
from scheduler.operations.tasks import Standing, TaskLine
from scheduler.operations.teller import Teller, Topic, beside, closing
from scheduler.settings.destinations import Destination
from scheduler.store import meta, plans
from scheduler.store.database import Store
from scheduler.store.writer import Writer

EVERY = timedelta(minutes=5)  # between two digests
_MOST_LINES = 25
_MOST_WHOLE = 5  # tasks of one digest whose words stand in it
_STEPS = {Standing.OPEN: 1, Standing.OVERDUE: 2, Standing.TOO_LATE: 3}
_WORDS = {
    Standing.OPEN: "",
    Standing.OVERDUE: "overdue: ",
    Standing.TOO_LATE: "too late, leave it and tick it off: ",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TaskNews(Concern):
    """A task that is not done; its `number` grows when it is overdue, when it is too late, and when it is opened again.

    The words of a task about a person are left out: they name them.
    """

    task: TaskLine | None = None


class TaskTeller:
    """Looks which tasks there are and tells the staff of them, as alerts are told."""

    def __init__(
        self,
        store: Store,
        writer: Writer,
        channels: Mapping[str, Channel],
        clock: Clock,
        destinations: Sequence[Destination],
        *,
        place: str = "",
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._teller = Teller(store, writer, channels, clock, destinations, _TASKS, place=place)
        self._catalog = Catalog()

    async def look(self) -> int:
        """Tell what is news; return how many digests went. Nothing while everything is on HOLD: it may be a copy.

        What goes wrong is logged, and looked at again. Raises: BusyError, and StorageError that passes.
        """
        if not self._teller.has_destinations:
            return 0
        try:
            found = await beside(self._store, self._writer, self._news)
            return 0 if found is None else await self._teller.tell(found)
        except BusyError:
            raise
        except FAULTS as error:
            if isinstance(error, StorageError) and error.passing:
                raise
            _log.error("the staff is not told of its tasks: %s", type(error).__name__)
            return 0

    def _news(self) -> tuple[TaskNews, ...] | None:
        zones = watching.zones(self._store)
        with self._store.read() as conn:
            if meta.hold(conn) is not None:
                return None
            again = plans.reopenings(conn)
            found = tasks.lines_of(conn, now=self._clock.now(), catalog=self._catalog, named=False)
        return tuple(_news(one, zones.get(one.campaign, "UTC"), again.get(one.id, 0)) for one in found)


def _news(task: TaskLine, zone: str, reopened: int) -> TaskNews:
    about = " about somebody" if task.who else ""
    return TaskNews(
        f"task:{task.id}",
        f"{_WORDS[task.state]}{task.way}{about}, due {moment(task.due_at, zone)}: {task.campaign}/{task.touch}",
        f"campaign tasks show {task.id}; when it is done: campaign tasks done {task.id}",
        _STEPS[task.state] + len(_STEPS) * reopened,
        task=task,
    )


def _subject(news: Sequence[TaskNews]) -> str:
    return subject([one for one in news if one.task is not None and one.task.state is not Standing.OPEN] or news)


def _text(news: Sequence[TaskNews], known: int, place: str) -> str:
    lines = ["Somebody has to do this:" if len(news) == 1 else f"Somebody has to do these {len(news)} things:"]
    for one in news[:_MOST_LINES]:
        lines += ["", f"- {one.says}", f"    {one.remedy}"]
        if len(news) <= _MOST_WHOLE and one.task is not None and not one.task.who:
            lines += [f"    file: {file}{f' ({alt})' if alt else ''}" for file, alt in one.task.media]
            lines += ["", *one.task.text.strip().splitlines()]
    if (more := len(news) - _MOST_LINES) > 0:
        lines += ["", f"- and {more} more: campaign tasks"]
    lines += closing(known, place, command="campaign tasks")
    return "\n".join(lines) + "\n"


def _facts(news: Sequence[TaskNews]) -> dict[str, object]:
    return {"tasks": [_document(one.task) for one in news if one.task is not None]}


def _document(task: TaskLine) -> dict[str, object]:
    names = ("id", "campaign", "touch", "channel", "by_hand", "state", "due_at", "late_at", "ends_at")
    whole = {name: getattr(task, name) for name in names}
    if task.who:
        return {**whole, "text": None, "media": []}
    return {**whole, "text": task.text, "media": [{"file": file, "alt": alt} for file, alt in task.media]}


_TASKS: Topic[TaskNews] = Topic("task ", STAFF, "notice of tasks", EVERY, _subject, _text, _facts)
