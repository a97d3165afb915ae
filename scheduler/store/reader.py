"""Questions about what is planned, what happened and what comes next; nothing here changes a row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select

from scheduler.delivery import GONE, OPEN, State
from scheduler.store.columns import Moment
from scheduler.store.conditions import in_states, is_by_hand, runnable
from scheduler.store.ledger.claims import Claim
from scheduler.store.plans.occurrences import coming
from scheduler.store.queues import queues
from scheduler.store.rows import read_all, read_one, rows_of
from scheduler.store.tables import ATTEMPTS, CONTACTS, DELIVERIES, OCCURRENCES

__all__ = [
    "AttemptRecord",
    "DeliveryRecord",
    "LogRecord",
    "MessageCount",
    "any_sent",
    "attempts",
    "claim_of",
    "coming",
    "deliveries",
    "delivery",
    "log",
    "marketing_sent",
    "marketing_sent_since",
    "message_counts",
    "next_due",
    "next_of",
    "occurrence_counts",
    "status_counts",
    "touches_held",
]

_D = DELIVERIES.c


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as stored."""

    id: int
    campaign: str
    edition: str
    touch: str
    stage: str
    channel: str
    recipient: str
    contact: int | None
    occurrence: str
    run: int | None
    marketing: bool
    state: str
    reason: str
    due_at: datetime
    next_at: datetime
    expires_at: datetime | None
    on_late: str
    attempts: int
    worker: str | None
    lease_until: datetime | None
    sent_at: datetime | None
    provider_id: str
    subject: str
    updated_at: datetime
    revision: int | None


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A line of the log: what became of a delivery, and the address of whom it concerns (for masking).

    `by_hand`: it was handed to somebody of the shop, who puts it on its channel.
    """

    id: int
    at: datetime
    campaign: str
    edition: str
    touch: str
    channel: str
    recipient: str
    contact: int | None
    occurrence: str
    state: str
    reason: str
    due_at: datetime
    subject: str
    provider_id: str
    attempts: int
    name: str
    email: str | None
    phone: str | None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try at sending a delivery; `outcome` is None while nobody knows how it ends."""

    number: int
    key: str
    content_hash: str
    created_at: datetime
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class MessageCount:
    """The deliveries of a touch or occurrence: `sent`, `open` (may still go, or nobody knows), and all of them."""

    sent: int
    open: int
    total: int


_NEXT_OCCURRENCE = (
    select(OCCURRENCES.c.fires_at)
    .where(OCCURRENCES.c.state == "planned", runnable(OCCURRENCES))
    .order_by(OCCURRENCES.c.fires_at)
    .limit(1)
)


def claim_of(row: DeliveryRecord) -> Claim:
    """Return a stored delivery as a claim of it; of what no worker holds the lease ends when it is due."""
    same = {
        field.name: getattr(row, field.name)
        for field in fields(Claim)
        if field.name not in ("worker", "lease_until", "not_before")
    }
    return Claim(**same, worker=row.worker or "", lease_until=row.lease_until or row.next_at)


# --- what comes next --------------------------------------------------------------------------------------------------


def next_due(conn: Connection) -> datetime | None:
    """Return the next moment at which there is something to do: a delivery to look at, or an occurrence to fire.

    Only of running campaigns and unpaused touches; a moment in the past means now. None when nothing waits.
    """
    moments = [queue.first_at for queue in queues(conn)]
    fires_at = conn.execute(_NEXT_OCCURRENCE).scalar()
    return min(moments if fires_at is None else [*moments, fires_at], default=None)


def next_of(conn: Connection, campaign: str) -> tuple[str, datetime] | None:
    """Return the touch of a campaign that goes next, and when: deliveries that wait and occurrences that will fire."""
    found = [(queue.first_at, queue.touch) for queue in queues(conn) if queue.campaign == campaign]
    found += [(record.fires_at, record.touch) for record in coming(conn, 1, campaign=campaign)]
    return min(((touch, at) for at, touch in found), key=lambda pair: pair[1], default=None)


# --- counts -----------------------------------------------------------------------------------------------------------


def status_counts(conn: Connection) -> dict[str, dict[str, int]]:
    """Return how many deliveries of each campaign are in each state; states without any are left out."""
    found: dict[str, dict[str, int]] = {}
    query = select(_D.campaign, _D.state, func.count()).group_by(_D.campaign, _D.state)
    for campaign, state, number in conn.execute(query.order_by(_D.campaign, _D.state)):
        found.setdefault(campaign, {})[state] = number
    return found


def message_counts(conn: Connection, campaign: str, edition: str) -> dict[str, MessageCount]:
    """Return the deliveries of each touch of an edition that has any."""
    query = select(_D.touch, *_counted()).where(_D.campaign == campaign, _D.edition == edition).group_by(_D.touch)
    return {row[0]: MessageCount(*map(int, row[1:])) for row in conn.execute(query)}


def occurrence_counts(conn: Connection, campaign: str, edition: str) -> dict[tuple[str, str], MessageCount]:
    """Return the deliveries of each (touch, occurrence) of an edition that has any."""
    query = select(_D.touch, _D.occurrence, *_counted()).where(_D.campaign == campaign, _D.edition == edition)
    rows = conn.execute(query.group_by(_D.touch, _D.occurrence))
    return {(row[0], row[1]): MessageCount(*map(int, row[2:])) for row in rows}


