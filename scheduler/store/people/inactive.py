"""Who may be forgotten: nobody has heard of them for long, or they signed up and never confirmed it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, or_, select, tuple_

from scheduler.delivery import OPEN
from scheduler.store.tables import CONSENTS, CONTACTS, DELIVERIES, EVENTS, RUNS, TASKS

_C = CONTACTS.c


def inactive(conn: Connection, since: datetime, *, after: int = 0, limit: int = 500) -> list[int]:
    """Return people (by id, those after `after`) who have given no sign of life from `since` (inclusive) on.

    A sign of life is an event, a consent given or taken back, and having come. What we sent to them is none, what an
    import repeated neither, nor that a mail was opened, which programs do too. Somebody with an open message, run or
    task is not among them.
    """
    signs = (
        exists(select(EVENTS.c.id).where(EVENTS.c.contact == _C.id, EVENTS.c.at >= since, EVENTS.c.name != "opened")),
        exists(select(CONSENTS.c.id).where(CONSENTS.c.contact == _C.id, CONSENTS.c.at >= since)),
    )
    return _page(conn, after, limit, _C.created_at < since, *(~sign for sign in signs))


def unconfirmed(
    conn: Connection,
    since: datetime,
    asking: Collection[tuple[str, str]],
    *,
    form: str,
    event: str,
    after: int = 0,
    limit: int = 500,
) -> list[int]:
    """Return people (by id, those after `after`) who came by a sign-up before `since` and never confirmed it.

    They were made by an event `event` that a form stored (its key begins with `form`) or that was answered by one of
    the touches `asking` (campaign and touch) for a confirmation. Nothing else happened: no consent was given or taken
    back, no other event came, and no sign-up from `since` (inclusive) on. Nobody with an open message, run or task is
    among them.
    """
    theirs = EVENTS.c.contact == _C.id
    answered = select(RUNS.c.id).where(
        RUNS.c.event == EVENTS.c.id, tuple_(RUNS.c.campaign, RUNS.c.touch).in_(sorted(asking))
    )
    came = or_(EVENTS.c.key.startswith(form, autoescape=True), exists(answered))
    return _page(
        conn,
        after,
        limit,
        _C.created_at < since,
        exists(select(EVENTS.c.id).where(theirs, EVENTS.c.name == event, EVENTS.c.received_at == _C.created_at, came)),
        ~exists(select(EVENTS.c.id).where(theirs, or_(EVENTS.c.name != event, EVENTS.c.received_at >= since))),
        ~exists(select(CONSENTS.c.id).where(CONSENTS.c.contact == _C.id)),
    )


def _page(conn: Connection, after: int, limit: int, *conditions: ColumnElement[bool]) -> list[int]:
    """Return the next contacts of whom the conditions hold, and for whom nothing is open."""
    open_states = [state.value for state in sorted(OPEN)]
    busy = (
        exists(select(RUNS.c.id).where(RUNS.c.contact == _C.id, RUNS.c.state == "open")),
        exists(select(TASKS.c.id).where(TASKS.c.contact == _C.id, TASKS.c.done_at.is_(None))),
        exists(select(DELIVERIES.c.id).where(DELIVERIES.c.contact == _C.id, DELIVERIES.c.state.in_(open_states))),
    )
    query = select(_C.id).where(_C.id > after, _C.gone_at.is_(None), *conditions, *(~one for one in busy))
    return [int(contact) for contact in conn.execute(query.order_by(_C.id).limit(limit)).scalars()]
