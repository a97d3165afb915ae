"""Who has not been heard of for so long that they may be forgotten."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, select

from scheduler.delivery import OPEN
from scheduler.store.tables import CONSENTS, CONTACTS, DELIVERIES, EVENTS, RUNS, TASKS

_C = CONTACTS.c


def inactive(conn: Connection, since: datetime, *, after: int = 0, limit: int = 500) -> list[int]:
    """Return people (by id, those after `after`) who have given no sign of life from `since` (inclusive) on.

    A sign of life is an event, a consent given or taken back, and having come. What we sent to them is none, and what
    an import repeated neither. Somebody with an open message, run or task is not among them.
    """
    signs = (
        exists(select(EVENTS.c.id).where(EVENTS.c.contact == _C.id, EVENTS.c.at >= since)),
        exists(select(CONSENTS.c.id).where(CONSENTS.c.contact == _C.id, CONSENTS.c.at >= since)),
        exists(select(RUNS.c.id).where(RUNS.c.contact == _C.id, RUNS.c.state == "open")),
        exists(select(TASKS.c.id).where(TASKS.c.contact == _C.id, TASKS.c.done_at.is_(None))),
        exists(
            select(DELIVERIES.c.id).where(
                DELIVERIES.c.contact == _C.id, DELIVERIES.c.state.in_([state.value for state in sorted(OPEN)])
            )
        ),
    )
    query = select(_C.id).where(_C.id > after, _C.gone_at.is_(None), _C.created_at < since, *(~sign for sign in signs))
    return [int(contact) for contact in conn.execute(query.order_by(_C.id).limit(limit)).scalars()]