def any_sent(conn: Connection, campaign: str, edition: str, touch: str, occurrence: str) -> bool:
    """Return whether an occurrence reached anybody, or may have: sent, being sent, or not known."""
    query = select(_D.id).where(
        _D.campaign == campaign,
        _D.edition == edition,
        _D.touch == touch,
        _D.occurrence == occurrence,
        in_states(GONE),
    )
    return conn.execute(query.limit(1)).first() is not None


def touches_held(conn: Connection, campaign: str, edition: str, reason_prefix: str) -> set[str]:
    """Return the touches of an edition with deliveries that are held for a reason that begins so."""
    query = select(_D.touch).where(
        _D.campaign == campaign,
        _D.edition == edition,
        in_states({State.HELD}),
        _D.reason.startswith(reason_prefix, autoescape=True),
    )
    return set(conn.execute(query.distinct()).scalars())


def _counted() -> tuple[ColumnElement[Any], ...]:
    sent = case((in_states({State.SENT}), 1), else_=0)
    waits = case((in_states(OPEN), 1), else_=0)
    return func.sum(sent), func.sum(waits), func.count()


# --- single deliveries ------------------------------------------------------------------------------------------------


def delivery(conn: Connection, delivery: int) -> DeliveryRecord | None:
    """Return one delivery."""
    return read_one(conn, DeliveryRecord, rows_of(DeliveryRecord, DELIVERIES).where(_D.id == delivery))


def deliveries(
    conn: Connection,
    *,
    campaign: str | None = None,
    edition: str | None = None,
    touch: str | None = None,
    contact: int | None = None,
    states: Collection[State] | None = None,
    limit: int | None = None,
) -> list[DeliveryRecord]:
    """Return deliveries that fit, by due moment."""
    query = rows_of(DeliveryRecord, DELIVERIES).order_by(_D.due_at, _D.id)
    given = {"campaign": campaign, "edition": edition, "touch": touch, "contact": contact}
    query = query.where(*(_D[name] == value for name, value in given.items() if value is not None))
    if states is not None:
        query = query.where(in_states(states))
    return read_all(conn, DeliveryRecord, query if limit is None else query.limit(limit))


def attempts(conn: Connection, delivery: int) -> list[AttemptRecord]:
    """Return the attempts at a delivery, the first one first."""
    query = rows_of(AttemptRecord, ATTEMPTS).where(ATTEMPTS.c.delivery == delivery).order_by(ATTEMPTS.c.number)
    return read_all(conn, AttemptRecord, query)


def log(
    conn: Connection,
    *,
    campaign: str | None = None,
    touch: str | None = None,
    contact: int | None = None,
    since: datetime | None = None,
    states: Collection[State] | None = None,
    after: int = 0,
    limit: int = 200,
) -> list[LogRecord]:
    """Return the newest `limit` things that became of deliveries, the oldest of them first.

    What merely waits as planned is left out unless `states` asks for it.
    """
    contacts = CONTACTS.c
    name = func.trim(func.coalesce(contacts.first_name, "") + " " + func.coalesce(contacts.last_name, ""))
    people = {"name": name, "email": contacts.email, "phone": contacts.phone}
    stored = {"at": _D.updated_at, "by_hand": is_by_hand(), **{column.key: column for column in _D}, **people}
    query = (
        select(*(stored[field] for field in LogRecord.__dataclass_fields__))
        .select_from(DELIVERIES.outerjoin(CONTACTS, contacts.id == _D.contact))
        .order_by(_D.updated_at.desc(), _D.id.desc())
        .limit(limit)
    )
    given = {"campaign": campaign, "touch": touch, "contact": contact}
    query = query.where(*(_D[name] == value for name, value in given.items() if value is not None), _D.id > after)
    if since is not None:
        query = query.where(_D.updated_at >= since)
    shown = frozenset(State) - {State.PLANNED, State.CLAIMED} if states is None else frozenset(states)
    return read_all(conn, LogRecord, query.where(in_states(shown)))[::-1]


# --- what a cap counts ------------------------------------------------------------------------------------------------


_gone_at = func.coalesce(_D.sent_at, _D.updated_at)
_MARKETING = (
    select(_gone_at)
    .where(
        _D.contact == bindparam("contact_id"),
        _D.marketing,
        _D.state.in_([State.SENT.value, State.ATTEMPTING.value, State.UNKNOWN.value]),
        _gone_at > bindparam("after", type_=Moment()),
    )
    .order_by(_gone_at)
)


def marketing_sent(conn: Connection, contact: int, since: datetime) -> list[datetime]:
    """Return when marketing went to a person after `since` (exclusive), the oldest first.

    What is being sent, and what may have been sent, counts from the moment of its attempt. Ask under `people.lock`.
    """
    return list(conn.execute(_MARKETING, {"contact_id": contact, "after": since}).scalars())


def marketing_sent_since(conn: Connection, contact: int, since: datetime) -> int:
    """Return how many marketing messages went to a person after `since`; see `marketing_sent`."""
    return len(marketing_sent(conn, contact, since))
