"""Deliveries come in and are moved to other moments; safe to repeat, by the unique key of a delivery."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    cast,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from scheduler.delivery import OPEN, WAITING, State
from scheduler.store.columns import Moment
from scheduler.store.conditions import UNSENT, in_states, in_zone
from scheduler.store.ledger.numbering import numbered
from scheduler.store.rows import insert_unless_known
from scheduler.store.tables import CONTACTS, DELIVERIES

_BATCH = 5_000
_D = DELIVERIES.c


_FIRST = (
    select(_D.id)
    .where(
        _D.campaign == bindparam("of_campaign"),
        _D.edition == bindparam("of_edition"),
        _D.touch == bindparam("of_touch"),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to be planned; `recipient` is `c<contact id>` or `@<account>`, moments are aware.

    `revision` is the one whose definition it follows; None is the one in force.
    """

    campaign: str
    edition: str
    touch: str
    stage: str
    channel: str
    recipient: str
    occurrence: str
    due_at: datetime
    contact: int | None = None
    run: int | None = None
    marketing: bool = True
    expires_at: datetime | None = None
    on_late: str = "skip"
    revision: int | None = None


_FIELDS = tuple(field.name for field in fields(NewDelivery))


def plan(conn: Connection, rows: Iterable[NewDelivery], now: datetime) -> int:
    """Insert deliveries, leaving those whose key is known as they are; return how many are new.

    Condition: the unique key (campaign, edition, touch, recipient, occurrence); safe to repeat.
    """
    statement = insert_unless_known(conn, DELIVERIES).on_conflict_do_nothing()
    iterator, count = iter(rows), 0
    while batch := list(islice(iterator, _BATCH)):
        values = [{name: getattr(row, name) for name in _FIELDS} for row in batch]
        for row in values:
            row |= {"next_at": row["due_at"], "updated_at": now}
        with numbered(conn, now):
            count += conn.execute(statement, values).rowcount
    return count


def plan_audience(
    conn: Connection,
    *,
    campaign: str,
    edition: str,
    touch: str,
    stage: str,
    channel: str,
    occurrence: str,
    marketing: bool,
    due_at: datetime,
    expires_at: datetime | None,
    on_late: str,
    where: ColumnElement[bool],
    now: datetime,
    zone: str | None = None,
    zone_is_default: bool = False,
) -> int:
    """Plan one occurrence for every contact that `where` describes, in one statement, in the order of their
    ids; return how many are new.

    `zone` narrows to the contacts of one time zone (None: all of them; empty: those without one); with
    `zone_is_default` those without a zone belong to it too. Condition: the unique key, as in `plan`; latecomers join
    by repeating the call.
    """
    fixed = {
        "campaign": campaign,
        "edition": edition,
        "touch": touch,
        "stage": stage,
        "channel": channel,
        "occurrence": occurrence,
        "marketing": marketing,
        "due_at": due_at,
        "next_at": due_at,
        "expires_at": expires_at,
        "on_late": on_late,
        "state": State.PLANNED.value,
        "reason": "",
        "attempts": 0,
        "provider_id": "",
        "subject": "",
        "updated_at": now,
    }
    query = (
        select(
            literal("c") + cast(CONTACTS.c.id, _D.recipient.type),
            CONTACTS.c.id,
            *(literal(value, _D[name].type) for name, value in fixed.items()),
        )
        .where(CONTACTS.c.id.is_not(None), where, in_zone(zone, zone_is_default=zone_is_default))
        .order_by(CONTACTS.c.id)
    )
    # without a WHERE, SQLite would read ON CONFLICT as a join's condition; the query always has one
    statement = insert_unless_known(conn, DELIVERIES).from_select(["recipient", "contact", *fixed], query)
    if (
        conn.dialect.name == "postgresql"
        and conn.execute(_FIRST, {"of_campaign": campaign, "of_edition": edition, "of_touch": touch}).first() is None
    ):
        # Nobody has anything of this touch: without conflicts to look out for, PostgreSQL is a third faster.
        with suppress(IntegrityError), conn.begin_nested():
            return int(conn.execute(statement).rowcount)
    with numbered(conn, now):
        return int(conn.execute(statement.on_conflict_do_nothing()).rowcount)


