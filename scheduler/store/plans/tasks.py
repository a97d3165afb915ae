"""What people of the shop have to do; a task is written in the transaction that marks its delivery as sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, and_, func, or_, select, update

from scheduler.store.rows import insert_unless_known, read_all, read_one, rows_of
from scheduler.store.tables import ATTEMPTS, AUDITS, CONTACTS, DELIVERIES, TASKS

REOPENED = "task reopened"  # the action in the audit
_T = TASKS.c
_C = CONTACTS.c
_D = DELIVERIES.c
_A = ATTEMPTS.c


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task; `delivery` is the delivery it fulfils, `done_at` is None while it is open."""

    id: int
    delivery: int
    campaign: str
    touch: str
    channel: str
    contact: int | None
    text: str
    due_at: datetime
    done_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task as it is shown elsewhere: `key` and `created_at` are its message's, the names and number the person's.

    `is_forgotten`: the person is gone, and nothing may show the task any more.
    """

    id: int
    key: str
    created_at: datetime
    channel: str
    campaign: str
    text: str
    due_at: datetime
    done_at: datetime | None
    first_name: str
    last_name: str
    phone: str
    is_forgotten: bool


@dataclass(frozen=True, slots=True)
class HandedTask:
    """A task with what its delivery says of it; moments aware UTC.

    `handed_at` is when it was there to be done, `expires_at` the last moment at which its message was worth sending
    (None: always), `on_late` what is done after that. `revision` is the one that worded it, None where that was not
    kept: then the one in force at `handed_at`. `recipient` is `@account` of posts.
    """

    id: int
    campaign: str
    edition: str
    touch: str
    channel: str
    contact: int | None
    recipient: str
    subject: str
    text: str
    due_at: datetime
    handed_at: datetime
    expires_at: datetime | None
    on_late: str
    revision: int | None
    done_at: datetime | None
    note: str


def insert_task(
    conn: Connection,
    *,
    delivery: int,
    campaign: str,
    touch: str,
    channel: str,
    contact: int | None,
    text: str,
    due_at: datetime,
) -> int:
    """Write a task; return its id. Condition: one task a delivery, a second call returns the first one's id."""
    statement = insert_unless_known(conn, TASKS).values(
        delivery=delivery,
        campaign=campaign,
        touch=touch,
        channel=channel,
        contact=contact,
        text=text,
        due_at=due_at,
        note="",
    )
    conn.execute(statement.on_conflict_do_nothing())
    return int(conn.execute(select(_T.id).where(_T.delivery == delivery)).scalar_one())


def task(conn: Connection, task: int) -> TaskRecord | None:
    """Return one task."""
    return read_one(conn, TaskRecord, rows_of(TaskRecord, TASKS).where(_T.id == task))


def tasks(conn: Connection, *, done: bool | None = False, contact: int | None = None) -> list[TaskRecord]:
    """Return the open tasks (about one person), the longest due first; with `done` the finished ones, with None all."""
    query = rows_of(TaskRecord, TASKS)
    if contact is not None:
        query = query.where(_T.contact == contact)
    if done is not None:
        query = query.where(_T.done_at.is_not(None) if done else _T.done_at.is_(None))
    return read_all(conn, TaskRecord, query.order_by(_T.due_at, _T.id))


def _handed() -> Select[tuple[object, ...]]:
    return (
        select(
            *(_T.id, _T.campaign, _D.edition, _T.touch, _T.channel, _T.contact, _D.recipient, _D.subject, _T.text),
            *(_T.due_at, func.coalesce(_D.sent_at, _T.due_at, type_=_T.due_at.type)),
            *(_D.expires_at, _D.on_late, func.coalesce(_A.revision, _D.revision), _T.done_at, _T.note),
        )
        .join(DELIVERIES, _D.id == _T.delivery)
        .outerjoin(ATTEMPTS, and_(_A.delivery == _D.id, _A.number == _D.attempts))
        .order_by(_T.due_at, _T.id)
    )


def handed_tasks(conn: Connection, *, everything: bool = False) -> list[HandedTask]:
    """Return the open tasks with what their deliveries say, the longest due first; or all there are."""
    query = _handed()
    return read_all(conn, HandedTask, query if everything else query.where(_T.done_at.is_(None)))


def handed_task(conn: Connection, task: int) -> HandedTask | None:
    """Return one task with what its delivery says."""
    return read_one(conn, HandedTask, _handed().where(_T.id == task))


def reopen_task(conn: Connection, task: int) -> bool:
    """Let a task be open again; return whether it was done. A task of a person who is gone stays as it is."""
    gone = select(_C.id).where(_C.id == _T.contact, _C.gone_at.is_not(None), _C.merged_into.is_(None)).exists()
    change = update(TASKS).where(_T.id == task, _T.done_at.is_not(None), ~gone)
    return bool(conn.execute(change.values(done_at=None)).rowcount == 1)


def reopenings(conn: Connection) -> dict[int, int]:
    """Return how often each task was opened again, of those that were."""
    query = select(AUDITS.c.subject, func.count()).where(AUDITS.c.action == REOPENED).group_by(AUDITS.c.subject)
    return {int(subject): number for subject, number in conn.execute(query).all()}


def finish_task(conn: Connection, task: int, *, now: datetime, note: str = "") -> bool:
    """Mark a task as done; return whether it was open."""
    change = update(TASKS).where(_T.id == task, _T.done_at.is_(None))
    return bool(conn.execute(change.values(done_at=now, note=note)).rowcount == 1)


def shown_tasks(conn: Connection, *, since: datetime) -> list[ShownTask]:
    """Return the open tasks and those that were done, or whose person went, from `since` (inclusive) on, by their ids.

    A task without an attempt has no key and is not among them.
    """
    first = (ATTEMPTS.c.delivery == _T.delivery) & (ATTEMPTS.c.number == 1)
    gone = _C.gone_at.is_not(None) & _C.merged_into.is_(None)
    query = (
        select(
            *(_T.id, ATTEMPTS.c.key, ATTEMPTS.c.created_at, _T.channel, _T.campaign, _T.text, _T.due_at, _T.done_at),
            *(func.coalesce(column, "") for column in (_C.first_name, _C.last_name, _C.phone)),
            gone,
        )
        .join(ATTEMPTS, first)
        .outerjoin(CONTACTS, _C.id == _T.contact)
        .where(or_(_T.done_at.is_(None), _T.done_at >= since, gone & (_C.gone_at >= since)))
    )
    return read_all(conn, ShownTask, query.order_by(_T.id))