def pin(conn: Connection, *, campaign: str, edition: str, touch: str, revision: int | None, now: datetime) -> int:
    """Let what of a touch has not ended follow one revision to its end (None: the one in force); return how many.

    What follows a revision already keeps it, unless it is set free. What a worker holds and has not begun is taken
    back, so that it is rendered by the right definition; what is on its way is not touched but for its next attempt.
    """
    same = and_(_D.campaign == campaign, _D.edition == edition, _D.touch == touch, in_states(OPEN))
    free = _D.revision.is_(None) if revision is not None else _D.revision.is_not(None)
    taken = _D.state == State.CLAIMED.value
    values = {
        "revision": revision,
        "state": case((taken, State.PLANNED.value), else_=_D.state),
        "worker": case((taken, None), else_=_D.worker),
        "lease_until": case((taken, None), else_=_D.lease_until),
        "updated_at": now,
    }
    return int(conn.execute(update(DELIVERIES).where(same, free).values(values)).rowcount)


_ROW: BindParameter[int] = bindparam("row")
_DUE = bindparam("due", type_=Moment())
_MOVE = (
    update(DELIVERIES)
    .where(_D.id == _ROW, or_(*(_D.state == state.value for state in sorted(UNSENT))))
    .values(
        state=case((_D.state == State.CLAIMED.value, State.PLANNED.value), else_=_D.state),
        worker=None,
        lease_until=None,
        due_at=_DUE,
        next_at=case((and_(_D.state == State.RETRY_WAIT.value, _D.next_at > _DUE), _D.next_at), else_=_DUE),
        expires_at=bindparam("last", type_=Moment()),
        on_late=bindparam("late"),
        updated_at=bindparam("at", type_=Moment()),
    )
)


@dataclass(frozen=True, slots=True)
class Move:
    """Another moment for one delivery."""

    delivery: int
    due_at: datetime
    expires_at: datetime | None
    on_late: str


def move(conn: Connection, moves: Iterable[Move], now: datetime) -> int:
    """Give single deliveries that were not sent their own new moments; return how many rows.

    What a worker holds and has not begun is taken back; what is on its way keeps its moment. Condition: planned,
    claimed, retry_wait or held.
    """
    iterator, count = iter(moves), 0
    while batch := list(islice(iterator, _BATCH)):
        values = [
            {"row": one.delivery, "due": one.due_at, "last": one.expires_at, "late": one.on_late, "at": now}
            for one in batch
        ]
        count += conn.execute(_MOVE, values).rowcount
    return count


def retime(
    conn: Connection,
    *,
    campaign: str,
    edition: str,
    touch: str,
    occurrence: str,
    due_at: datetime,
    expires_at: datetime | None,
    now: datetime,
    recipient: str | None = None,
    zone: str | None = None,
    zone_is_default: bool = False,
) -> int:
    """Move what was not sent to a new moment; return how many rows.

    What a worker holds and has not begun is taken back when it moves; what is on its way keeps its moment, and so does
    what is pinned to an earlier revision. A row that waits to be tried again is not tried before the new moment.
    """
    condition = and_(
        _D.revision.is_(None), _D.campaign == campaign, _D.edition == edition, _D.touch == touch,
        _D.occurrence == occurrence,
        or_(
            in_states(WAITING | {State.HELD}),
            and_(in_states({State.CLAIMED}), or_(_D.due_at != due_at, _D.expires_at.is_distinct_from(expires_at))),
        ),
    )  # fmt: skip
    if recipient is not None:
        condition = and_(condition, _D.recipient == recipient)
    if zone is not None:
        people = select(CONTACTS.c.id).where(in_zone(zone, zone_is_default=zone_is_default))
        condition = and_(condition, _D.contact.in_(people))
    moment = literal(due_at, Moment())
    again = and_(_D.state == State.RETRY_WAIT.value, _D.next_at > moment)
    taken = _D.state == State.CLAIMED.value
    values = {
        "state": case((taken, State.PLANNED.value), else_=_D.state),
        "worker": case((taken, None), else_=_D.worker),
        "lease_until": case((taken, None), else_=_D.lease_until),
        "due_at": due_at,
        "next_at": case((again, _D.next_at), else_=moment),
        "expires_at": expires_at,
        "updated_at": now,
    }
    return int(conn.execute(update(DELIVERIES).where(condition).values(values)).rowcount)


def begin_run(conn: Connection, delivery: int, run: int) -> bool:
    """Let a message of the calendar that went be the first of the run it begins; return whether it became that.

    Condition: sent, and of no run yet.
    """
    condition = and_(_D.id == delivery, _D.state == State.SENT.value, _D.run.is_(None))
    return bool(conn.execute(update(DELIVERIES).where(condition).values(run=run)).rowcount == 1)
